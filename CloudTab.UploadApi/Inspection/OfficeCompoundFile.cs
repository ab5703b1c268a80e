using System.Buffers.Binary;
using System.Text;

namespace CloudTab.UploadApi;

/// <summary>
/// Tells which office document an OLE compound file is, by the streams in its root ([MS-CFB] 2.6). Installers, messages, encrypted OOXML
/// packages and other files of this container have other streams. A document with macros is a program, and not accepted.
/// </summary>
internal sealed class OfficeCompoundFile
{
    /// <summary>Bytes in a sector of version 4.</summary>
    public const int LargestSector = 4096;

    private const int HeaderSize = 512;
    private const int EntrySize = 128;
    private const int EntriesInHeader = 109;
    private const int MostEntries = 8_192;
    private const uint LastRegularSector = 0xFFFFFFFA;
    private const uint NoEntry = 0xFFFFFFFF;
    private const int SmallSector = 64;
    private const int LongStream = 4096;

    // {000C1084-0000-0000-C000-000000000046}, its first 4 bytes; 1082 is a transform, 1086 a patch.
    private const uint InstallerClass = 0x000C1084;

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
    private readonly List<uint> _tables;
    private uint _moreTables;
    private List<Entry> _entries = [];
    private CompoundStream? _small;
    private CompoundStream? _smallTable;

    // Each sector is a part of one chain, so all streams together have no more of them than the file has.
    private long _stepsLeft;

