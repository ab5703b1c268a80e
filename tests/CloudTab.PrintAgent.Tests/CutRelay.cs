using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Yarp.ReverseProxy.Forwarder;

namespace CloudTab.PrintAgent.Tests;

/// <summary>The agent's way to the relay, which breaks once, at a request that the test describes. What happens then is up to the test.</summary>
internal sealed class CutRelay : IAsyncDisposable
{
    private readonly HttpMessageInvoker _client = new(new SocketsHttpHandler { UseProxy = false, UseCookies = false, AllowAutoRedirect = false, ActivityHeadersPropagator = null });
    private readonly WebApplication _server;
    private readonly Uri _relay;
    private (Func<string, bool> IsIt, Cut Cut, Func<Task> Then)? _cut;

    private CutRelay(Uri relay)
    {
        _relay = relay;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddHttpForwarder();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        _server = builder.Build();
        _server.Run(PassAsync);
    }

    /// <summary>How many requests it has cut.</summary>
    public int Cuts { get; private set; }

    /// <summary>How a firewall answers every request, sockets too, as long as it is set.</summary>
    public HttpStatusCode? Refusal { get; set; }

    public string Origin => _server.Urls.First();

    public static async Task<CutRelay> StartAsync(RunningRelay relay, CancellationToken cancellationToken)
    {
        var cut = new CutRelay(relay.Origin);
        await cut._server.StartAsync(cancellationToken);
        return cut;
    }

    /// <summary>Cuts the next request of which this is true, and then does what the test says.</summary>
    /// <param name="isIt">Told the method, the path and the body.</param>
    /// <param name="cut">Before the relay gets it, or when the relay has done it.</param>
    public void CutAt(Func<string, bool> isIt, Cut cut, Func<Task> then) => _cut = (isIt, cut, then);

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _client.Dispose();
    }

    private async Task PassAsync(HttpContext context)
    {
        if (Refusal is { } refusal)
        {
            context.Response.StatusCode = (int)refusal;
            return;
        }

        context.Request.EnableBuffering();
        using var reader = new StreamReader(context.Request.Body, Encoding.UTF8);
        var text = $"{context.Request.Method} {context.Request.Path} {await reader.ReadToEndAsync(context.RequestAborted)}";
        context.Request.Body.Position = 0;
        var cut = _cut is { } set && set.IsIt(text) ? _cut : null;
        _cut = cut is null ? _cut : null;
        Cuts += cut is null ? 0 : 1;
        if (cut is { Cut: Cut.Before })
        {
            await cut.Value.Then();
            context.Abort();
            return;
        }

        await _server.Services.GetRequiredService<IHttpForwarder>().SendAsync(
            context, _relay.ToString(), _client, ForwarderRequestConfig.Empty, new Answer(cut?.Then));
    }

    /// <summary>The relay's answer, which is lost if the test has something else to do.</summary>
    private sealed class Answer(Func<Task>? then) : HttpTransformer
    {
        public override async ValueTask TransformRequestAsync(HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
        {
            await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);
            proxyRequest.Headers.Host = null;
        }

        public override async ValueTask<bool> TransformResponseAsync(HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
        {
            if (then is null)
                return await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken);
            await then();
            httpContext.Abort();
            return false;
        }
    }
}
