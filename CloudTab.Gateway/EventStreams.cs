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
        proxy.Use(async (context, next) =>
        {
            if (!context.GetReverseProxyFeature().Route.Config.RouteId.EndsWith(Route, StringComparison.Ordinal))
            {
                await next();
                return;
            }

            // How long they last says nothing of the gateway.
            if (context.Features.Get<IHttpMetricsTagsFeature>() is { } metrics)
                metrics.MetricsDisabled = true;
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
            context.RequestAborted = ending.Token;
            await next();
        });
    }
}
