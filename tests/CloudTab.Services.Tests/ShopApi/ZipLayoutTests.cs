using System.IO.Compression;
using System.IO.Hashing;
using System.Text;
using CloudTab.ShopApi;

namespace CloudTab.Services.Tests;

public sealed class ZipLayoutTests : IDisposable
{
    private const long FourGiB = 1L << 32;
    private static readonly DateTime Time = new(2026, 11, 29, 23, 59, 58, DateTimeKind.Utc);

    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData]
    [InlineData(0L)]
    [InlineData(1L, 0L, 100_000L)]
    [InlineData(FourGiB - 2, 1L)] // the last size that 32 bits hold, and an offset that they do not
    [InlineData(FourGiB - 1, 1L)]
    [InlineData(1L, FourGiB + 1, 1L)]
    [InlineData(FourGiB / 2, FourGiB / 2, 1L)] // large together
    public void Readers_find_every_entry_whatever_its_size_and_place(params long[] sizes)
    {
        var layout = new ZipLayout([.. sizes.Select((size, i) => new ZipEntry($"ü {i}.pdf", size, Time))]);
        Write(layout, sizes);

        Assert.Equal(layout.Length, new FileInfo(_path).Length);
        using var archive = ZipFile.OpenRead(_path);
        Assert.Equal(sizes, archive.Entries.Select(entry => entry.Length));
        Assert.Equal(sizes, archive.Entries.Select(entry => entry.CompressedLength));
        for (var i = 0; i < sizes.Length; i++)
        {
            var entry = archive.Entries[i];
            Assert.Equal($"ü {i}.pdf", entry.FullName);
            Assert.Equal(Time, entry.LastWriteTime.DateTime);
            Assert.Equal(Checksum(i, sizes[i]), entry.Crc32);
            using var content = entry.Open();
            var begin = new byte[Math.Min(sizes[i], 100)];
            content.ReadExactly(begin);
            Assert.Equal(Begin(i, sizes[i]), begin);
        }
    }

    [Theory]
    [InlineData(5L, 7L)]
    [InlineData(1L, FourGiB + 1, 1L)]
    public async Task Unzip_finds_nothing_wrong(params long[] sizes)
    {
        Unzip.SkipIfMissing();
        Write(new ZipLayout([.. sizes.Select((size, i) => new ZipEntry($"ü {i}.pdf", size, Time))]), sizes);

        // Of the large one it reads the directory only: reading the rest takes it a minute.
        await Unzip.RunAsync(sizes.Max() > FourGiB ? "-Zv" : "-t", _path);
    }

    /// <summary>Entries whose bytes are zero but for the first; the zeros are a hole in the file.</summary>
    private void Write(ZipLayout layout, long[] sizes)
    {
        using var file = File.Create(_path);
        for (var i = 0; i < sizes.Length; i++)
        {
            file.Write(layout.LocalHeader(i));
            var end = file.Position + sizes[i];
            file.Write(Begin(i, sizes[i]));
            file.Position = end;
            file.Write(layout.Descriptor(i, Checksum(i, sizes[i])));
        }

        file.Write(layout.Directory([.. sizes.Select((size, i) => Checksum(i, size))]));
    }

    private static byte[] Begin(int index, long size)
    {
        var begin = new byte[Math.Min(size, 100)];
        Encoding.UTF8.GetBytes($"entry {index}").AsSpan(0, (int)Math.Min(size, 7)).CopyTo(begin);
        return begin;
    }

    /// <summary>Of a large entry any number: nobody here reads it to its end.</summary>
    private static uint Checksum(int index, long size) => size > 1_000_000 ? (uint)(size + index) : Crc32.HashToUInt32(Content(index, size));

    private static byte[] Content(int index, long size)
    {
        var content = new byte[size];
        Begin(index, size).CopyTo(content, 0);
        return content;
    }
}
