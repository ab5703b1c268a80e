namespace CloudTab.PrintAgent;

internal static partial class Log
{
    [LoggerMessage(Level = LogLevel.Information, Message = "Connected to the relay")]
    internal static partial void RelayConnected(this ILogger logger);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Lost the relay ({Reason}): connecting again")]
    internal static partial void RelayLost(this ILogger logger, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "File {File} of type {Type} was made printable in {Time}")]
    internal static partial void DocumentPrepared(this ILogger logger, Guid file, string type, TimeSpan time);

    [LoggerMessage(Level = LogLevel.Error, Message = "File {File} of type {Type} could not be made printable")]
    internal static partial void DocumentNotMade(this ILogger logger, Exception exception, Guid file, string type);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Office documents and HEIC go to the counter, because this system cannot confine their converters: {Reason}")]
    internal static partial void ConvertingOff(this ILogger logger, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Office documents and HEIC go to the counter for {Pause}, because this PC was too busy to try within {Limit} whether it can confine their converters")]
    internal static partial void ConvertingNotTried(this ILogger logger, TimeSpan limit, TimeSpan pause);

    [LoggerMessage(Level = LogLevel.Information, Message = "Attempt {Attempt} is settled: {Outcome} {Reasons}")]
    internal static partial void AttemptSettled(this ILogger logger, Guid attempt, Outcome outcome, string reasons);

    [LoggerMessage(Level = LogLevel.Warning, Message = "What became of attempt {Attempt} could not be found out: trying again")]
    internal static partial void AttemptNotSettled(this ILogger logger, Exception exception, Guid attempt);

    [LoggerMessage(Level = LogLevel.Error, Message = "The relay does not know this key: the agent ends as soon as its printers have nothing of its jobs any more, or in a minute")]
    internal static partial void KeyRefused(this ILogger logger);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The relay does not know the key, and the printer of attempt {Attempt} may still have its document: the next start asks it again")]
    internal static partial void PrinterNotLeft(this ILogger logger, Exception exception, Guid attempt);

    [LoggerMessage(Level = LogLevel.Warning, Message = "CUPS or the printer may still keep the document of attempt {Attempt}: its job {Job} could not be purged, which is tried again each minute")]
    internal static partial void CopyKept(this ILogger logger, Guid attempt, int job);

    [LoggerMessage(Level = LogLevel.Information, Message = "A session was {What}")]
    internal static partial void SessionLeft(this ILogger logger, string what);

    [LoggerMessage(Level = LogLevel.Information, Message = "No printer for it answers: a session is left to another PC of the shop, whose printer works")]
    internal static partial void SessionLeftToAnother(this ILogger logger);

    [LoggerMessage(Level = LogLevel.Information, Message = "A session is not available: {Code}")]
    internal static partial void SessionRefused(this ILogger logger, string code);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A session was not finished: trying again")]
    internal static partial void SessionFailed(this ILogger logger, Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A request of the command line that is done could not be removed from the ledger: the next start looks at it once more")]
    internal static partial void RequestNotForgotten(this ILogger logger, Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The relay refused a report on attempt {Attempt}: {Code}")]
    internal static partial void ReportRefused(this ILogger logger, Guid attempt, string code);

    [LoggerMessage(Level = LogLevel.Warning, Message = "CUPS prints a job of {Printer} again by itself if it fails, also one that is on paper in part. Against it: {Command}")]
    internal static partial void QueueRepeats(this ILogger logger, string printer, string command);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Printer} is offline: {Fault}")]
    internal static partial void PrinterOffline(this ILogger logger, string printer, string fault);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The relay cannot be told of the printers: {Reason}")]
    internal static partial void PresenceRefused(this ILogger logger, string reason);
}
