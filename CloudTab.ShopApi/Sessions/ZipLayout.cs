using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace CloudTab.ShopApi;

/// <summary>
/// Where everything is in a ZIP file whose entries are stored as they are, so that it can be sent while its files come in, and its length is
/// known before (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, version 6.3.10). Only the checksums are not: a data descriptor
/// behind each entry has its own (section 4.3.9). What needs more than 32 bits has ZIP64's fields (4.5.3), nothing else, since some readers
/// know them badly.
/// </summary>
internal sealed class ZipLayout
{
    private const uint LocalHeaderSignature = 0x04034b50;
    private const uint DescriptorSignature = 0x08074b50;
    private const uint CentralHeaderSignature = 0x02014b50;
    private const uint Zip64EndSignature = 0x06064b50;
    private const uint Zip64LocatorSignature = 0x07064b50;
    private const uint EndSignature = 0x06054b50;

    private const ushort Zip64 = 45; // version needed to extract, section 4.4.3
    private const ushort Stored = 20;
    private const ushort Unix = 3 << 8; // section 4.4.2
    private const uint RegularFile = 0b1000_000_110_100_100u << 16; // -rw-r--r--
    private const ushort ChecksumFollows = 1 << 3; // section 4.4.4
    private const ushort Utf8Name = 1 << 11;
    private const ushort Zip64Extra = 0x0001;

    private readonly IReadOnlyList<ZipEntry> _entries;
    private readonly long[] _offsets;
    private readonly long _directory;

    /// <param name="entries">At most 65,534 of them.</param>
    public ZipLayout(IReadOnlyList<ZipEntry> entries)
    {
        _entries = entries;
        _offsets = new long[entries.Count];
        for (var i = 0; i < entries.Count; i++)
        {
            _offsets[i] = _directory;
            _directory += LocalHeader(i).Length + entries[i].Size + Descriptor(i, 0).Length;
        }

        Length = _directory + Directory(new uint[entries.Count]).Length;
    }

    /// <summary>Bytes of the whole file.</summary>
    public long Length { get; }

    /// <summary>What stands before the bytes of an entry (section 4.3.7).</summary>
    public byte[] LocalHeader(int index)
    {
        var entry = _entries[index];
        var header = new Fields();
        header.Add(LocalHeaderSignature);
        header.Add(entry.IsLarge ? Zip64 : Stored);
        AddFlagsAndTime(header, entry);
        header.Add(0u); // checksum
        header.Add(entry.IsLarge ? uint.MaxValue : 0u);
        header.Add(entry.IsLarge ? uint.MaxValue : 0u);
        header.Add((ushort)entry.NameInUtf8.Length);
        header.Add((ushort)(entry.IsLarge ? 20 : 0));
        header.Add(entry.NameInUtf8);
        if (entry.IsLarge) // it also says that the sizes in the descriptor have 64 bits
            AddExtra(header, 0, 0);
        return header.ToArray();
    }

    /// <summary>What stands behind the bytes of an entry (section 4.3.9).</summary>
    /// <param name="checksum">CRC-32 of its bytes.</param>
    public byte[] Descriptor(int index, uint checksum)
    {
        var entry = _entries[index];
        var descriptor = new Fields();
        descriptor.Add(DescriptorSignature);
        descriptor.Add(checksum);
        for (var i = 0; i < 2; i++)
        {
            if (entry.IsLarge)
                descriptor.Add((ulong)entry.Size);
            else
                descriptor.Add((uint)entry.Size);
        }

        return descriptor.ToArray();
    }

