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

    /// <summary>Files of partial uploads whose bytes these are, and that are not needed any more once they are stored.</summary>
    public IReadOnlyList<Guid> Consumed { get; init; } = [];

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
}

/// <summary>How an attempt to add to an upload ended.</summary>
/// <param name="Upload">The upload as it is recorded now, or null where there is none to tell of.</param>
/// <param name="Refused">Why it was refused, or null.</param>
internal sealed record UploadAttempt(Upload? Upload, Problem? Refused)
{
    public static implicit operator UploadAttempt(Problem refused) => new(null, refused);

    public static implicit operator UploadAttempt(Upload upload) => new(upload, null);
}
