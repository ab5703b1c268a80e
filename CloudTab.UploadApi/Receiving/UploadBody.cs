using CloudTab.Relay;
using CloudTab.ServiceDefaults;

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

    /// <summary>Whether the upload ends with these bytes, however many they are.</summary>
    public bool IsLast { get; init; }

    /// <summary>Whether the upload is given up where the bytes that it gets are not what it can become a file of; otherwise only they are refused.</summary>
    public bool MustFit { get; init; }

    /// <summary>What the bytes must hash to before any of them counts.</summary>
    public BodyChecksum? Checksum { get; init; }

    /// <summary>Partial uploads whose bytes these are: they still count towards the limits, and go when the file is stored.</summary>
    public IReadOnlyList<Upload> Consumed { get; init; } = [];

    /// <summary>
    /// Tells the client where its new upload is, before the first byte is read, and answers whether it could: then what has come is kept
    /// also where the request that created the upload breaks off.
    /// </summary>
    public Func<Upload, CancellationToken, ValueTask<bool>>? Announce { get; init; }

    /// <summary>Tells the client what is durable while its bytes come; called between any two reads.</summary>
    public Func<Upload, CancellationToken, ValueTask>? Acknowledge { get; init; }

    /// <summary>The length of the whole upload, where these bytes tell it.</summary>
    /// <param name="received">How many came before.</param>
    public long? LengthFrom(long received) => Length ?? (IsLast ? received + Size : null);

    /// <summary>Why these bytes cannot be added to an upload as it is, or null.</summary>
    public Problem? ConflictWith(Upload upload, UploadLimits limits)
    {
        var length = upload.Length ?? LengthFrom(upload.Received);
        return upload switch
        {
            { IsFinal: true } => Problems.FinalUpload,
            { IsDirect: true } => Problems.DirectUpload,
            _ when Offset is { } offset && offset != upload.Received => Problems.OffsetConflict,
            _ when Length is { } told && (told != length || told < upload.Received) => Problems.OtherLength,
            _ when IsLast && Size is { } rest && upload.Received + rest != length => Problems.OtherLength,
            _ when length > limits.FileSize => Problems.FileTooLarge,
            _ when length == 0 => Problems.EmptyFile,
            _ when (length ?? upload.Received + (Size ?? 1)) > limits.SessionSize - upload.Claimed => Problems.SessionTooLarge,
            _ when Size is { } size && upload.Received + size > (length ?? limits.FileSize) =>
                length is null ? Problems.FileTooLarge : Problems.UploadTooLong,
            _ => null,
        };
    }
}

/// <summary>How an attempt to add to an upload ended.</summary>
/// <param name="Upload">The upload as it is recorded now, or null where there is none to tell of.</param>
/// <param name="Refused">Why it was refused, or null.</param>
internal sealed record UploadAttempt(Upload? Upload, Problem? Refused)
{
    public static implicit operator UploadAttempt(Problem refused) => new(null, refused);

    public static implicit operator UploadAttempt(Upload upload) => new(upload, null);
}
