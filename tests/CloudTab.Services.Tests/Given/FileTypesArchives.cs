using System.IO.Compression;

namespace CloudTab.Services.Tests;

/// <summary>Writes ZIP archives, also those whose records at the end do not agree (APPNOTE, 4.3.14 to 4.3.16).</summary>
internal static class Archives
{
    /// <summary>The same archive with a record of ZIP64, and the fields of the usual one masked (APPNOTE, 4.4.1.4) or not.</summary>
    public static byte[] Zip64(byte[] archive, bool isMasked = true)
    {
        var (entries, size, start) = EndOf(archive);
        var end = isMasked ? [.. archive[^22..^14], .. Enumerable.Repeat((byte)0xFF, 12), 0, 0] : archive[^22..];
        return [.. archive[..^22], .. Zip64Record(entries, size, start), .. Zip64Locator(archive.Length - 22), .. end];
    }

    private static (ushort Entries, uint Size, uint Start) EndOf(byte[] archive) =>
        (BitConverter.ToUInt16(archive, archive.Length - 12), BitConverter.ToUInt32(archive, archive.Length - 10), BitConverter.ToUInt32(archive, archive.Length - 6));

    private static byte[] Zip64Record(long entries, long size, long start) =>
        [.. "PK\x06\x06"u8, 44, 0, 0, 0, 0, 0, 0, 0, 45, 0, 45, 0, .. new byte[8], .. new[] { entries, entries, size, start }.SelectMany(BitConverter.GetBytes)];

    private static byte[] Zip64Locator(long record) => [.. "PK\x06\x07"u8, 0, 0, 0, 0, .. BitConverter.GetBytes(record), 1, 0, 0, 0];

    /// <summary>
    /// The same archive for programs that take the record of ZIP64 before its locator. Those that take the one that the locator names see an
    /// archive without the last entry.
    /// </summary>
    public static byte[] OtherDirectory(byte[] archive)
    {
        var (entries, size, start) = EndOf(archive);
        var directory = archive.AsSpan((int)start, (int)size).ToArray();
        var other = directory[..directory.AsSpan().LastIndexOf("PK\x01\x02"u8)];
        var moved = start + other.Length + 56;
        return [
            .. archive[..(int)start], .. other, .. Zip64Record(entries - 1, other.Length, start), .. directory, .. Zip64Record(entries, size, moved),
            .. Zip64Locator(start + other.Length), .. "PK\x05\x06"u8, 0, 0, 0, 0, .. Enumerable.Repeat((byte)0xFF, 12), 0, 0,
        ];
    }

    /// <summary>The same archive with a locator that names no record, as a part of the directory.</summary>
    public static byte[] Locator(byte[] archive) =>
        [.. archive[..^22], .. Zip64Locator(0), .. archive[^22..^10], .. BitConverter.GetBytes(EndOf(archive).Size + 20), .. archive[^6..]];

    /// <summary>An archive with a record of ZIP64 whose directory is longer than all that comes before it.</summary>
    public static byte[] BeforeItself(byte[] archive) =>
        Patched(archive, 98 - 40, [.. BitConverter.GetBytes(1L << 20), .. BitConverter.GetBytes(archive.Length - 98 - (1L << 20))]);

    /// <summary>The same file with other bytes at a distance from its end.</summary>
    public static byte[] Patched(byte[] file, int fromEnd, params byte[] bytes) => [.. file[..^fromEnd], .. bytes, .. file[^(fromEnd - bytes.Length)..]];

    /// <summary>The same archive with something between its directory and its end, where other programs look for the directory.</summary>
    public static byte[] MovedEnd(byte[] archive) => [.. archive[..^22], .. new byte[100], .. archive[^22..]];

    /// <summary>The same archive whose directory says another size of its last entry (APPNOTE, 4.3.12).</summary>
    public static byte[] Claiming(byte[] archive, int size)
    {
        var claiming = archive.ToArray();
        BitConverter.GetBytes(size).CopyTo(claiming, claiming.AsSpan().LastIndexOf("PK\x01\x02"u8) + 24);
        return claiming;
    }

    public static byte[] Zip(params (string Name, byte[] Content)[] entries)
    {
        using var bytes = new MemoryStream();
        using (var archive = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, content) in entries)
            {
                var entry = archive.CreateEntry(name, name == "mimetype" || name.Contains("media", StringComparison.Ordinal) ? CompressionLevel.NoCompression : CompressionLevel.Fastest);
                using var stream = entry.Open();
                stream.Write(content);
            }
        }

        return bytes.ToArray();
    }
}
