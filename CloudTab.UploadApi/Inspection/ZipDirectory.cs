using System.Buffers.Binary;

namespace CloudTab.UploadApi;

/// <summary>
/// Finds the directory of a ZIP archive (PKWARE's APPNOTE, 4.3.14 to 4.3.16). Programs search for it in different ways, so an archive can
/// be a document for one and a program for another: an archive whose directory does not lie where all of them look is refused.
/// </summary>
internal static class ZipDirectory
{
    private const int MostEntries = 10_000;
    private const int Largest = 2 << 20;

    // A comment of up to 65,535 bytes may follow the record at the end.
    private const int EndRecordSize = 22;
    private const int LongestComment = ushort.MaxValue;

    // ZIP64: another record, then its locator, lie between the directory and the record at the end.
    private const int Zip64RecordSize = 56;
    private const int LocatorSize = 20;

    /// <summary>Where it begins.</summary>
    /// <exception cref="InvalidDataException">There is none, or it is larger than that of any document.</exception>
    public static async Task<long> FindAsync(Stream content, CancellationToken cancellationToken)
    {
        var tail = new byte[Math.Min(content.Length, EndRecordSize + LongestComment)];
        await ReadAsync(content, content.Length - tail.Length, tail, cancellationToken);
        var at = EndRecordIn(tail);
        var end = content.Length - tail.Length + at;
        var (entries, size, start) = (
            (ulong)BinaryPrimitives.ReadUInt16LittleEndian(tail.AsSpan(at + 10)),
            (ulong)BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(at + 12)),
            (ulong)BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(at + 16)));

        if (end >= Zip64RecordSize + LocatorSize)
        {
            var record = new byte[Zip64RecordSize + LocatorSize];
            await ReadAsync(content, end - record.Length, record, cancellationToken);
            if (record.AsSpan().StartsWith("PK\x06\x06"u8) && record.AsSpan(Zip64RecordSize).StartsWith("PK\x06\x07"u8))
            {
                end -= record.Length;
                entries = entries == ushort.MaxValue ? BinaryPrimitives.ReadUInt64LittleEndian(record.AsSpan(32)) : entries;
                size = size == uint.MaxValue ? BinaryPrimitives.ReadUInt64LittleEndian(record.AsSpan(40)) : size;
                start = start == uint.MaxValue ? BinaryPrimitives.ReadUInt64LittleEndian(record.AsSpan(48)) : start;
            }
        }

        if (entries > MostEntries || size > Largest || start != (ulong)end - size)
            throw new InvalidDataException("The directory is larger than that of any document, or lies elsewhere.");
        return (long)start;
    }

    // Of several records some programs take the last one, and some the one whose comment ends with the file.
    private static int EndRecordIn(ReadOnlySpan<byte> tail)
    {
        var signature = "PK\x05\x06"u8;
        var at = tail.LastIndexOf(signature);
        if (at < 0 || at + EndRecordSize > tail.Length)
            throw new InvalidDataException("The archive has no end record.");
        var comment = BinaryPrimitives.ReadUInt16LittleEndian(tail[(at + 20)..]);
        return at + EndRecordSize + comment == tail.Length || tail.IndexOf(signature) == at
            ? at
            : throw new InvalidDataException("The archive has several end records.");
    }

    private static async Task ReadAsync(Stream content, long from, byte[] bytes, CancellationToken cancellationToken)
    {
        content.Position = from;
        await content.ReadExactlyAsync(bytes, cancellationToken);
    }
}