    /// <summary>What stands behind all entries (sections 4.3.12 to 4.3.16).</summary>
    /// <param name="checksums">CRC-32 of each.</param>
    public byte[] Directory(ReadOnlySpan<uint> checksums)
    {
        var directory = new Fields();
        for (var i = 0; i < _entries.Count; i++)
            AddCentralHeader(directory, _entries[i], _offsets[i], checksums[i]);
        var length = directory.Length;
        var isLarge = _directory >= uint.MaxValue;
        if (isLarge)
        {
            directory.Add(Zip64EndSignature);
            directory.Add(44ul); // bytes that follow
            directory.Add((ushort)(Unix | Zip64));
            directory.Add(Zip64);
            directory.Add(0ul); // numbers of disks
            directory.Add((ulong)_entries.Count);
            directory.Add((ulong)_entries.Count);
            directory.Add((ulong)length);
            directory.Add((ulong)_directory);
            directory.Add(Zip64LocatorSignature);
            directory.Add(0u);
            directory.Add((ulong)(_directory + length));
            directory.Add(1u); // number of disks
        }

        directory.Add(EndSignature);
        directory.Add(0u); // numbers of disks
        directory.Add((ushort)_entries.Count);
        directory.Add((ushort)_entries.Count);
        directory.Add((uint)length);
        directory.Add(isLarge ? uint.MaxValue : (uint)_directory);
        directory.Add((ushort)0); // no comment
        return directory.ToArray();
    }

    private static void AddCentralHeader(Fields directory, ZipEntry entry, long offset, uint checksum)
    {
        ulong[] large = [.. entry.IsLarge ? [(ulong)entry.Size, (ulong)entry.Size] : (ulong[])[], .. offset >= uint.MaxValue ? [(ulong)offset] : (ulong[])[]];
        var version = large.Length > 0 ? Zip64 : Stored;
        directory.Add(CentralHeaderSignature);
        directory.Add((ushort)(Unix | version));
        directory.Add(version);
        AddFlagsAndTime(directory, entry);
        directory.Add(checksum);
        directory.Add(entry.IsLarge ? uint.MaxValue : (uint)entry.Size);
        directory.Add(entry.IsLarge ? uint.MaxValue : (uint)entry.Size);
        directory.Add((ushort)entry.NameInUtf8.Length);
        directory.Add((ushort)(large.Length > 0 ? 4 + (large.Length * sizeof(ulong)) : 0));
        directory.Add((ushort)0); // no comment
        directory.Add((ushort)0); // number of the disk
        directory.Add((ushort)0); // internal attributes
        directory.Add(RegularFile);
        directory.Add(offset >= uint.MaxValue ? uint.MaxValue : (uint)offset);
        directory.Add(entry.NameInUtf8);
        if (large.Length > 0)
            AddExtra(directory, large);
    }

    private static void AddFlagsAndTime(Fields fields, ZipEntry entry)
    {
        fields.Add((ushort)(ChecksumFollows | Utf8Name));
        fields.Add((ushort)0); // stored
        var time = entry.Time;
        fields.Add((ushort)((time.Hour << 11) | (time.Minute << 5) | (time.Second / 2))); // section 4.4.6
        fields.Add((ushort)(((time.Year - 1980) << 9) | (time.Month << 5) | time.Day));
    }

    private static void AddExtra(Fields fields, params ReadOnlySpan<ulong> values)
    {
        fields.Add(Zip64Extra);
        fields.Add((ushort)(values.Length * sizeof(ulong)));
        foreach (var value in values)
            fields.Add(value);
    }

    /// <summary>Numbers in the order in which ZIP has them: the lowest byte first.</summary>
    private sealed class Fields
    {
        private readonly ArrayBufferWriter<byte> _bytes = new();

        public int Length => _bytes.WrittenCount;

        public void Add(ushort value)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(_bytes.GetSpan(sizeof(ushort)), value);
            _bytes.Advance(sizeof(ushort));
        }

        public void Add(uint value)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(_bytes.GetSpan(sizeof(uint)), value);
            _bytes.Advance(sizeof(uint));
        }

        public void Add(ulong value)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(_bytes.GetSpan(sizeof(ulong)), value);
            _bytes.Advance(sizeof(ulong));
        }

        public void Add(byte[] bytes) => _bytes.Write(bytes);

        public byte[] ToArray() => _bytes.WrittenSpan.ToArray();
    }
}

/// <summary>A file in a ZIP file.</summary>
/// <param name="Time">From 1980 on, to two seconds.</param>
internal sealed record ZipEntry(string Name, long Size, DateTime Time)
{
    public byte[] NameInUtf8 { get; } = Encoding.UTF8.GetBytes(Name);

    /// <summary>Whether the size needs more than 32 bits.</summary>
    public bool IsLarge => Size >= uint.MaxValue;
}
