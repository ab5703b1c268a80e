using Microsoft.Extensions.Logging;

namespace CloudTab.ServiceDefaults;

internal static partial class Log
{
    [LoggerMessage(Level = LogLevel.Warning, Message = "Unhealthy: {Problems}")]
    public static partial void RelayUnhealthy(this ILogger logger, string problems);

    [LoggerMessage(Level = LogLevel.Information, Message = "Healthy again")]
    public static partial void RelayHealthy(this ILogger logger);
}