    private OfficeCompoundFile(Stream content, byte[] header)
    {
        _content = content;
        _header = header;
        // [MS-CFB] 2.2: 512 bytes in version 3, 4,096 in version 4, nothing else.
        _stepsLeft = 2 * (content.Length / SmallSector);
        _sectorSize = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(0x1E)) switch
        {
            9 => 512,
            12 => LargestSector,
            _ => throw new InvalidDataException("Sectors of an unknown size."),
        };
        // [MS-CFB] 2.2: these are no choice either. With others, a stream of any length could be called a small one.
        if (BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(0x20)) != 6 || UInt32At(header, 0x38) != LongStream)
            throw new InvalidDataException("Small streams of an unknown size.");
        _tables = [.. Enumerable.Range(0, EntriesInHeader).Select(index => UInt32At(header, 0x4C + index * sizeof(uint)))];
        _moreTables = UInt32At(header, 0x44);
    }

    /// <summary>The media type, or null if the file is no such document. The stream limits how much is read.</summary>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    /// <exception cref="EndOfStreamException">The file is truncated.</exception>
    public static async Task<string?> DetectAsync(Stream content, CancellationToken cancellationToken)
    {
        var file = await ReadAsync(content, cancellationToken);
        var types = file.InRoot().Select(entry => Documents.GetValueOrDefault(entry.Name)).OfType<string>().ToHashSet(StringComparer.Ordinal);
        return types.Count == 1 && !await file.HasProgramAsync(new OfficeObjects(), cancellationToken) ? types.Single() : null;
    }

    /// <summary>Whether a file that is an object of a document has macros or contains a program.</summary>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    /// <exception cref="EndOfStreamException">The file is truncated.</exception>
    public static async Task<bool> HasProgramAsync(Stream content, OfficeObjects objects, CancellationToken cancellationToken) =>
        await (await ReadAsync(content, cancellationToken)).HasProgramAsync(objects, cancellationToken);

    private static async Task<OfficeCompoundFile> ReadAsync(Stream content, CancellationToken cancellationToken)
    {
        var header = new byte[HeaderSize];
        content.Position = 0;
        await content.ReadExactlyAsync(header, cancellationToken);
        var file = new OfficeCompoundFile(content, header);
        file._entries = await file.ReadDirectoryAsync(cancellationToken);
        return file;
    }

    private async Task<bool> HasProgramAsync(OfficeObjects objects, CancellationToken cancellationToken)
    {
        if (_entries.Exists(entry => entry.IsUsed && (IsMacro(entry.Name) || IsOfInstaller(entry))))
            return true;
        // Objects of Word and Excel lie in storages of this file: their packages are anywhere in it.
        foreach (var package in _entries.Where(entry => entry.IsStream && entry.Size > 0 && entry.Name.Equals(OlePackage.StreamName, StringComparison.OrdinalIgnoreCase)))
        {
            if (await OlePackage.IsProgramAsync(await OpenAsync(package, cancellationToken), objects, cancellationToken))
                return true;
        }

        if (await HasProgramInStreamAsync(objects, cancellationToken))
            return true;
        var documents = InRoot().Where(entry => Documents.ContainsKey(entry.Name)).ToList();
        // [MS-CFB] 2.6.4: no two have the same name. Which of them a program opens, nobody knows, and each costs a look into it.
        if (documents.DistinctBy(entry => entry.Name, StringComparer.OrdinalIgnoreCase).Count() != documents.Count)
            throw new InvalidDataException("Two streams of one name.");
        foreach (var entry in documents.Where(entry => Documents[entry.Name] != MediaTypes.Doc && entry.Size > 0))
        {
            var stream = await OpenAsync(entry, cancellationToken);
            var hasProgram = Documents[entry.Name] == MediaTypes.Xls
                ? await OfficeMacros.IsInWorkbookAsync(stream, cancellationToken)
                : await OfficeMacros.IsInSlidesAsync(stream, cancellationToken) || await objects.HaveProgramAsync(stream, cancellationToken);
            if (hasProgram)
                return true;
        }

        return false;
    }

    /// <summary>Whether a stream is a program or an installer from its first byte on: data of other programs, attachments of messages.</summary>
    private async Task<bool> HasProgramInStreamAsync(OfficeObjects objects, CancellationToken cancellationToken)
    {
        // In the order of the file, so that each block of it is fetched once.
        foreach (var entry in _entries.Where(entry => entry.IsStream && entry.Size > 0).OrderBy(entry => entry.Size < LongStream).ThenBy(entry => entry.Start))
        {
            var head = await ReadHeadAsync(entry, cancellationToken);
            if (Programs.IsBegunBy(head, entry.Size)
                || OfficeObjects.IsBegunBy(head) && await objects.HasProgramAsync((await OpenAsync(entry, cancellationToken)).Open(0, entry.Size), cancellationToken))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The first bytes of a stream, without a look at where it goes on. Nothing if the file is cut before them: damage elsewhere harms no document.</summary>
    private async Task<byte[]> ReadHeadAsync(Entry entry, CancellationToken cancellationToken)
    {
        var head = new byte[Math.Min(Programs.HeadSize, entry.Size)];
        if (entry.Size < LongStream)
            return head[..await ReadSmallAsync((long)entry.Start * SmallSector, head, cancellationToken)];
        var position = (entry.Start + 1L) * _sectorSize;
        if (position + head.Length > _content.Length)
            return [];
        _content.Position = position;
        await _content.ReadExactlyAsync(head, cancellationToken);
        return head;
    }

    private async Task<int> ReadSmallAsync(long position, byte[] bytes, CancellationToken cancellationToken)
    {
        try
        {
            _small ??= await OpenAsync(_entries[0].Start, _entries[0].Size, cancellationToken);
            return await _small.ReadAsync(position, bytes, cancellationToken);
        }
        catch (Exception damaged) when (damaged is InvalidDataException or EndOfStreamException)
        {
            return 0;
        }
    }

    private static bool IsMacro(string name) =>
        name.StartsWith("_VBA_PROJECT", StringComparison.OrdinalIgnoreCase)
        || name.Equals("VBA", StringComparison.OrdinalIgnoreCase)
        || name.Equals("Macros", StringComparison.OrdinalIgnoreCase);

    // Windows Installer knows its files by the class of the root, and writes names of streams in characters of its own.
    private static bool IsOfInstaller(Entry entry) =>
        entry.Class is InstallerClass or InstallerClass - 2 or InstallerClass + 2 || entry.Name.AsSpan().ContainsAnyInRange('\u3800', '\u4840');

    private async Task<CompoundStream> OpenAsync(Entry entry, CancellationToken cancellationToken)
    {
        var root = _entries[0];
        if (entry.Size >= LongStream)
            return await OpenAsync(entry.Start, entry.Size, cancellationToken);
        if (entry.Size > root.Size)
            throw new InvalidDataException("A small stream is larger than what it lies in.");
        // [MS-CFB] 2.4: small streams lie in sectors of 64 bytes within the root's stream, with a table of their own.
        var small = _small ??= await OpenAsync(root.Start, root.Size, cancellationToken);
        var table = _smallTable ??= await OpenAsync(UInt32At(_header, 0x3C), (long)UInt32At(_header, 0x40) * _sectorSize, cancellationToken);
        var next = new byte[sizeof(uint)];
        var sectors = new List<long>();
        for (var sector = entry.Start; sector <= LastRegularSector && (long)sectors.Count * SmallSector < entry.Size;)
        {
            CountStep();
            sectors.Add((long)sector * SmallSector);
            if (await table.ReadAsync((long)sector * sizeof(uint), next, cancellationToken) < next.Length)
                break;
            sector = UInt32At(next, 0);
        }

        return new(sectors, SmallSector, entry.Size, async (position, buffer, token) =>
        {
            if (await small.ReadAsync(position, buffer, token) < buffer.Length)
                throw new EndOfStreamException();
        });
    }

    private async Task<CompoundStream> OpenAsync(uint first, long size, CancellationToken cancellationToken)
    {
        if (size > _content.Length)
            throw new InvalidDataException("A stream is larger than its file.");
        var sectors = new List<long>();
        for (var sector = first; sector <= LastRegularSector && (long)sectors.Count * _sectorSize < size; sector = await NextAsync(sector, cancellationToken))
        {
            CountStep();
            sectors.Add(PositionOf(sector));
        }

        return new(sectors, _sectorSize, size, async (position, buffer, token) =>
        {
            _content.Position = position;
            await _content.ReadExactlyAsync(buffer, token);
        });
    }

    private void CountStep()
    {
        if (_stepsLeft-- <= 0)
            throw new InvalidDataException("Streams that lie over each other.");
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
    // Each of these is read once: else, in a large file, every step along a chain would walk along this one.
    private async Task<uint> TableSectorAsync(uint index, CancellationToken cancellationToken)
    {
        while (index >= _tables.Count)
        {
            var list = new byte[_sectorSize];
            _content.Position = PositionOf(_moreTables);
            await _content.ReadExactlyAsync(list, cancellationToken);
            for (var at = 0; at < _sectorSize - sizeof(uint); at += sizeof(uint))
                _tables.Add(UInt32At(list, at));
            _moreTables = UInt32At(list, _sectorSize - sizeof(uint));
        }

        return _tables[(int)index];
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
    private IEnumerable<Entry> InRoot()
    {
        var seen = new HashSet<uint>();
        var open = new Stack<uint>();
        if (_entries.Count > 0)
            open.Push(_entries[0].Child);
        while (open.TryPop(out var index))
        {
            if (index == NoEntry || !seen.Add(index))
                continue;
            var entry = index < _entries.Count ? _entries[(int)index] : throw new InvalidDataException("No such entry.");
            open.Push(entry.Left);
            open.Push(entry.Right);
            if (entry.IsStream)
                yield return entry;
        }
    }

    private static uint UInt32At(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private sealed record Entry(string Name, bool IsUsed, bool IsStream, uint Left, uint Right, uint Child, uint Class, uint Start, long Size)
    {
        private const int StreamType = 2;
        private const int LongestName = 64;

        public static Entry Read(ReadOnlySpan<byte> bytes)
        {
            // The length counts the bytes of the name and of the zero at its end.
            var length = Math.Clamp(BinaryPrimitives.ReadUInt16LittleEndian(bytes[0x40..]) - 2, 0, LongestName);
            return new(
                Encoding.Unicode.GetString(bytes[..length]),
                bytes[0x42] != 0,
                bytes[0x42] == StreamType,
                UInt32At(bytes, 0x44),
                UInt32At(bytes, 0x48),
                UInt32At(bytes, 0x4C),
                UInt32At(bytes, 0x50),
                UInt32At(bytes, 0x74),
                // Version 3 leaves the upper half undefined, and no document of version 4 needs it.
                UInt32At(bytes, 0x78));
        }
    }
}
