using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace CloudTab.LocalS3;

/// <summary>
/// One bucket: <c>bucket.json</c>, <c>objects/ab/cdef…</c> (named by the SHA-256 of the key, so that any key is a harmless file
/// name) and <c>uploads/</c>. The files are the truth; the ordered index of keys is built from them at start, and only listings
/// need it. A rename and its entry in the index happen under one lock, so that the two never disagree.
/// </summary>
internal sealed class Bucket
{
    private readonly Lock _gate = new();
    private readonly SortedSet<ObjectEntry> _index = new(ObjectEntry.ByKey);
    private readonly string _folder;
    private readonly string _temporary;
    private bool _isDeleted;

    private Bucket(string folder, string temporary, BucketSettings settings)
    {
        (_folder, _temporary, Settings) = (folder, temporary, settings);
        Name = Path.GetFileName(folder);
    }

    public string Name { get; }

    public BucketSettings Settings { get; private set; }

    public ConcurrentDictionary<string, Upload> Uploads { get; } = new(StringComparer.Ordinal);

    private string SettingsPath => Path.Combine(_folder, "bucket.json");

    private string ObjectsFolder => Path.Combine(_folder, "objects");

    private string UploadsFolder => Path.Combine(_folder, "uploads");

    public static Bucket Create(string folder, string temporary, DateTimeOffset now)
    {
        Directory.CreateDirectory(folder);
        var bucket = new Bucket(folder, temporary, new BucketSettings(now));
        Directory.CreateDirectory(bucket.ObjectsFolder);
        Directory.CreateDirectory(bucket.UploadsFolder);
        bucket.Save(bucket.Settings);
        return bucket;
    }

    /// <returns>Null if the bucket's creation was never completed.</returns>
    public static Bucket? Load(string folder, string temporary, ILogger logger)
    {
        var bucket = new Bucket(folder, temporary, new BucketSettings(default));
        if (!File.Exists(bucket.SettingsPath))
            return null;

        using (var settings = File.OpenRead(bucket.SettingsPath))
            bucket.Settings = JsonSerializer.Deserialize(settings, MetadataContext.Default.BucketSettings) ?? bucket.Settings;
        var files = Directory.EnumerateFiles(bucket.ObjectsFolder, "*", SearchOption.AllDirectories);
        foreach (var entry in files.AsParallel().Select(path => ReadEntry(path, logger)).OfType<ObjectEntry>())
            bucket._index.Add(entry);
        foreach (var uploadFolder in Directory.EnumerateDirectories(bucket.UploadsFolder))
        {
            if (Upload.Load(uploadFolder) is { } upload)
                bucket.Uploads[upload.Id] = upload;
            else
                Directory.Delete(uploadFolder, recursive: true);
        }

        return bucket;
    }

    public PendingFile NewFile(long expectedLength) => PendingFile.Create(_temporary, expectedLength);

    /// <exception cref="S3Exception">NoSuchKey.</exception>
    public ObjectFile Open(string key) => ObjectFile.TryOpen(PathOf(key)) ?? throw new S3Exception(S3Error.NoSuchKey);

    /// <summary>Publishes a sealed file atomically, in place of an object with the same key.</summary>
    /// <exception cref="S3Exception">NoSuchBucket.</exception>
    public void Commit(PendingFile file, ObjectMetadata metadata)
    {
        var entry = new ObjectEntry(metadata.Key, metadata.Size, metadata.ETag, metadata.LastModified);
        var path = PathOf(metadata.Key);
        lock (_gate)
        {
            if (_isDeleted)
                throw new S3Exception(S3Error.NoSuchBucket);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            file.MoveTo(path);
            _index.Remove(entry);
            _index.Add(entry);
        }
    }

    /// <summary>Deletes an object. To S3 a missing one is no error.</summary>
    public void Delete(string key)
    {
        lock (_gate)
        {
            if (!_index.Contains(ObjectEntry.Probe(key)))
                return;
            File.Delete(PathOf(key));
            _index.Remove(ObjectEntry.Probe(key));
        }
    }

    /// <summary>The first object whose key is not before <paramref name="key"/>, or null; a listing is a walk of such steps.</summary>
    public ObjectEntry? FirstFrom(string key)
    {
        lock (_gate)
            return _index.GetViewBetween(ObjectEntry.Probe(key), ObjectEntry.End).Min;
    }

    public void Save(BucketSettings settings)
    {
        var temporary = Path.Combine(_temporary, Guid.NewGuid().ToString("N"));
        using (var stream = new FileStream(temporary, FileMode.CreateNew))
        {
            JsonSerializer.Serialize(stream, settings, MetadataContext.Default.BucketSettings);
            stream.Flush(flushToDisk: true);
        }

        lock (_gate)
        {
            File.Move(temporary, SettingsPath, overwrite: true);
            Settings = settings;
        }
    }

    /// <summary>The folder for the parts of a new upload.</summary>
    public string UploadFolder(string id) => Path.Combine(UploadsFolder, id);

    /// <exception cref="S3Exception">BucketNotEmpty.</exception>
    public void DeleteIfEmpty()
    {
        lock (_gate)
        {
            if (_index.Count > 0)
                throw new S3Exception(S3Error.BucketNotEmpty);
            _isDeleted = true;

            // Without this file the folder is no bucket: a crash from here on leaves only leftovers.
            File.Delete(SettingsPath);
            Directory.Delete(_folder, recursive: true);
        }
    }

    private string PathOf(string key)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));
        return Path.Combine(ObjectsFolder, hash[..2], hash[2..]);
    }

    private static ObjectEntry? ReadEntry(string path, ILogger logger)
    {
        try
        {
            using var file = ObjectFile.TryOpen(path);
            return file is null ? null : new ObjectEntry(file.Metadata.Key, file.Metadata.Size, file.Metadata.ETag, file.Metadata.LastModified);
        }
        catch (Exception exception) when (exception is InvalidDataException or JsonException)
        {
            logger.ObjectUnreadable(exception, path);
            return null;
        }
    }
}

/// <summary>What a listing says of an object.</summary>
internal sealed record ObjectEntry(string Key, long Size, string ETag, DateTimeOffset LastModified)
{
    /// <summary>Sorts after every key.</summary>
    public static readonly ObjectEntry End = Probe("");

    /// <summary>S3 lists in the order of the keys' UTF-8 bytes, which is that of their code points.</summary>
    public static readonly IComparer<ObjectEntry> ByKey = Comparer<ObjectEntry>.Create((x, y) =>
        ReferenceEquals(x, y) ? 0 : ReferenceEquals(x, End) ? 1 : ReferenceEquals(y, End) ? -1 : KeyOrder.Compare(x.Key, y.Key));

    public static ObjectEntry Probe(string key) => new(key, 0, "", default);
}

/// <summary>Compares strings by code point. UTF-16 code units do almost, but surrogates sort before U+E000 to U+FFFF.</summary>
internal static class KeyOrder
{
    public static int Compare(string x, string y)
    {
        var common = x.AsSpan().CommonPrefixLength(y);
        if (common == x.Length || common == y.Length)
            return x.Length.CompareTo(y.Length);
        return Rank(x[common]).CompareTo(Rank(y[common]));
    }

    private static int Rank(char unit) => char.IsSurrogate(unit) ? unit + 0x10000 : unit;
}
