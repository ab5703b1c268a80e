using System.Text;
using Microsoft.AspNetCore.Http.Features;

namespace CloudTab.Gateway;

/// <summary>
/// Passes on what a service answers before it has all of a body. The service decides on the first bytes of a file; its client may need
/// minutes for the others. Sending then fails, and the answer is read from the connection by a client of its own.
/// </summary>
internal sealed class EarlyAnswers(HttpMessageHandler handler) : DelegatingHandler(handler)
{
    private const int MostBytes = 1 << 20;

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            return await base.SendAsync(request, cancellationToken);
        }
        catch (Exception) when (SentBody.Current is { IsAnsweredEarly: true, Connection: { } connection })
        {
            await using var answer = connection.Replay();
            return await ReadAsync(answer, request.Method, cancellationToken);
        }
    }

    private static async Task<HttpResponseMessage> ReadAsync(Stream answer, HttpMethod method, CancellationToken cancellationToken)
    {
        using var reader = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = (_, _) => ValueTask.FromResult(answer),
            ActivityHeadersPropagator = null,
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            ResponseHeaderEncodingSelector = (_, _) => Encoding.Latin1,
        });
        reader.MaxResponseContentBufferSize = MostBytes;
        // The address is for the pool of connections only: none is opened, and nothing is sent.
        using var request = new HttpRequestMessage(method, "http://service/");
        return await reader.SendAsync(request, cancellationToken);
    }
}

internal static class EarlyAnswersExtensions
{
    /// <summary>Lets the body of every forwarded request end when its answer has come.</summary>
    public static void UseEarlyAnswers(this IReverseProxyApplicationBuilder proxy) => proxy.Use((context, next) =>
        context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == true ? SendAsync(context, next) : next(context));

    private static async Task SendAsync(HttpContext context, RequestDelegate next)
    {
        var request = context.Request;
        var (body, sent) = (request.Body, new SentBody(request.BodyReader, request.ContentLength));
        if (HttpProtocol.IsHttp11(request.Protocol))
            context.Response.OnStarting(CloseIfEarly, (context.Response, sent));
        (request.Body, SentBody.Current) = (sent, sent);
        try
        {
            await next(context);
        }
        finally
        {
            request.Body = body;
        }
    }

    private static Task CloseIfEarly(object state)
    {
        var (response, sent) = ((HttpResponse, SentBody))state;
        if (sent.IsAnsweredEarly)
            response.Headers.Connection = "close";
        return Task.CompletedTask;
    }
}
