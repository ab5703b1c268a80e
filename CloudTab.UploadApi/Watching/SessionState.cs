using System.Security.Cryptography;
using System.Text.Json;
using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>What there is to tell of a session. One is made for all streams that watch it.</summary>
/// <param name="Fingerprint">Of all that `status` tells but the place in the queue.</param>
/// <param name="Status">The session as JSON; null if only its place was looked up.</param>
/// <param name="Queue">Its place in the queue, if it has one.</param>
/// <param name="Receipt">Address of the receipt for its deletion, if there is one.</param>
/// <param name="IsGone">Whether it has ended and nothing is left of its files, so that nothing follows.</param>
internal sealed record SessionState(string Fingerprint, byte[]? Status, QueuePlace? Queue, string? Receipt, bool IsGone)
{
    private const int FingerprintBytes = 8;

    /// <param name="json">How the API writes JSON: the event's data is the very object of the status call.</param>
    public static SessionState Of(FoundSession found, JsonSerializerOptions json)
    {
        var type = json.GetTypeInfo(typeof(CustomerSession));
        var lasting = JsonSerializer.SerializeToUtf8Bytes(found.View with { Queue = null }, type);
        return new(
            Convert.ToHexStringLower(SHA256.HashData(lasting).AsSpan(0, FingerprintBytes)),
            JsonSerializer.SerializeToUtf8Bytes(found.View, type),
            found.View.Queue,
            found.View.Receipt,
            found.IsGone);
    }

    /// <summary>Only a place in the queue.</summary>
    public static SessionState OfPlace(QueuePlace? queue) => new("", null, queue, Receipt: null, IsGone: false);
}
