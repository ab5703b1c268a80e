using Yarp.ReverseProxy.Forwarder;

namespace CloudTab.Gateway;

/// <summary>
/// What happens when a service does not answer. A destination that cannot be connected to has seen nothing of the request, not even a
/// byte of its body, so that the next one may have it, whatever the method. Anything later might be a repetition: it becomes 503 with
/// Retry-After, and the client decides.
/// </summary>
internal static class Failover
{
    private const string RetryAfterSeconds = "2";

    public static void UseFailover(this IReverseProxyApplicationBuilder proxy) => proxy.Use(async (context, next) =>
    {
        var untried = context.GetReverseProxyFeature().AvailableDestinations.ToList();
        await next();
        while (context.GetForwarderErrorFeature() is { } failure && !context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
        {
            var destination = context.GetReverseProxyFeature();
            untried.RemoveAll(tried => tried == destination.ProxiedDestination);
            if (!CannotConnect(failure) || untried.Count == 0)
            {
                Refuse(context, failure);
                return;
            }

            context.Response.Clear();
            context.Features.Set<IForwarderErrorFeature>(null);
            destination.AvailableDestinations = untried;
            await next();
        }
    });

    private static bool CannotConnect(IForwarderErrorFeature failure) =>
        failure.Error == ForwarderError.Request
        && failure.Exception is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError };

    // UseStatusCodePages adds the body.
    private static void Refuse(HttpContext context, IForwarderErrorFeature failure)
    {
        if (failure.Error is ForwarderError.RequestBodyClient)
            return;
        context.Response.Clear();
        context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        context.Response.Headers.RetryAfter = RetryAfterSeconds;
    }
}
