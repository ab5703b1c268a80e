using System.Diagnostics;
using System.Text.Json;
using CloudTab.Relay;

namespace CloudTab.Notifier;

/// <summary>A text frame; an event's is made once and shared by all sockets that it goes to.</summary>
internal sealed class Frame
{
    private Frame(Outgoing message, SessionEvent? source, long read, ActivityContext origin)
    {
        Text = message.ToUtf8();
        IsPendingList = message is PendingSessions;
        Event = source;
        Read = read;
        Origin = origin;
    }

    public ReadOnlyMemory<byte> Text { get; }

    public bool IsPendingList { get; }

    /// <summary>The event that it tells of; null if it is an answer.</summary>
    public SessionEvent? Event { get; }

    /// <summary>The session that it tells all of; null if it is anything but an update. A newer one tells the same, and later.</summary>
    public Guid? Updates => Event is { Type: "session_updated" } ? Event.Session : null;

    /// <summary>When the event was read, as a timestamp of this process's clock.</summary>
    public long Read { get; }

    /// <summary>The span in which the event was received, in the trace of the request that caused it.</summary>
    public ActivityContext Origin { get; }

    public static Frame Of(Outgoing message) => new(message, null, 0, default);

    public static Frame Of(SessionEvent source, long read, ActivityContext origin) => new(MessageOf(source), source, read, origin);

    /// <summary>What a frame of an event says.</summary>
    public static byte[] TextOf(SessionEvent source) => MessageOf(source).ToUtf8();

    private static Outgoing MessageOf(SessionEvent source) => source.Type switch
    {
        "new_session" => new NewSession(
            source.Id, source.SessionId, source.PickupCode, source.Token, source.CustomerName, source.FileCount, source.TotalSize,
            JsonElement.Parse(source.Files), source.CreatedAt, source.SubmittedAt!.Value, source.Pages, source.UncountedFiles, source.Price, source.PaidAt,
            source.PaidAmount),
        "print_changed" => new PrintChanged(source.Id, source.SessionId, source.PickupCode, source.File!.Value, source.Print!, source.CreatedAt),
        _ => new SessionUpdated(
            source.Id, source.SessionId, source.Status, source.FileCount, source.TotalSize, JsonElement.Parse(source.Files), source.CreatedAt,
            source.Pages, source.UncountedFiles, source.Price, source.PaidAt, source.PaidAmount),
    };
}
