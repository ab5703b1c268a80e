using System.Collections.Concurrent;
using System.Net;
using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace CloudTab.Services.Tests;

/// <summary>A server behind the gateway that behaves, well or badly, as a test needs, and records its requests.</summary>
internal sealed class Backend : IAsyncDisposable
{
    private readonly WebApplication _app;

    private Backend(string name, WebApplication app) => (Name, _app) = (name, app);

    public string Name { get; }

    public string Address => _app.Urls.Single();

    /// <summary>Method and path of every request, but for health.</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    /// <summary>How often the gateway asked whether it is ready.</summary>
    public int TimesAskedWhetherReady { get; private set; }

    /// <summary>What /health/ready answers.</summary>
    public HttpStatusCode Ready { get; set; } = HttpStatusCode.OK;

    /// <summary>Signalled when the first bytes of a body have come.</summary>
    public TaskCompletionSource FirstBytes { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Signalled when a client has aborted a request.</summary>
    public TaskCompletionSource Aborted { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public static async Task<Backend> StartAsync(string name)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0").ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.RequestHeaderEncodingSelector = _ => Encoding.Latin1;
        });
        builder.Services.Configure<Microsoft.Extensions.Hosting.HostOptions>(host => host.ShutdownTimeout = TimeSpan.Zero);
        var backend = new Backend(name, builder.Build());
        backend._app.UseWebSockets();
        backend._app.Run(backend.AnswerAsync);
        await backend._app.StartAsync();
        return backend;
    }

    public Task StopAsync() => _app.StopAsync();

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        var (request, response) = (context.Request, context.Response);
        if (request.Path.StartsWithSegments("/health", StringComparison.Ordinal))
        {
            TimesAskedWhetherReady += request.Path == "/health/ready" ? 1 : 0;
            response.StatusCode = request.Path == "/health/ready" ? (int)Ready : 200;
            await response.WriteAsync(Ready == HttpStatusCode.OK ? "Healthy" : "Unhealthy: postgres");
            return;
        }

        if (request.Path == "/presence")
        {
            await response.WriteAsJsonAsync(new { connectedShopkeepers = 7 });
            return;
        }

        Requests.Enqueue($"{request.Method} {request.Path}");
        context.RequestAborted.Register(() => Aborted.TrySetResult());
        switch (request.Path.Value!.Split('/')[^1])
        {
            case "ws":
                await EchoAsync(await context.WebSockets.AcceptWebSocketAsync(), context.RequestAborted);
                break;
            case "count":
                await response.WriteAsync((await CountAsync(context)).ToString(System.Globalization.CultureInfo.InvariantCulture));
                break;
            case "refuse":
                response.StatusCode = 413;
                await response.WriteAsync("too large");
                break;
            case "judge":
                await request.Body.ReadExactlyAsync(new byte[1], context.RequestAborted);
                response.StatusCode = 415;
                await response.WriteAsync("not printable");
                break;
            case "hang":
                await CountAsync(context);
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted);
                break;
            case "drop":
                await CountAsync(context);
                context.Abort();
                break;
            case "die":
                await context.Request.Body.ReadExactlyAsync(new byte[1], context.RequestAborted);
                context.Abort();
                break;
            case "break":
                response.ContentLength = 1_000;
                await response.WriteAsync("only this");
                await response.Body.FlushAsync();
                context.Abort();
                break;
            case "headers":
                response.Headers.ContentSecurityPolicy = "default-src 'none'";
                response.Headers.CacheControl = "max-age=60";
                response.Headers.XContentTypeOptions = "nosniff";
                response.Headers.AccessControlAllowOrigin = request.Headers.Origin;
                await response.WriteAsync(string.Join('\n', request.Headers.Select(header => $"{header.Key}: {header.Value}")));
                break;
            default:
                await response.WriteAsync(Name);
                break;
        }
    }

    private async Task<long> CountAsync(HttpContext context)
    {
        var buffer = new byte[64 << 10];
        long count = 0;
        while (await context.Request.Body.ReadAsync(buffer, context.RequestAborted) is > 0 and var read)
        {
            count += read;
            FirstBytes.TrySetResult();
        }

        return count;
    }

    private async Task EchoAsync(WebSocket socket, CancellationToken cancellationToken)
    {
        var buffer = new byte[4096];
        try
        {
            while (await socket.ReceiveAsync(buffer, cancellationToken) is { MessageType: not WebSocketMessageType.Close } frame)
            {
                if (buffer.AsSpan(0, frame.Count).SequenceEqual("bye"u8))
                {
                    await socket.CloseOutputAsync((WebSocketCloseStatus)4401, "unknown key", cancellationToken);
                    return;
                }

                await socket.SendAsync(buffer.AsMemory(0, frame.Count), frame.MessageType, frame.EndOfMessage, cancellationToken);
            }
        }
        catch (Exception gone) when (gone is WebSocketException or OperationCanceledException)
        {
            Aborted.TrySetResult();
        }
    }
}
