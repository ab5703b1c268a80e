using System.Net.Sockets;

namespace CloudTab.PrintAgent;

/// <summary>The printer cannot be reached, or did not answer.</summary>
internal sealed class PrinterOfflineException(string message, Exception? inner = null) : IOException(message, inner)
{
    /// <summary>Whether no byte of the request was sent, because there was no connection. Otherwise it is not known whether the request arrived.</summary>
    /// <remarks>A bare <see cref="SocketException"/> is that of a connection which was reset while it was opened.</remarks>
    public bool NothingSent => InnerException is SocketException or HttpRequestException
    {
        HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError,
    };
}
