namespace CloudTab.UploadApi;

internal static partial class Log
{
    [LoggerMessage(Level = LogLevel.Information, Message = "{Count} files of {Bytes} bytes stored in session {Session}")]
    public static partial void FilesStored(this ILogger logger, int count, long bytes, Guid session);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Count} files of a failed upload were not removed: the Janitor will do it")]
    public static partial void CleanUpPostponed(this ILogger logger, int count, Exception exception);

    [LoggerMessage(Level = LogLevel.Information, Message = "The pages of {File} were not counted: {Reason}")]
    public static partial void PagesNotCounted(this ILogger logger, Guid file, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Looking into the file at {Object} took longer than {Limit}, and its client has to ask again: S3 is slow, or the file is meant to be")]
    public static partial void InspectionTimedOut(this ILogger logger, string @object, TimeSpan limit);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{File} was not scanned, nor are those after it: the virus scanner or S3 does not answer")]
    public static partial void NotScanned(this ILogger logger, Guid file, Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The virus scanner cannot scan {File}: {Answer}")]
    public static partial void NotScannable(this ILogger logger, Guid file, string answer);

    [LoggerMessage(Level = LogLevel.Information, Message = "Files are scanned again")]
    public static partial void ScanningAgain(this ILogger logger);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The virus scanner found something in {File}: {Answer}")]
    public static partial void FileInfected(this ILogger logger, Guid file, string answer);

    [LoggerMessage(Level = LogLevel.Warning, Message = "This platform cannot confine the process that reads PDFs (seccomp, on x86-64 and arm64): it reads them with the rights of the service")]
    public static partial void PdfsReadUnconfined(this ILogger logger);

    [LoggerMessage(Level = LogLevel.Error, Message = "The pages of {File} were not counted: the process that reads PDFs needs an assembly or a library that it does not load before its confinement. PDFs like it stay uncounted until this program is mended")]
    public static partial void PdfReaderIncomplete(this ILogger logger, Guid file);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The session of a failed upload was not removed: it will expire")]
    public static partial void SessionNotForgotten(this ILogger logger, Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The leases of {Count} running uploads were not renewed")]
    public static partial void LeasesNotRenewed(this ILogger logger, int count, Exception exception);

    [LoggerMessage(Level = LogLevel.Information, Message = "The leases of running uploads are renewed again")]
    public static partial void LeasesRenewedAgain(this ILogger logger);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A tail of upload {Upload} was not deleted: it is removed with the upload, or by the Janitor")]
    public static partial void TailNotDeleted(this ILogger logger, Guid upload, Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The size of all files could not be summed up: the last sum holds")]
    public static partial void StoredSizeUnknown(this ILogger logger, Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The locks of running uploads were not renewed")]
    public static partial void LocksNotRenewed(this ILogger logger, Exception exception);
}
