using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>What one request adds to an upload.</summary>
/// <param name="Content">The bytes.</param>
/// <param name="Size">How many there are, where the client announced it.</param>
internal sealed record UploadBody(Stream Content, long? Size)
{
    /// <summary>No bytes: for an upload that has all of them and was not completed.</summary>
    public static UploadBody None { get; } = new(Stream.Null, 0);

    /// <summary>Where in the upload the bytes belong, where the client said so.</summary>
    public long? Offset { get; init; }

    /// <summary>The length of the whole upload, where the client tells it with this request.</summary>
    public long? Length { get; init; }

    /// <summary>What the bytes must hash to before any of them counts.</summary>
    public BodyChecksum? Checksum { get; init; }

    /// <summary>Files of partial uploads whose bytes these are, and that are not needed any more once they are stored.</summary>
    public IReadOnlyList<Guid> Consumed { get; init; } = [];
}

/// <summary>How an attempt to add to an upload ended.</summary>
/// <param name="Upload">The upload as it is recorded now, or null where there is none to tell of.</param>
/// <param name="Refused">Why it was refused, or null.</param>
internal sealed record UploadAttempt(ResumableUpload? Upload, Problem? Refused)
{
    public static implicit operator UploadAttempt(Problem refused) => new(null, refused);

    public static implicit operator UploadAttempt(ResumableUpload upload) => new(upload, null);
}
