using System.Buffers.Binary;
using System.IO.Compression;

namespace CloudTab.UploadApi;

/// <summary>
/// Looks into the objects within one document that are OLE compound files themselves: those of a ZIP archive, and those that PowerPoint keeps
/// within a stream. They are unpacked into memory, for one document at a time in the whole process: 80 MiB at most. Addresses are served in
/// turn, since each has few documents in <see cref="InspectionPlaces"/>.
/// </summary>
internal sealed class OfficeObjects
{
    private const int LargestUnpacked = 32 << 20;

    // Of an object in an object in a document. Each is in memory while the next one is looked into.
    private const int MostLevels = 2;

    // [MS-PPT] 2.10.34: a record of type 0x1011, plain or compressed; then its length and, if it is compressed, the length that it unpacks to.
    private const int RecordHeader = 8;
    private const int CompressedHeader = RecordHeader + sizeof(uint);
    private const int LongestHeader = CompressedHeader + sizeof(ushort);
    private const int ScanSize = 32 << 10;

    private static readonly SemaphoreSlim Place = new(1);

    // As of an archive: all objects of a document together, those within others included.
    private long _left = 200 << 20;
    private int _level;

    private static ReadOnlySpan<byte> CompoundFile => [0xD0, 0xCF, 0x11, 0xE0];

    private static ReadOnlySpan<byte> RecordType => [0x00, 0x11, 0x10];

    /// <summary>Whether a file begins like an object of this kind.</summary>
    public static bool IsBegunBy(ReadOnlySpan<byte> head) => head.StartsWith(CompoundFile);

    /// <summary>Whether an object has macros or contains a program.</summary>
    /// <param name="packed">Its bytes as they are unpacked.</param>
    /// <exception cref="InvalidDataException">It is damaged, or it or all objects together are larger than those of any document.</exception>
    public async Task<bool> HasProgramAsync(Stream packed, CancellationToken cancellationToken)
    {
        if (_level == MostLevels)
            throw new InvalidDataException("More objects within objects than in any document.");
        if (_level == 0)
            await Place.WaitAsync(cancellationToken);
        _level++;
        try
        {
            return await OfficeCompoundFile.HasProgramAsync(await UnpackAsync(packed, cancellationToken), this, cancellationToken);
        }
        finally
        {
            if (--_level == 0)
                Place.Release();
        }
    }

    /// <summary>
    /// Whether one of the objects within slides does. PowerPoint finds their records by references from other records, so what lies between
    /// can be anything: they are searched for, not walked to.
    /// </summary>
    public async Task<bool> HaveProgramAsync(CompoundStream slides, CancellationToken cancellationToken)
    {
        var window = new byte[ScanSize];
        for (var position = 0L; ; position += ScanSize - LongestHeader + 1)
        {
            var length = await slides.ReadAsync(position, window, cancellationToken);
            for (var at = Find(window.AsSpan(0, length), 0); at >= 0; at = Find(window.AsSpan(0, length), at + RecordType.Length))
            {
                var (isCompressed, header) = window[at] == 0x10 ? (true, CompressedHeader) : (false, RecordHeader);
                var size = BinaryPrimitives.ReadUInt32LittleEndian(window.AsSpan(at + sizeof(uint)));
                await using var record = slides.Open(position + at + header, size - (header - RecordHeader));
                await using var packed = isCompressed ? new ZLibStream(record, CompressionMode.Decompress) : (Stream)record;
                if (await HasProgramAsync(packed, cancellationToken))
                    return true;
            }

            if (length < window.Length)
                return false;
        }
    }

    // The beginning of a record, if its content begins like an object, or like something that zlib has compressed (RFC 1950, 2.2).
    private static int Find(ReadOnlySpan<byte> window, int from)
    {
        while (from < window.Length && window[from..].IndexOf(RecordType) is >= 0 and var found)
        {
            from += found + 1;
            var at = from - 2;
            if (at < 0 || at + LongestHeader > window.Length)
                continue;
            var isObject = window[at] switch
            {
                0x00 => IsBegunBy(window[(at + RecordHeader)..]),
                0x10 => (window[at + CompressedHeader] & 0x0F) == 8 && BinaryPrimitives.ReadUInt16BigEndian(window[(at + CompressedHeader)..]) % 31 == 0,
                _ => false,
            };
            if (isObject)
                return at;
        }

        return -1;
    }

    private async Task<MemoryStream> UnpackAsync(Stream packed, CancellationToken cancellationToken)
    {
        var unpacked = new MemoryStream();
        var block = new byte[ScanSize];
        while (await packed.ReadAsync(block, cancellationToken) is > 0 and var read)
        {
            _left -= read;
            if (unpacked.Length + read > LargestUnpacked || _left < 0)
                throw new InvalidDataException("Objects larger than in any document.");
            if (unpacked.Length + read > unpacked.Capacity - OfficeCompoundFile.LargestSector)
                unpacked.Capacity = Math.Min(2 * (unpacked.Capacity + ScanSize), LargestUnpacked + OfficeCompoundFile.LargestSector);
            unpacked.Write(block.AsSpan(0, read));
        }

        // Not every program fills the last sector.
        unpacked.SetLength(unpacked.Length + OfficeCompoundFile.LargestSector);
        return unpacked;
    }
}
