namespace CloudTab.ShopApi;

internal static partial class Log
{
    [LoggerMessage(Level = LogLevel.Warning, Message = "Download of file {File} cut after {Bytes} bytes: S3 stopped sending")]
    public static partial void DownloadCut(this ILogger logger, Guid file, long bytes, Exception exception);

    [LoggerMessage(Level = LogLevel.Error, Message = "File {File} is stored by its row but has no object in S3")]
    public static partial void ObjectMissing(this ILogger logger, Guid file);
}
