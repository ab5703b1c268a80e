using System.Net.Sockets;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Http.Features;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Model;

namespace CloudTab.Gateway;

/// <summary>
/// What happens when a service does not answer. A destination that cannot be connected to has not seen a byte of the request's body, so
/// that the next one may have it, whatever the method; and a request that only asks may be repeated whatever became of it (RFC 9110,
/// 9.2.2). Anything else might be done twice: it becomes 503 with Retry-After, and the client decides. (A request without a body that
/// went out over a connection which had been idle, and was closed before a byte of the answer, is sent again by HttpClient itself.)
/// </summary>
internal static class Failover
{
    private const string RetryAfterSeconds = "2";

    public static void UseFailover(this IReverseProxyApplicationBuilder proxy) => proxy.Use(async (context, next) =>
    {
        var destinations = context.GetReverseProxyFeature().AvailableDestinations;
        await next(context);
        if (context.GetForwarderErrorFeature() is not null)
            await GoOnAsync(context, next, [.. destinations]);
    });

    private static async Task GoOnAsync(HttpContext context, RequestDelegate next, List<DestinationState> untried)
    {
        while (context.GetForwarderErrorFeature() is { } failure)
        {
            if (context.Response.HasStarted || context.RequestAborted.IsCancellationRequested)
            {
                Report(context, failure);
                return;
            }

            var destination = context.GetReverseProxyFeature();
            untried.RemoveAll(tried => tried == destination.ProxiedDestination);
            if (!MayBeRepeated(context.Request, failure) || untried.Count == 0)
            {
                Refuse(context, failure);
                Report(context, failure);
                return;
            }

            context.Response.Clear();
            context.Features.Set<IForwarderErrorFeature>(null);
            destination.AvailableDestinations = untried;
            await next(context);
        }
    }

    // YARP itself would write an exception for every client that leaves.
    private static void Report(HttpContext context, IForwarderErrorFeature failure)
    {
        if (SentBody.Current is { IsAnsweredEarly: true })
            return;
        // A gateway that stops ends the long requests itself.
        if (context.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.IsCancellationRequested && IsOfClient(context, failure))
            return;
        var logger = context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(Failover));
        if (!IsOfClient(context, failure))
            logger.ServiceFailed(context.GetReverseProxyFeature().Cluster.Config.ClusterId, failure.Error, failure.Exception?.GetBaseException().Message);
        else if (context.RequestServices.GetRequiredService<Departures>().Add() is { } count)
            logger.ClientsLeft(count);
    }

    private static bool IsOfClient(HttpContext context, IForwarderErrorFeature failure) =>
        context.RequestAborted.IsCancellationRequested || failure.Error is
            ForwarderError.RequestCanceled or ForwarderError.RequestBodyCanceled or ForwarderError.RequestBodyClient
            or ForwarderError.ResponseBodyCanceled or ForwarderError.ResponseBodyClient
            or ForwarderError.UpgradeRequestCanceled or ForwarderError.UpgradeRequestClient
            or ForwarderError.UpgradeResponseCanceled or ForwarderError.UpgradeResponseClient;

    private static bool MayBeRepeated(HttpRequest request, IForwarderErrorFeature failure) => failure.Error is ForwarderError.Request && failure.Exception switch
    {
        // HttpClient lets that of a connection pass which is reset while it is opened.
        SocketException or HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError } => true,
        HttpRequestException => OnlyAsks(request),
        _ => false,
    };

    private static bool OnlyAsks(HttpRequest request) =>
        (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method)) && !request.HttpContext.WebSockets.IsWebSocketRequest;

    // UseStatusCodePages adds the body.
    private static void Refuse(HttpContext context, IForwarderErrorFeature failure)
    {
        if (failure.Error is ForwarderError.RequestBodyClient)
            return;
        context.Response.Clear();
        context.Response.StatusCode = AsksForOffset(context.Request) ? StatusCodes.Status423Locked : StatusCodes.Status503ServiceUnavailable;
        context.Response.Headers.RetryAfter = RetryAfterSeconds;
        if (context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == true)
            StopReceiving(context);
    }

    // tus-js-client takes any failure but 423 for the upload's end, and sends all of the file again.
    private static bool AsksForOffset(HttpRequest request) => HttpMethods.IsHead(request.Method) && request.Headers.ContainsKey("Tus-Resumable");

    // What a client sends of a body that nobody takes any more it pays for, and will send again.
    private static void StopReceiving(HttpContext context)
    {
        if (HttpProtocol.IsHttp11(context.Request.Protocol))
            context.Response.Headers.Connection = "close";
        context.CutAfterAnswer();
    }
}
