using Microsoft.Extensions.Logging;

namespace CloudTab.Relay;

internal static partial class Log
{
    [LoggerMessage(Level = LogLevel.Warning, Message = "Lost the connection for {Channel}: polling until it is back")]
    internal static partial void ChannelLost(this ILogger logger, string channel, Exception exception);

    [LoggerMessage(Level = LogLevel.Information, Message = "The connection for {Channel} is back")]
    internal static partial void ChannelRestored(this ILogger logger, string channel);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Events cannot be read: trying again every second")]
    internal static partial void EventsNotRead(this ILogger logger, Exception exception);

    [LoggerMessage(Level = LogLevel.Information, Message = "Events are read again")]
    internal static partial void EventsReadAgain(this ILogger logger);

    [LoggerMessage(Level = LogLevel.Warning, Message = "This machine's clock differs by {Skew} from Postgres' clock, which is used")]
    internal static partial void ClockSkewed(this ILogger logger, TimeSpan skew);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Files of session {Session} not removed now: left to the Janitor")]
    internal static partial void RemovalPostponed(this ILogger logger, Guid session, Exception exception);
}
