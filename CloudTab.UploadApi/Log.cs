namespace CloudTab.UploadApi;

internal static partial class Log
{
    [LoggerMessage(Level = LogLevel.Information, Message = "{Count} files of {Bytes} bytes stored in session {Session}")]
    public static partial void FilesStored(this ILogger logger, int count, long bytes, Guid session);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Count} files of an upload that failed not cleaned up now: left to the Janitor")]
    public static partial void CleanUpPostponed(this ILogger logger, int count, Exception exception);

    [LoggerMessage(Level = LogLevel.Information, Message = "The pages of {File} were not counted: {Reason}")]
    public static partial void PagesNotCounted(this ILogger logger, Guid file, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "An upload's session not taken back now: it expires")]
    public static partial void SessionNotForgotten(this ILogger logger, Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Leases of {Count} running uploads not renewed")]
    public static partial void LeasesNotRenewed(this ILogger logger, int count, Exception exception);

    [LoggerMessage(Level = LogLevel.Information, Message = "Leases of running uploads are renewed again")]
    public static partial void LeasesRenewedAgain(this ILogger logger);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A tail of upload {Upload} not deleted now: it goes with the upload, or the Janitor finds it")]
    public static partial void TailNotDeleted(this ILogger logger, Guid upload, Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Locks of running uploads not renewed")]
    public static partial void LocksNotRenewed(this ILogger logger, Exception exception);
}
