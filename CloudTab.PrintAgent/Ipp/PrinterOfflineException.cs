namespace CloudTab.PrintAgent;

/// <summary>The printer cannot be reached, or did not answer.</summary>
internal sealed class PrinterOfflineException(string message, Exception? inner = null) : IOException(message, inner)
{
    /// <summary>Whether no byte of the request was sent, because there was no connection. Otherwise it is not known whether the request arrived.</summary>
    public bool NothingSent => InnerException is HttpRequestException
    {
        HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError,
    };
}
