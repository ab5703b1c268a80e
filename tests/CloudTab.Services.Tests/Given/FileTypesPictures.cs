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
}
