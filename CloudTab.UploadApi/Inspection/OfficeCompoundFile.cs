using System.Buffers.Binary;
using System.Text;

namespace CloudTab.UploadApi;

/// <summary>
/// Tells which office document an OLE compound file is, by the streams in its root ([MS-CFB] 2.6). Installers, messages, encrypted OOXML
/// packages and other files of this container have other streams. A document with macros is a program, and not accepted.
/// </summary>
internal sealed class OfficeCompoundFile
{
    private const int HeaderSize = 512;
    private const int EntrySize = 128;
    private const int EntriesInHeader = 109;
    private const int MostEntries = 8_192;
    private const uint LastRegularSector = 0xFFFFFFFA;
    private const uint NoEntry = 0xFFFFFFFF;

    private static readonly Dictionary<string, string> Documents = new(StringComparer.OrdinalIgnoreCase)
    {
        ["WordDocument"] = MediaTypes.Doc,
        ["Workbook"] = MediaTypes.Xls,
        ["Book"] = MediaTypes.Xls,
        ["PowerPoint Document"] = MediaTypes.Ppt,
    };

    private readonly Stream _content;
    private readonly byte[] _header;
    private readonly int _sectorSize;

    private OfficeCompoundFile(Stream content, byte[] header)
    {
        _content = content;
        _header = header;
        // [MS-CFB] 2.2: 512 bytes in version 3, 4,096 in version 4, nothing else.
        _sectorSize = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(0x1E)) switch
        {
            9 => 512,
            12 => 4096,
            _ => throw new InvalidDataException("Sectors of an unknown size."),
        };
    }

    /// <summary>The media type, or null if the file is no such document. The stream limits how much is read.</summary>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    /// <exception cref="EndOfStreamException">The file is truncated.</exception>
    public static async Task<string?> DetectAsync(Stream content, CancellationToken cancellationToken)
    {
        var header = new byte[HeaderSize];
        content.Position = 0;
        await content.ReadExactlyAsync(header, cancellationToken);
        var entries = await new OfficeCompoundFile(content, header).ReadDirectoryAsync(cancellationToken);
        if (entries.Exists(entry => entry.Name.StartsWith("_VBA_PROJECT", StringComparison.OrdinalIgnoreCase)))
            return null;
        var types = InRoot(entries).Select(entry => Documents.GetValueOrDefault(entry.Name)).OfType<string>().ToHashSet(StringComparer.Ordinal);
        return types.Count == 1 ? types.Single() : null;
    }

    private async Task<List<Entry>> ReadDirectoryAsync(CancellationToken cancellationToken)
    {
        var entries = new List<Entry>();
        var sectorBytes = new byte[_sectorSize];
        for (var sector = UInt32At(_header, 0x30); sector <= LastRegularSector; sector = await NextAsync(sector, cancellationToken))
        {
            // This also ends a chain that is a circle.
            if (entries.Count >= MostEntries)
                throw new InvalidDataException("More entries than any document has.");
            _content.Position = PositionOf(sector);
            await _content.ReadExactlyAsync(sectorBytes, cancellationToken);
            for (var at = 0; at < _sectorSize; at += EntrySize)
                entries.Add(Entry.Read(sectorBytes.AsSpan(at, EntrySize)));
        }

        return entries;
    }

    // [MS-CFB] 2.3: for each sector, the allocation table names the next one of its chain.
    private async Task<uint> NextAsync(uint sector, CancellationToken cancellationToken)
    {
        var perSector = (uint)(_sectorSize / sizeof(uint));
        var table = await TableSectorAsync(sector / perSector, cancellationToken);
        return await ReadAsync(PositionOf(table) + sector % perSector * sizeof(uint), cancellationToken);
    }

    // [MS-CFB] 2.5: the header lists the first 109 sectors of the table. The others are listed in sectors that are chained by their last entry.
    private async Task<uint> TableSectorAsync(uint index, CancellationToken cancellationToken)
    {
        if (index < EntriesInHeader)
            return UInt32At(_header, 0x4C + (int)index * sizeof(uint));
        var perSector = (uint)(_sectorSize / sizeof(uint) - 1);
        var list = UInt32At(_header, 0x44);
        for (index -= EntriesInHeader; index >= perSector; index -= perSector)
            list = await ReadAsync(PositionOf(list) + perSector * sizeof(uint), cancellationToken);
        return await ReadAsync(PositionOf(list) + index * sizeof(uint), cancellationToken);
    }

    private async Task<uint> ReadAsync(long position, CancellationToken cancellationToken)
    {
        var bytes = new byte[sizeof(uint)];
        _content.Position = position;
        await _content.ReadExactlyAsync(bytes, cancellationToken);
        return UInt32At(bytes, 0);
    }

    private long PositionOf(uint sector)
    {
        var position = (sector + 1L) * _sectorSize;
        return position < _content.Length ? position : throw new InvalidDataException("No such sector.");
    }

    // The entries of a storage form a binary tree whose root is the storage's child. Deeper entries belong to embedded documents.
    private static IEnumerable<Entry> InRoot(List<Entry> entries)
    {
        var seen = new HashSet<uint>();
        var open = new Stack<uint>();
        if (entries.Count > 0)
            open.Push(entries[0].Child);
        while (open.TryPop(out var index))
        {
            if (index == NoEntry || !seen.Add(index))
                continue;
            var entry = index < entries.Count ? entries[(int)index] : throw new InvalidDataException("No such entry.");
            open.Push(entry.Left);
            open.Push(entry.Right);
            if (entry.IsStream)
                yield return entry;
        }
    }

    private static uint UInt32At(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private sealed record Entry(string Name, bool IsStream, uint Left, uint Right, uint Child)
    {
        private const int StreamType = 2;
        private const int LongestName = 64;

        public static Entry Read(ReadOnlySpan<byte> bytes)
        {
            // The length counts the bytes of the name and of the zero at its end.
            var length = Math.Clamp(BinaryPrimitives.ReadUInt16LittleEndian(bytes[0x40..]) - 2, 0, LongestName);
            return new(
                Encoding.Unicode.GetString(bytes[..length]),
                bytes[0x42] == StreamType,
                UInt32At(bytes, 0x44),
                UInt32At(bytes, 0x48),
                UInt32At(bytes, 0x4C));
        }
    }
}
