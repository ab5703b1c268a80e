using System.Net;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;

namespace CloudTab.UploadApi;

/// <summary>The bytes that one request, or one file of a form, adds to an upload, and what the client says about them.</summary>
/// <param name="Read">Reads the next bytes; 0 at their end.</param>
/// <param name="Size">How many there are, if the client announced it.</param>
/// <param name="Client">The address that the memory for them counts for.</param>
/// <param name="Left">The client has left. That ends nothing but a wait for one of the <see cref="InspectionPlaces"/>: what came is kept.</param>
internal sealed record RequestBody(
    Func<Memory<byte>, CancellationToken, ValueTask<int>> Read, long? Size, IPAddress Client, CancellationToken Left)
{
    /// <summary>No bytes: for an upload that has all of them and was not completed.</summary>
    public static RequestBody Empty(IPAddress client, CancellationToken left) => new((_, _) => ValueTask.FromResult(0), 0, client, left);

    /// <summary>Where in the upload the bytes belong, if the client said so.</summary>
    public long? Offset { get; init; }

    /// <summary>The length of the whole upload, if this request tells it.</summary>
    public long? Length { get; init; }

    /// <summary>Whether the upload ends with these bytes, however many they are.</summary>
    public bool IsLast { get; init; }

    /// <summary>Whether bytes that can never become the announced file end the upload; otherwise only they are refused.</summary>
    public bool MustFit { get; init; }

    /// <summary>What the bytes must hash to before any of them counts.</summary>
    public BodyChecksum? Checksum { get; init; }

    /// <summary>Partial uploads whose bytes these are. They count towards the limits until the file is stored, and are then removed.</summary>
    public IReadOnlyList<Upload> Consumed { get; init; } = [];

    /// <summary>
    /// Tells the client where its new upload is, before the first byte is read, and answers whether it could. If so, what has come is
    /// kept even if the request that created the upload breaks off.
    /// </summary>
    public Func<Upload, CancellationToken, ValueTask<bool>>? Announce { get; init; }

    /// <summary>Tells the client what is durable while its bytes come; called between any two reads.</summary>
    public Func<Upload, CancellationToken, ValueTask>? Acknowledge { get; init; }

    /// <summary>The length of the whole upload, if these bytes tell it.</summary>
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
