namespace CloudTab.Notifier;

internal static partial class Log
{
    [LoggerMessage(Level = LogLevel.Warning, Message = "Postgres failed over: all sockets get their pending lists again")]
    public static partial void ReaderRestarted(this ILogger logger);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Cannot record which shops are connected: others may take them for offline")]
    public static partial void PresenceUnknown(this ILogger logger, Exception exception);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Count} sockets of revoked keys closed")]
    public static partial void RevokedKeysClosed(this ILogger logger, int count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Revoked keys cannot be looked for: their sockets stay open")]
    public static partial void RevokedKeysUnknown(this ILogger logger, Exception exception);
}
