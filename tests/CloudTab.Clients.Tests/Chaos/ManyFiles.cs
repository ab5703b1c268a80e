using System.Security.Cryptography;

namespace CloudTab.Clients.Tests.Chaos;

/// <summary>Files of all sizes on customers' disks: mostly small, some photographs, a few scans, one as large as is allowed.</summary>
internal sealed class ManyFiles : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("cloudtab-");

    public ManyFiles(Random chance)
    {
        List<int> sizes = [1, 50 << 20];
        sizes.AddRange(Between(chance, 150, 1, 256 << 10));
        sizes.AddRange(Between(chance, 40, 256 << 10, 4 << 20));
        sizes.AddRange(Between(chance, 8, 4 << 20, 24 << 20));
        var shuffled = sizes.ToArray();
        chance.Shuffle(shuffled);
        All = [.. shuffled.Select(Create)];
    }

    public IReadOnlyList<(string Path, byte[] Sha256)> All { get; }

    public long Size => All.Sum(file => new FileInfo(file.Path).Length);

    public void Dispose() => _folder.Delete(recursive: true);

    private static IEnumerable<int> Between(Random chance, int count, int least, int most) =>
        Enumerable.Range(0, count).Select(_ => (int)(least * Math.Pow((double)most / least, chance.NextDouble())));

    private (string Path, byte[] Sha256) Create(int size, int number)
    {
        var content = RandomNumberGenerator.GetBytes(size);
        if (size < 9)
            content.AsSpan().Fill((byte)'x');
        else
            "%PDF-1.7\n"u8.CopyTo(content);
        var path = Path.Combine(_folder.FullName, $"{number}.pdf");
        File.WriteAllBytes(path, content);
        return (path, SHA256.HashData(content));
    }
}
