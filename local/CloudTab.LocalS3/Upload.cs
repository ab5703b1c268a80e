using System.Globalization;

namespace CloudTab.LocalS3;

/// <summary>
/// An unfinished multipart upload: a folder named by its id, in it <c>upload</c> (key, headers and time, in the form of an object
/// without bytes) and <c>00001</c> to <c>10000</c>, a file per part.
/// </summary>
internal sealed class Upload
{
    public const int MostParts = 10_000;
    private const string MetadataName = "upload";

    private readonly Lock _gate = new();
    private readonly string _folder;
    private bool _hasEnded;

    private Upload(string folder, ObjectMetadata metadata) => (_folder, Metadata, Id) = (folder, metadata, Path.GetFileName(folder));

    public string Id { get; }

    /// <summary>Key and headers of the object to be; LastModified is when the upload was begun.</summary>
    public ObjectMetadata Metadata { get; }

    public static Upload Begin(Bucket bucket, ObjectMetadata metadata)
    {
        var folder = bucket.UploadFolder(Guid.NewGuid().ToString("N"));
        using var file = bucket.NewFile(0);
        file.Seal(metadata);
        Directory.CreateDirectory(folder);
        file.MoveTo(Path.Combine(folder, MetadataName));

        var upload = new Upload(folder, metadata);
        bucket.Uploads[upload.Id] = upload;
        return upload;
    }

    /// <returns>Null if a crash came before the upload had begun.</returns>
    public static Upload? Load(string folder)
    {
        using var file = ObjectFile.TryOpen(Path.Combine(folder, MetadataName));
        return file is null ? null : new Upload(folder, file.Metadata);
    }

    /// <summary>Publishes a sealed part, in place of an earlier one of the same number.</summary>
    /// <exception cref="S3Exception">NoSuchUpload: it was completed or aborted meanwhile.</exception>
    public void Commit(PendingFile part, int number)
    {
        lock (_gate)
        {
            if (_hasEnded)
                throw new S3Exception(S3Error.NoSuchUpload);
            part.MoveTo(PartPath(number));
        }
    }

    /// <returns>Null if no such part was uploaded.</returns>
    public ObjectFile? OpenPart(int number) => ObjectFile.TryOpen(PartPath(number));

    /// <summary>The numbers of the parts that are there, in order.</summary>
    public IEnumerable<int> PartNumbers() => Directory.EnumerateFiles(_folder)
        .Select(Path.GetFileName)
        .Where(name => name != MetadataName)
        .Select(name => int.Parse(name!, CultureInfo.InvariantCulture))
        .Order();

    /// <summary>Forgets the upload and removes its parts.</summary>
    public void End(Bucket bucket)
    {
        lock (_gate)
        {
            bucket.Uploads.TryRemove(Id, out _);
            if (!_hasEnded)
                Directory.Delete(_folder, recursive: true);
            _hasEnded = true;
        }
    }

    private string PartPath(int number) => Path.Combine(_folder, number.ToString("D5", CultureInfo.InvariantCulture));
}
