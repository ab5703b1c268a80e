namespace CloudTab.LocalS3;

internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "Opened {Folder} with {Buckets} buckets")]
    public static partial void FolderOpened(this ILogger logger, string folder, int buckets);

    [LoggerMessage(2, LogLevel.Warning, "Left out {Path}, which cannot be read as an object")]
    public static partial void ObjectUnreadable(this ILogger logger, Exception exception, string path);

    [LoggerMessage(3, LogLevel.Error, "The disk is full; request {RequestId} was refused")]
    public static partial void DiskFull(this ILogger logger, string requestId);

    [LoggerMessage(4, LogLevel.Error, "Request {RequestId} failed")]
    public static partial void RequestFailed(this ILogger logger, Exception exception, string requestId);
}
