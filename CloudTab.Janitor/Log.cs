namespace CloudTab.Janitor;

internal static partial class Log
{
    [LoggerMessage(Level = LogLevel.Information, Message = "{Duty}: {Count} done")]
    public static partial void DutyDone(this ILogger logger, string duty, int count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Duty} interrupted; it goes on trying")]
    public static partial void DutyInterrupted(this ILogger logger, string duty, Exception exception);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Duty} works again")]
    public static partial void DutyResumed(this ILogger logger, string duty);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Duty}: S3 refused {Count}; they are tried again")]
    public static partial void DutyRefused(this ILogger logger, string duty, int count);
}
