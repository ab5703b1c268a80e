using System.Diagnostics;
using CloudTab.Relay;

namespace CloudTab.Notifier;

/// <summary>A text frame; an event's is made once and shared by all sockets that it goes to.</summary>
internal sealed class Frame
{
    private Frame(Outgoing message, SessionEvent? source)
    {
        Text = message.ToUtf8();
        Event = source;
        if (source is not null && ActivityContext.TryParse(source.TraceParent, source.TraceState, isRemote: true, out var origin))
            Origin = origin;
    }

    public ReadOnlyMemory<byte> Text { get; }

    /// <summary>The event that it tells of; null where it is an answer.</summary>
    public SessionEvent? Event { get; }

    /// <summary>The work that caused the event, on whichever service it was.</summary>
    public ActivityContext Origin { get; }

    public static Frame Of(Outgoing message) => new(message, null);

    public static Frame Of(SessionEvent source) => new(
        source.Type == "new_session"
            ? new NewSession(
                source.Id, source.SessionId, source.PickupCode, source.CustomerName, source.FileCount, source.TotalSize, source.CreatedAt)
            : new SessionUpdated(source.Id, source.SessionId, source.Status, source.FileCount, source.TotalSize, source.CreatedAt),
        source);
}
