using Microsoft.Extensions.Logging;

namespace CloudTab.Relay;

internal static partial class Log
{
    [LoggerMessage(Level = LogLevel.Warning, Message = "Wake-ups interrupted: Postgres does not answer. Notifiers poll until it does")]
    internal static partial void WakeupsInterrupted(this ILogger logger, Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Files of session {Session} not removed now: left to the Janitor")]
    internal static partial void RemovalPostponed(this ILogger logger, Guid session, Exception exception);
}
