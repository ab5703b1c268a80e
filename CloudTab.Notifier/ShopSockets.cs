using System.Diagnostics;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;

namespace CloudTab.Notifier;

/// <summary>What every socket on `/ws` gets: a place among all, deadlines, of which one loop takes care for all, and a close when the host stops.</summary>
internal sealed class ShopSockets(
    OpenSockets sockets, Commands commands, Telemetry telemetry, TimeProvider clock, IOptions<SocketOptions> options, IHostApplicationLifetime lifetime)
    : BackgroundService
{
    // After this time the first client of a replica that stops connects again, and then one in each of these.
    private const int FirstReturn = 250;
    private const int BetweenReturns = 2;

    private static readonly TimeSpan RefusalLimit = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan DeadlineInterval = TimeSpan.FromMilliseconds(500);

    /// <summary>Runs a socket to its end, which comes with that of the host at the latest.</summary>
    public async Task RunAsync(HttpContext context, IncomingFrames frames)
    {
        var client = ClientNetwork.Of(context.Connection.RemoteIpAddress);
        if (sockets.TryOpen(client) is { } refusal)
        {
            await RefuseAsync(context, refusal);
            return;
        }

        ShopSocket? socket = null;
        try
        {
            using var webSocket = await context.WebSockets.AcceptWebSocketAsync();
            context.Request.Headers.Clear(); // A kilobyte that nobody reads any more, for as long as the socket is open.
            // The request lives as long as the socket: each message is a trace of its own.
            Activity.Current = null;
            socket = new(webSocket, context.Features.GetRequiredFeature<IHttpRequestLifetimeFeature>(), client, sockets, commands, telemetry, clock);
            frames.Counted = socket.CountFrame;
            sockets.Add(socket);
            // It may have come when all others had been sent away.
            if (lifetime.ApplicationStopping.IsCancellationRequested)
                SendAway(socket);
            await socket.RunAsync();
        }
        finally
        {
            if (socket is not null)
            {
                commands.Unregister(socket);
                sockets.Remove(socket);
            }

            sockets.Closed(client);
        }
    }

    /// <summary>A browser does not show its page the status of a refused upgrade, but the code of a close. The peer's own close is not awaited.</summary>
    private async Task RefuseAsync(HttpContext context, CloseReason refusal)
    {
        telemetry.CountClose(refusal);
        using var webSocket = await context.WebSockets.AcceptWebSocketAsync();
        using var limit = clock.Limit(RefusalLimit, context.RequestAborted);
        await webSocket.CloseOutputAsync(refusal.Status, refusal.Description, limit.Token);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Kestrel waits for its open requests when it stops, so the sockets must hear of it first.
        using var stopping = lifetime.ApplicationStopping.Register(() =>
        {
            foreach (var socket in sockets.Where(_ => true))
                SendAway(socket);
        });
        var toAuthenticate = TimeSpan.FromMilliseconds(options.Value.AuthenticationTimeout);
        using var timer = new PeriodicTimer(DeadlineInterval, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            foreach (var socket in sockets.Where(one => one.IsOverdue(toAuthenticate)))
                socket.End();
        }
    }

    /// <summary>All clients of this replica come at once, each to read its list, unless they are told when.</summary>
    private void SendAway(ShopSocket socket)
    {
        socket.Send(new GoingAway(FirstReturn + Random.Shared.Next(BetweenReturns * sockets.Count)));
        socket.Close(CloseReason.GoingAway);
    }
}

internal static class ShopSocketsEndpoint
{
    private static readonly Problem OriginNotAllowed = new(
        StatusCodes.Status403Forbidden, "origin_not_allowed", "Origin not allowed", "Pages of this origin may not connect. ALLOWED_ORIGINS names those that may.");

    // Plain: of a typed handler the framework keeps a task and a scope of services for as long as the socket is open.
    public static void MapShopSockets(this IEndpointRouteBuilder routes) => routes
        .Map("/ws", context => ConnectAsync(context, routes.ServiceProvider))
        .ExcludeFromDescription().ProducesProblem(StatusCodes.Status426UpgradeRequired).Answers(OriginNotAllowed);

    private static Task ConnectAsync(HttpContext context, IServiceProvider services)
    {
        if (!context.WebSockets.IsWebSocketRequest || context.Features.Get<IHttpUpgradeFeature>() is not IncomingFrames frames)
        {
            context.Response.Headers.Upgrade = "websocket"; // RFC 9110, section 15.5.22: a 426 must name the protocol.
            return TypedResults.Problem("This address takes WebSocket connections only.", statusCode: StatusCodes.Status426UpgradeRequired).ExecuteAsync(context);
        }

        return IsAllowed(context.Request, services.GetRequiredService<IOptions<OriginOptions>>().Value)
            ? services.GetRequiredService<ShopSockets>().RunAsync(context, frames)
            : OriginNotAllowed.ExecuteAsync(context);
    }

    /// <summary>Only browsers send an Origin, and CORS does not apply to sockets.</summary>
    private static bool IsAllowed(HttpRequest request, OriginOptions allowed)
    {
        if (request.Headers.Origin is not [{ Length: > 0 } origin])
            return request.Headers.Origin.Count == 0;
        return allowed.Origins.Any(one => one == "*" || one.Equals(origin, StringComparison.OrdinalIgnoreCase)) || request.IsOfOrigin(origin);
    }
}
