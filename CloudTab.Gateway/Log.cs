using Yarp.ReverseProxy.Forwarder;

namespace CloudTab.Gateway;

internal static partial class Log
{
    [LoggerMessage(Level = LogLevel.Information, Message = "{Count} clients have left before their request was done, since the last such line")]
    public static partial void ClientsLeft(this ILogger logger, int count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Service} failed a request: {Error}, {Reason}")]
    public static partial void ServiceFailed(this ILogger logger, string? service, ForwarderError error, string? reason);
}
