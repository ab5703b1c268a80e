using System.Buffers.Binary;

namespace CloudTab.UploadApi;

/// <summary>
/// Finds the directory of a ZIP archive (PKWARE's APPNOTE, 4.3.14 to 4.3.16). Programs search for it in different ways, so an archive can
/// be a document for one and a program for another: an archive whose directory does not lie where all of them look is refused.
/// ZIP64 says everything twice. Some programs believe its record only where the usual one says to, some always; some find it by its locator,
/// some in front of it: so the records may not contradict each other.
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

    // Both records have six fields: this disk, the directory's disk, the entries on this disk, all entries, the directory's size, its place.
    // Each contains this in the usual record if only that of ZIP64 says it (4.4.1.4).
    private static readonly ulong[] Masked = [ushort.MaxValue, ushort.MaxValue, ushort.MaxValue, ushort.MaxValue, uint.MaxValue, uint.MaxValue];

    /// <summary>Where it begins.</summary>
    /// <exception cref="InvalidDataException">There is none, or it is larger than that of any document.</exception>
    public static async Task<long> FindAsync(Stream content, CancellationToken cancellationToken)
    {
        var tail = new byte[Math.Min(content.Length, EndRecordSize + LongestComment)];
        await ReadAsync(content, content.Length - tail.Length, tail, cancellationToken);
        var at = EndRecordIn(tail);
        var end = content.Length - tail.Length + at;
        var fields = FieldsOf(tail.AsSpan(at));

        var before = new byte[Math.Min(end, Zip64RecordSize + LocatorSize)];
        await ReadAsync(content, end - before.Length, before, cancellationToken);
        var hasZip64 = before.AsSpan(Math.Max(before.Length - LocatorSize, 0)).StartsWith("PK\x06\x07"u8);
        if (hasZip64)
            end -= before.Length;
        var sure = hasZip64 ? Zip64FieldsOf(before, end) : fields;
        if (fields.Where((field, i) => field == Masked[i] ? !hasZip64 : field != sure[i]).Any())
            throw new InvalidDataException("The records at the end contradict each other.");
        if (sure is not [0, 0, var onDisk, <= MostEntries and var entries, <= Largest and var size, var start]
            || onDisk != entries || start > (ulong)end || size != (ulong)end - start)
        {
            throw new InvalidDataException("The directory is larger than that of any document, or lies elsewhere.");
        }

        return (long)start;
    }

    private static ulong[] FieldsOf(ReadOnlySpan<byte> record) =>
        [UInt16(record, 4), UInt16(record, 6), UInt16(record, 8), UInt16(record, 10), UInt32(record, 12), UInt32(record, 16)];

    /// <param name="bytes">The record of ZIP64 and its locator.</param>
    /// <param name="place">Where they begin in the archive.</param>
    private static ulong[] Zip64FieldsOf(ReadOnlySpan<byte> bytes, long place)
    {
        if (bytes.Length < Zip64RecordSize + LocatorSize || !bytes.StartsWith("PK\x06\x06"u8) || UInt64(bytes, 4) != Zip64RecordSize - 12)
            throw new InvalidDataException("There is no record of ZIP64 before its locator.");
        var locator = bytes[Zip64RecordSize..];
        if (UInt64(locator, 8) != (ulong)place || UInt32(locator, 4) != 0 || UInt32(locator, 16) > 1)
            throw new InvalidDataException("The record of ZIP64 lies elsewhere, or on another disk.");
        return [UInt32(bytes, 16), UInt32(bytes, 20), UInt64(bytes, 24), UInt64(bytes, 32), UInt64(bytes, 40), UInt64(bytes, 48)];
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

    private static ulong UInt16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static ulong UInt32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static ulong UInt64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);

    private static async Task ReadAsync(Stream content, long from, byte[] bytes, CancellationToken cancellationToken)
    {
        content.Position = from;
        await content.ReadExactlyAsync(bytes, cancellationToken);
    }
}
