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

    [LoggerMessage(Level = LogLevel.Warning, Message = "Webhooks cannot be looked for or recorded: trying again every second")]
    public static partial void WebhooksInterrupted(this ILogger logger, Exception exception);

    [LoggerMessage(Level = LogLevel.Information, Message = "Webhooks are sent again")]
    public static partial void WebhooksResumed(this ILogger logger);

    [LoggerMessage(Level = LogLevel.Information, Message = "Webhook {Webhook} of shop {Shop} does not accept events ({Reason}): trying again for a day")]
    public static partial void WebhookFailed(this ILogger logger, Guid webhook, string shop, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "An attempt to post to webhook {Webhook} of shop {Shop} failed by a fault of the relay: trying again for a day")]
    public static partial void WebhookFaulted(this ILogger logger, Exception exception, Guid webhook, string shop);

    [LoggerMessage(Level = LogLevel.Information, Message = "Webhook {Webhook} of shop {Shop} accepts events again")]
    public static partial void WebhookRecovered(this ILogger logger, Guid webhook, string shop);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Webhook {Webhook} of shop {Shop} wants no more events (410): it is disabled")]
    public static partial void WebhookDisabled(this ILogger logger, Guid webhook, string shop);
}
