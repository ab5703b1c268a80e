using System.Buffers.Binary;
using System.Text;

namespace CloudTab.Services.Tests;

/// <summary>Writes OLE compound files of version 3 ([MS-CFB]): a header, the allocation table, and a directory of empty streams.</summary>
internal static class CompoundFiles
{
    private const int Sector = 512;
    private const int EntrySize = 128;
    private const int EntriesPerTable = Sector / sizeof(uint);
    private const int TablesInHeader = 109;
    private const uint EndOfChain = 0xFFFFFFFE;
    private const uint None = 0xFFFFFFFF;

    /// <summary>A file whose root contains these streams; with <paramref name="nested"/> the second lies in a storage of the first's name.</summary>
    public static byte[] Write(string first, string? second = null, bool nested = false)
    {
        var file = new byte[3 * Sector];
        WriteHeader(file, directory: 1, tables: 1);
        WriteUInt32(file, 0x4C, 0);
        WriteUInt32(file, Sector, 0xFFFFFFFD);
        WriteUInt32(file, Sector + 4, EndOfChain);
        WriteDirectory(file.AsSpan(2 * Sector), first, second, nested);
        return file;
    }

    /// <summary>A file whose root contains one stream with this content, perhaps another one that is empty, and is of this class.</summary>
    public static byte[] WriteContent(string stream, byte[] content, uint rootClass = 0, string? other = null)
    {
        var isSmall = content.Length < 4096;
        var file = new byte[(content.Length + Sector - 1) / Sector * Sector + 4 * Sector];
        // Sectors: the table, the directory, the table of small sectors, the content.
        WriteHeader(file, directory: 1, tables: 1);
        WriteUInt32(file, 0x4C, 0);
        WriteUInt32(file, 0x3C, 2);
        WriteUInt32(file, 0x40, 1);
        for (var i = 0; i < EntriesPerTable; i++)
        {
            WriteUInt32(file, Sector + i * 4, i < 3 ? EndOfChain : (uint)i + 1);
            WriteUInt32(file, 3 * Sector + i * 4, (uint)i + 1);
        }

        WriteDirectory(file.AsSpan(2 * Sector), stream, other, false);
        WriteUInt32(file, 2 * Sector + 0x50, rootClass);
        foreach (var entry in (int[])[2 * Sector, 2 * Sector + EntrySize])
        {
            WriteUInt32(file, entry + 0x74, isSmall && entry > 2 * Sector ? 0u : 3u);
            WriteUInt32(file, entry + 0x78, (uint)content.Length);
        }

        content.CopyTo(file, 4 * Sector);
        return file;
    }

    /// <summary>A file that was dropped into a document, as Windows packs it.</summary>
    /// <param name="wideName">Its name in UTF-16.</param>
    public static byte[] Package(string name, byte[] content, string? wideName = null)
    {
        byte[] text = [.. Encoding.Latin1.GetBytes(name), 0];
        var wide = wideName ?? name;
        byte[] wideText = [.. BitConverter.GetBytes(wide.Length), .. Encoding.Unicode.GetBytes(wide)];
        byte[] packed = [2, 0, .. text, .. text, 0, 0, 3, 0, .. BitConverter.GetBytes(text.Length), .. text, .. BitConverter.GetBytes(content.Length), .. content, .. wideText, .. wideText, .. wideText];
        return [.. BitConverter.GetBytes(packed.Length), .. packed];
    }

    /// <summary>Slides with an object in their stream ([MS-PPT] 2.10.34), compressed or plain, somewhere behind other records.</summary>
    public static byte[] Slides(byte[] content, bool isCompressed = true)
    {
        using var packed = new MemoryStream();
        using (var zlib = new System.IO.Compression.ZLibStream(packed, System.IO.Compression.CompressionLevel.Fastest, leaveOpen: true))
            zlib.Write(content);
        var stored = isCompressed ? [.. BitConverter.GetBytes(content.Length), .. packed.ToArray()] : content;
        byte[] record = [(byte)(isCompressed ? 0x10 : 0), 0, 0x11, 0x10, .. BitConverter.GetBytes(stored.Length), .. stored];
        return WriteContent("PowerPoint Document", [.. new byte[(32 << 10) - 7], .. record, .. new byte[100]]);
    }

    /// <summary>A workbook of a small stream whose chain of sectors is a circle, with these sizes.</summary>
    /// <param name="longStream">From how many bytes on a stream is said to be no small one.</param>
    public static byte[] WithSmallStream(uint size, uint rootSize, uint longStream = 4096)
    {
        var file = WriteContent("Workbook", new byte[64]);
        WriteUInt32(file, 0x38, longStream);
        WriteUInt32(file, 3 * Sector, 0);
        WriteUInt32(file, 2 * Sector + EntrySize + 0x78, size);
        WriteUInt32(file, 2 * Sector + 0x78, rootSize);
        return file;
    }

