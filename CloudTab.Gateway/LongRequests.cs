using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;

namespace CloudTab.Gateway;

/// <summary>Requests that last as long as their client wants: sockets, and streams of server-sent events.</summary>
internal static class LongRequests
{
    /// <summary>The route of sockets.</summary>
    public const string Sockets = "/ws";

    /// <summary>What the routes of streams end with.</summary>
    public const string Events = "/sessions/{sessionId}/events";

    private static readonly TimeSpan LongestSpread = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Ends them when the gateway stops, since Kestrel would wait for them to the end of its time, and then cut all at once. Their clients connect
    /// again by themselves. Each ends at another moment, so that the other gateways and the services do not get all of them together.
    /// </summary>
    public static void UseLongRequests(this IReverseProxyApplicationBuilder proxy)
    {
        var services = proxy.ApplicationServices;
        var stopping = services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        var timeToStop = TimeSpan.FromMilliseconds(services.GetRequiredService<IOptions<ShutdownOptions>>().Value.ShutdownTimeout);
        var spread = timeToStop / 3 < LongestSpread ? timeToStop / 3 : LongestSpread;
        proxy.Use((context, next) => IsLong(context) ? RunAsync(context, next, spread, stopping) : next(context));
    }

    private static bool IsLong(HttpContext context) =>
        context.GetReverseProxyFeature().Route.Config.RouteId is var route && (route == Sockets || route.EndsWith(Events, StringComparison.Ordinal));

    private static async Task RunAsync(HttpContext context, RequestDelegate next, TimeSpan spread, CancellationToken stopping)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        // There is no timer before the gateway stops: most are idle, and there may be thousands.
        await using var stop = stopping.UnsafeRegister(_ => ending.CancelAfter(spread * Random.Shared.NextDouble()), null);
        context.RequestAborted = ending.Token;
        await next(context);
        // How long one lasts says nothing of the gateway; that it was refused does.
        if (context.Response.StatusCode is StatusCodes.Status101SwitchingProtocols or StatusCodes.Status200OK && context.Features.Get<IHttpMetricsTagsFeature>() is { } metrics)
            metrics.MetricsDisabled = true;
    }
}
