using System.Buffers.Binary;

namespace CloudTab.UploadApi;

/// <summary>Finds macros that lie within a stream of a binary Office document, not in streams of their own.</summary>
internal static class OfficeMacros
{
    private const int MostRecords = 1_000_000;
    private const int ScanSize = 32 << 10;

    // [MS-XLS] 2.4.21, 2.4.28, 2.4.117: the records at the beginning of a substream, of a sheet's place, and of encryption; 2.4.103: the last one.
    private const int BeginRecord = 0x0809;
    private const int SheetRecord = 0x0085;
    private const int PasswordRecord = 0x002F;
    private const int EndRecord = 0x000A;

    // [MS-PPT] 2.4.10: version 2, type 0x0400, 12 bytes; then the reference to the project, and whether it has macros.
    private const int VbaAtomSize = 16;

    private static ReadOnlySpan<byte> VbaAtom => [2, 0, 0, 4, 12, 0, 0, 0];

    /// <summary>Whether a workbook has a sheet of macros (Excel 4.0) or a module: by the list of its sheets, or by the beginning of one.</summary>
    public static async Task<bool> IsInWorkbookAsync(CompoundStream workbook, CancellationToken cancellationToken)
    {
        var sheets = new List<uint>();
        var record = new byte[10];
        var isEncrypted = false;
        var records = 0;
        for (var position = 0L; await workbook.ReadAsync(position, record, cancellationToken) >= 4;)
        {
            var (type, length) = (UInt16(record, 0), UInt16(record, 2));
            if (type == EndRecord || position == 0 && type != BeginRecord)
                break;
            if (++records > MostRecords)
                throw new InvalidDataException("More records than any workbook has.");
            isEncrypted |= type == PasswordRecord;
            if (type == SheetRecord)
            {
                // The kind of the sheet is encrypted, its place is not.
                if (!isEncrypted && record[9] is 1 or 6)
                    return true;
                sheets.Add(BinaryPrimitives.ReadUInt32LittleEndian(record.AsSpan(4)));
            }

            position += 4 + length;
        }

        foreach (var sheet in sheets)
        {
            if (await workbook.ReadAsync(sheet, record, cancellationToken) == record.Length && UInt16(record, 0) == BeginRecord && UInt16(record, 6) is 0x40 or 0x06)
                return true;
        }

        return false;
    }

    /// <summary>
    /// Whether slides have macros. PowerPoint finds the record by references from other streams, so what lies between the records can be
    /// anything: the record is searched for, not walked to.
    /// </summary>
    public static async Task<bool> IsInSlidesAsync(CompoundStream slides, CancellationToken cancellationToken)
    {
        var window = new byte[ScanSize];
        for (var position = 0L; ; position += ScanSize - VbaAtomSize + 1)
        {
            var length = await slides.ReadAsync(position, window, cancellationToken);
            if (HasVbaAtom(window.AsSpan(0, length)))
                return true;
            if (length < window.Length)
                return false;
        }
    }

    private static bool HasVbaAtom(ReadOnlySpan<byte> window)
    {
        for (var at = window.IndexOf(VbaAtom); at >= 0 && at + VbaAtomSize <= window.Length;)
        {
            if (BinaryPrimitives.ReadUInt32LittleEndian(window[(at + 12)..]) != 0)
                return true;
            window = window[(at + 1)..];
            at = window.IndexOf(VbaAtom);
        }

        return false;
    }

    private static ushort UInt16(byte[] bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(at));
}
