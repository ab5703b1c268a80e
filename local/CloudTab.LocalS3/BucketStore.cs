using System.Collections.Concurrent;
using Microsoft.Extensions.Options;

namespace CloudTab.LocalS3;

/// <summary>
/// The folder: <c>buckets/&lt;name&gt;/</c> for each <see cref="Bucket"/>, and <c>temporary/</c> for what is being written, on the
/// same file system so that a rename can publish it. What a crash left there is deleted at start.
/// </summary>
internal sealed class BucketStore : IDisposable
{
    private readonly ConcurrentDictionary<string, Bucket> _buckets = new(StringComparer.Ordinal);
    private readonly Lock _creating = new();
    private readonly string _bucketsFolder;
    private readonly string _temporary;
    private readonly FileStream _ownership;

    public BucketStore(IOptions<LocalS3Options> options, TimeProvider time, ILogger<BucketStore> logger)
    {
        Time = time;
        Region = options.Value.Region;
        var data = Path.GetFullPath(options.Value.DataFolder);
        _bucketsFolder = Path.Combine(data, "buckets");
        _temporary = Path.Combine(data, "temporary");
        Directory.CreateDirectory(_bucketsFolder);

        // Two processes on one folder would each have their own index; .NET locks a file that is open for writing.
        _ownership = new FileStream(Path.Combine(data, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        if (Directory.Exists(_temporary))
            Directory.Delete(_temporary, recursive: true);
        Directory.CreateDirectory(_temporary);

        foreach (var folder in Directory.EnumerateDirectories(_bucketsFolder))
        {
            if (Bucket.Load(folder, _temporary, logger) is { } bucket)
                _buckets[bucket.Name] = bucket;
            else
                Directory.Delete(folder, recursive: true);
        }

        logger.FolderOpened(data, _buckets.Count);
    }

    public TimeProvider Time { get; }

    public string Region { get; }

    public IEnumerable<Bucket> All => _buckets.Values.OrderBy(bucket => bucket.Name, StringComparer.Ordinal);

    /// <exception cref="S3Exception">NoSuchBucket.</exception>
    public Bucket this[string name] => Find(name) ?? throw new S3Exception(S3Error.NoSuchBucket);

    public Bucket? Find(string name) => _buckets.GetValueOrDefault(name);

    /// <returns>False if it exists already.</returns>
    public bool TryCreate(string name)
    {
        lock (_creating)
            return !_buckets.ContainsKey(name) && _buckets.TryAdd(name, Bucket.Create(Path.Combine(_bucketsFolder, name), _temporary, Time.GetUtcNow()));
    }

    /// <exception cref="S3Exception">NoSuchBucket, BucketNotEmpty.</exception>
    public void Delete(string name)
    {
        lock (_creating)
        {
            this[name].DeleteIfEmpty();
            _buckets.TryRemove(name, out _);
        }
    }

    /// <summary>Releases the folder for another process.</summary>
    public void Dispose() => _ownership.Dispose();
}
