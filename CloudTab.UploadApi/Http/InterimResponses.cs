using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace CloudTab.UploadApi;

/// <summary>
/// Interim responses (RFC 9110, section 15.2), which Kestrel has no API for (https://github.com/dotnet/aspnetcore/issues/27851). Over
/// HTTP/1.1 they are bytes in front of the final response. Until that begins, Kestrel writes nothing but `100 Continue`, and that in a
/// read of the body: a handler that neither reads nor answers at the moment may write to the connection itself. Over HTTP/2 a frame has
/// to pass the connection's header compression, and where TLS ends in this process the connection here is the encrypted side of it:
/// there none are sent.
/// </summary>
internal sealed class InterimResponses(PipeWriter output)
{
    /// <summary>The interim responses to a request; null where none can be sent.</summary>
    public static InterimResponses? To(HttpContext context) =>
        HttpProtocol.IsHttp11(context.Request.Protocol) && context.Features.Get<ITlsHandshakeFeature>() is null
            ? context.Features.Get<InterimResponses>()
            : null;

    /// <summary>Sends one. Not while the body is being read, and not once the final response has begun.</summary>
    /// <returns>False where the client has left.</returns>
    public async ValueTask<bool> SendAsync(
        int status, string reason, IEnumerable<(string Name, string Value)> headers, CancellationToken cancellationToken)
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"HTTP/1.1 {status} {reason}\r\n");
        foreach (var (name, value) in headers)
            text.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        try
        {
            // One call, so that the connection may end at any moment: the pipe looks at that and takes the bytes under one lock.
            var flushed = await output.WriteAsync(Encoding.ASCII.GetBytes(text.Append("\r\n").ToString()), cancellationToken);
            return !flushed.IsCompleted;
        }
        catch (Exception ended) when (ended is InvalidOperationException or IOException or OperationCanceledException)
        {
            return false;
        }
    }
}

internal static class InterimResponsesExtensions
{
    public static IConnectionBuilder UseInterimResponses(this IConnectionBuilder endpoint) => endpoint.Use(next => connection =>
    {
        connection.Features.Set(new InterimResponses(connection.Transport.Output));
        return next(connection);
    });
}
