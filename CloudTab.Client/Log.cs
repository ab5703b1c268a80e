using Microsoft.Extensions.Logging;

namespace CloudTab.Client;

/// <summary>What an operator may want to know. No keys, session ids or names.</summary>
internal static partial class Log
{
    [LoggerMessage(LogLevel.Information, "Trying again in {Pause}: {Reason}")]
    public static partial void TryingAgain(this ILogger logger, TimeSpan pause, string reason);

    [LoggerMessage(LogLevel.Information, "The socket is connected")]
    public static partial void SocketConnected(this ILogger logger);

    [LoggerMessage("The socket is lost and is opened again in {Pause}: {Reason}")]
    public static partial void SocketLost(this ILogger logger, LogLevel level, TimeSpan pause, string reason);
}
