namespace CloudTab.Relay;

/// <summary>How far an upload has come in S3.</summary>
/// <param name="Received">Bytes that are durable.</param>
/// <param name="MultipartId">S3's id of the multipart upload that holds the parts, or null if there are none.</param>
/// <param name="PartETags">S3's tags of the parts, in their order.</param>
/// <param name="TailKeys">The objects that hold what came behind the last part, in their order.</param>
/// <param name="TailSize">Their bytes together.</param>
public sealed record ObjectProgress(long Received, string? MultipartId, IReadOnlyList<string> PartETags, IReadOnlyList<string> TailKeys, int TailSize)
{
    /// <summary>Nothing yet.</summary>
    public static ObjectProgress None { get; } = new(0, null, [], [], 0);
}
