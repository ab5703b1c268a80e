using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace CloudTab.UploadApi;

/// <summary>
/// Interim responses (RFC 9110, section 15.2), which Kestrel has no API for (https://github.com/dotnet/aspnetcore/issues/27851). Over
/// HTTP/1.1 they are bytes before the final response. Until that begins, Kestrel writes nothing but `100 Continue`, and only while the
/// body is read: a handler that neither reads nor answers at the moment may write to the connection itself. None are sent over HTTP/2,
/// where a frame has to pass the connection's header compression, nor if TLS ends in this process, because this is its encrypted side.
/// </summary>
internal sealed class InterimResponses(PipeWriter output)
{
    /// <summary>The interim responses to a request; null if none can be sent.</summary>
    public static InterimResponses? To(HttpContext context) =>
        HttpProtocol.IsHttp11(context.Request.Protocol) && context.Features.Get<ITlsHandshakeFeature>() is null
            ? context.Features.Get<InterimResponses>()
            : null;

    /// <summary>Sends one. Not while the body is being read, and not once the final response has begun.</summary>
    /// <returns>False if the client has left.</returns>
    public async ValueTask<bool> SendAsync(
        int status, string reason, IEnumerable<(string Name, string Value)> headers, CancellationToken cancellationToken)
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"HTTP/1.1 {status} {reason}\r\n");
        foreach (var (name, value) in headers)
            text.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        try
        {
            // One call, because the connection may end at any moment: the pipe checks that and takes the bytes under one lock.
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
