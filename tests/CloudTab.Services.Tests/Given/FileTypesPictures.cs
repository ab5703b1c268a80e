namespace CloudTab.Services.Tests;

/// <summary>Writes the headers of pictures, which tell their sizes.</summary>
internal static class Pictures
{
    public static byte[] Jpeg(int width, int height) =>
        [0xFF, 0xD8, 0xFF, 0xC2, 0, 11, 8, (byte)(height >> 8), (byte)height, (byte)(width >> 8), (byte)width, 1, 1, 0x11, 0, 0xFF, 0xDA, 0, 2];

    /// <summary>Two pages; the second, of this size, lies before the first.</summary>
    public static byte[] Tiff(int width, int height) =>
    [
        .. "II"u8, 42, 0, 38, 0, 0, 0,
        2, 0, 0, 1, 4, 0, 1, 0, 0, 0, .. BitConverter.GetBytes(width), 1, 1, 4, 0, 1, 0, 0, 0, .. BitConverter.GetBytes(height), 0, 0, 0, 0,
        2, 0, 0, 1, 3, 0, 1, 0, 0, 0, 9, 0, 0, 0, 1, 1, 3, 0, 1, 0, 0, 0, 9, 0, 0, 0, 8, 0, 0, 0,
    ];

    /// <summary>Pages of these sizes, one behind the other.</summary>
    public static byte[] Tiff(params (int Width, int Height)[] pages) =>
        [.. "II"u8, 42, 0, 8, 0, 0, 0, .. pages.SelectMany((page, i) =>
            (byte[])[2, 0, .. Field(0, page.Width), .. Field(1, page.Height), .. BitConverter.GetBytes(i + 1 == pages.Length ? 0 : 8 + (i + 1) * 30)])];

    /// <summary>A TIFF's width (0) or height (1).</summary>
    public static byte[] Field(byte kind, int value) => [kind, 1, 4, 0, 1, 0, 0, 0, .. BitConverter.GetBytes(value)];

    /// <summary>100 pages of 60,000 fields each, which begin four bytes apart.</summary>
    public static byte[] OverlappingTiff()
    {
        const int fields = 60_000;
        var file = new byte[8 + 2 + fields * 12 + 400];
        ((ReadOnlySpan<byte>)[.. "II"u8, 42, 0, 8]).CopyTo(file);
        for (var page = 8; page < 408; page += 4)
        {
            BitConverter.TryWriteBytes(file.AsSpan(page), (ushort)fields);
            BitConverter.TryWriteBytes(file.AsSpan(page + 2 + fields * 12), page == 404 ? 0 : page + 4);
        }

        return file;
    }

    /// <summary>A HEIF whose image has more than 250 million pixels.</summary>
    /// <param name="before">Other boxes, which come first.</param>
    /// <param name="header">Bytes, 8 or 16, of the header of the box that contains the size.</param>
    /// <param name="missing">Bytes that the outer boxes promise and the file does not have.</param>
    public static byte[] Heic(byte[] before, byte header, byte missing)
    {
        byte[] size = [0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0x40, 0];
        byte[] ispe = header == 8 ? [0, 0, 0, 20, .. "ispe"u8, .. size] : [0, 0, 0, 1, .. "ispe"u8, 0, 0, 0, 0, 0, 0, 0, 28, .. size];
        var length = (byte)(ispe.Length + missing);
        return [0, 0, 0, 20, .. "ftypheic"u8, 0, 0, 0, 0, .. "mif1"u8, .. before, 0, 0, 0, (byte)(length + 28), .. "meta"u8, 0, 0, 0, 0,
            0, 0, 0, (byte)(length + 16), .. "iprp"u8, 0, 0, 0, (byte)(length + 8), .. "ipco"u8, .. ispe];
    }
}