    /// <summary>A file of 10 MiB, so that its allocation table is longer than the header can list.</summary>
    /// <param name="size">Of the stream.</param>
    public static byte[] WriteLarge(string stream, int size = 0)
    {
        const int sectors = 20_480;
        const int tables = (sectors + EntriesPerTable - 1) / EntriesPerTable;
        const int listed = tables - TablesInHeader;
        var file = new byte[(sectors + 1) * Sector];
        // Sectors: the tables, the list of those that the header has no room for, a long stream, and the directory in the last two.
        WriteHeader(file, directory: sectors - 1, tables);
        WriteUInt32(file, 0x44, tables);
        WriteUInt32(file, 0x48, 1);
        for (var i = 0; i < TablesInHeader; i++)
            WriteUInt32(file, 0x4C + i * 4, (uint)i);
        for (var i = 0; i < listed; i++)
            WriteUInt32(file, (tables + 1) * Sector + i * 4, (uint)(TablesInHeader + i));
        for (var i = 0; i < sectors; i++)
            WriteUInt32(file, Sector + i * 4, (uint)i + 1);
        WriteUInt32(file, Sector + (sectors - 1) * 4, sectors - 2);
        WriteUInt32(file, Sector + (sectors - 2) * 4, EndOfChain);
        WriteDirectory(file.AsSpan(sectors * Sector), stream, null, false);
        WriteUInt32(file, sectors * Sector + EntrySize + 0x74, tables + 1);
        WriteUInt32(file, sectors * Sector + EntrySize + 0x78, (uint)size);
        return file;
    }

    /// <summary>A document with packages that all are the same sectors.</summary>
    /// <param name="size">Of each.</param>
    public static byte[] WithPackages(int packages, int size)
    {
        const int perSector = Sector / EntrySize;
        var file = WriteLarge("WordDocument");
        // The directory goes on in the sectors before its second one.
        var last = file.Length / Sector - 3;
        for (var i = 0; i < packages; i++)
        {
            var sector = last - i / perSector;
            var entry = (sector + 1) * Sector + i % perSector * EntrySize;
            WriteEntry(file.AsSpan(entry), "\u0001Ole10Native", type: 2, right: None, child: None);
            WriteUInt32(file, entry + 0x74, 1_000);
            WriteUInt32(file, entry + 0x78, (uint)size);
            WriteUInt32(file, Sector + sector * 4, i + perSector < packages ? (uint)sector - 1 : EndOfChain);
        }

        return file;
    }

    /// <summary>A file whose directory's chain leads back to its beginning.</summary>
    public static byte[] Circle()
    {
        var file = Write("WordDocument");
        WriteUInt32(file, Sector + 4, 1);
        return file;
    }

    private static void WriteHeader(byte[] file, uint directory, uint tables)
    {
        ((ReadOnlySpan<byte>)[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]).CopyTo(file);
        file[0x1A] = 3;
        file[0x1C] = 0xFE;
        file[0x1D] = 0xFF;
        file[0x1E] = 9;
        file[0x20] = 6;
        WriteUInt32(file, 0x2C, tables);
        WriteUInt32(file, 0x30, directory);
        WriteUInt32(file, 0x38, 4096);
        WriteUInt32(file, 0x3C, EndOfChain);
        WriteUInt32(file, 0x44, EndOfChain);
    }

    private static void WriteDirectory(Span<byte> directory, string first, string? second, bool nested)
    {
        WriteEntry(directory, "Root Entry", type: 5, right: None, child: 1);
        var more = second is null ? None : 2;
        WriteEntry(directory[EntrySize..], first, type: (byte)(nested ? 1 : 2), right: nested ? None : more, child: nested ? more : None);
        if (second is not null)
            WriteEntry(directory[(2 * EntrySize)..], second, type: 2, right: None, child: None);
    }

    private static void WriteEntry(Span<byte> entry, string name, byte type, uint right, uint child)
    {
        var length = Encoding.Unicode.GetBytes(name, entry);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[0x40..], (ushort)(length + 2));
        entry[0x42] = type;
        BinaryPrimitives.WriteUInt32LittleEndian(entry[0x44..], None);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[0x48..], right);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[0x4C..], child);
    }

    private static void WriteUInt32(byte[] file, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at), value);
}
