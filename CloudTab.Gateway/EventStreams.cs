using Microsoft.AspNetCore.Http.Features;

namespace CloudTab.Gateway;

/// <summary>Streams of server-sent events: answers that last as long as their client wants.</summary>
internal static class EventStreams
{
    /// <summary>What the routes of streams end with.</summary>
    public const string Route = "/sessions/{sessionId}/events";

    /// <summary>Ends the streams when the gateway stops, since Kestrel would wait for them. Their clients connect again by themselves.</summary>
    public static void UseEventStreams(this IReverseProxyApplicationBuilder proxy)
    {
        var stopping = proxy.ApplicationServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        proxy.Use((context, next) => IsStream(context) ? StreamAsync(context, next, stopping) : next(context));
    }

    private static bool IsStream(HttpContext context) =>
        context.GetReverseProxyFeature().Route.Config.RouteId.EndsWith(Route, StringComparison.Ordinal);

    private static async Task StreamAsync(HttpContext context, RequestDelegate next, CancellationToken stopping)
    {
        // How long they last says nothing of the gateway.
        if (context.Features.Get<IHttpMetricsTagsFeature>() is { } metrics)
            metrics.MetricsDisabled = true;
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        context.RequestAborted = ending.Token;
        await next(context);
    }
}
