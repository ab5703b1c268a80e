using System.Globalization;
using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>
/// What a client has been told of a session. It is the id of the last event that the client got, so a client that connects again (with
/// Last-Event-ID) is told only what it does not know, by whichever replica, and nothing has to be remembered for it.
/// </summary>
/// <param name="Fingerprint">Of the session as the last `status` event told it; empty if the client knows of none.</param>
/// <param name="Queue">The place that the last `queue` event told.</param>
/// <param name="IsDeleted">Whether the client knows that nothing follows.</param>
internal readonly record struct KnownState(string Fingerprint, QueuePlace? Queue = null, bool IsDeleted = false)
{
    private const string Deleted = "deleted";

    /// <summary>What a client knows that connects for the first time.</summary>
    public static readonly KnownState Nothing = new("");

    /// <summary>Reads what <see cref="ToString"/> wrote. If the text is something else its client knows nothing.</summary>
    public static KnownState Parse(string? lastEventId) => lastEventId?.Split('.') switch
    {
        [var fingerprint, Deleted] => new(fingerprint, IsDeleted: true),
        [var fingerprint, var place] => new(fingerprint, ParsePlace(place)),
        _ => Nothing,
    };

    /// <summary>The id of an event: `fingerprint.token-before`, `fingerprint.` or `fingerprint.deleted`.</summary>
    public override string ToString() =>
        IsDeleted ? $"{Fingerprint}.{Deleted}" : string.Create(CultureInfo.InvariantCulture, $"{Fingerprint}.{Queue?.Token}{(Queue is null ? "" : "-")}{Queue?.Before}");

    private static QueuePlace? ParsePlace(string text) =>
        text.Split('-') is [var token, var before]
        && int.TryParse(token, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        && int.TryParse(before, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            ? new(number, count)
            : null;
}
