namespace CloudTab.Notifier;

internal static partial class Log
{
    [LoggerMessage(Level = LogLevel.Warning, Message = "Lost Postgres while {What} for events: trying again")]
    public static partial void ListenerLost(this ILogger logger, string what, Exception exception);

    [LoggerMessage(Level = LogLevel.Information, Message = "Events: {What} again")]
    public static partial void ListenerRestored(this ILogger logger, string what);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Cannot write down which shops are connected: others may believe they are not")]
    public static partial void PresenceUnknown(this ILogger logger, Exception exception);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Count} sockets of revoked keys closed")]
    public static partial void RevokedKeysClosed(this ILogger logger, int count);
}
