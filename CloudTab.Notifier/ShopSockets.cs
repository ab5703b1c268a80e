using System.Diagnostics;
using System.Net;
using System.Net.WebSockets;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

namespace CloudTab.Notifier;

/// <summary>What every socket on `/ws` gets: a place among all, a deadline to authenticate in, and a close when the host stops.</summary>
internal sealed class ShopSockets(
    OpenSockets sockets, Commands commands, Telemetry telemetry, TimeProvider clock, IOptions<SocketOptions> options, IHostApplicationLifetime lifetime)
{
    // After this time the first client of a replica that stops connects again, and then one in each of these.
    private const int FirstReturn = 250;
    private const int BetweenReturns = 2;

    private static readonly TimeSpan RefusalLimit = TimeSpan.FromSeconds(1);

    /// <summary>Runs a socket to its end, which comes with that of the host at the latest.</summary>
    public async Task RunAsync(HttpContext context, IncomingFrames frames)
    {
        var client = ClientNetwork.Of(context.Connection.RemoteIpAddress);
        if (sockets.TryOpen(client) is { } refusal)
        {
            await RefuseAsync(context, refusal);
            return;
        }

        try
        {
            using var webSocket = await context.WebSockets.AcceptWebSocketAsync();
            await RunAsync(webSocket, client, frames, context.RequestAborted);
        }
        finally
        {
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

    private async Task RunAsync(WebSocket webSocket, IPAddress client, IncomingFrames frames, CancellationToken aborted)
    {
        // The request lives as long as the socket: each message is a trace of its own.
        Activity.Current = null;
        using var socket = new ShopSocket(webSocket, client, sockets, commands, telemetry, clock, aborted);
        frames.Counted = socket.CountFrame;
        sockets.Add(socket);
        // Kestrel waits for its open requests when it stops, so the sockets must hear of it first.
        using var stopping = lifetime.ApplicationStopping.Register(() => SendAway(socket));
        // Again and again: a socket may lose what it had when Postgres goes away while it authenticates.
        var limit = TimeSpan.FromMilliseconds(options.Value.AuthenticationTimeout);
        await using var deadline = clock.CreateTimer(_ => CloseUnlessAuthenticated(socket), null, limit, limit);
        try
        {
            await socket.RunAsync();
        }
        finally
        {
            commands.Unregister(socket);
            sockets.Remove(socket);
        }
    }

    /// <summary>All clients of this replica come at once, each to read its list, unless they are told when.</summary>
    private void SendAway(ShopSocket socket)
    {
        socket.Send(new GoingAway(FirstReturn + Random.Shared.Next(BetweenReturns * sockets.Count)));
        socket.Close(CloseReason.GoingAway);
    }

    private static void CloseUnlessAuthenticated(ShopSocket socket)
    {
        if (socket is { Key: null, IsAuthenticating: false })
            socket.Close(CloseReason.NotInTime);
    }
}

internal static class ShopSocketsEndpoint
{
    private static readonly Problem OriginNotAllowed = new(
        StatusCodes.Status403Forbidden, "origin_not_allowed", "Origin not allowed", "Pages of this origin may not connect. ALLOWED_ORIGINS names those that may.");

    public static void MapShopSockets(this IEndpointRouteBuilder routes) =>
        routes.Map("/ws", Connect).ExcludeFromDescription().ProducesProblem(StatusCodes.Status426UpgradeRequired).Answers(OriginNotAllowed);

    private static async Task<Results<EmptyHttpResult, ProblemHttpResult, Problem>> Connect(
        HttpContext context, ShopSockets sockets, IOptions<OriginOptions> origins)
    {
        if (!context.WebSockets.IsWebSocketRequest || context.Features.Get<IncomingFrames>() is not { } frames)
        {
            context.Response.Headers.Upgrade = "websocket"; // RFC 9110, section 15.5.22: a 426 must name the protocol.
            return TypedResults.Problem("This address takes WebSocket connections only.", statusCode: StatusCodes.Status426UpgradeRequired);
        }

        if (!IsAllowed(context.Request, origins.Value))
            return OriginNotAllowed;
        await sockets.RunAsync(context, frames);
        return TypedResults.Empty;
    }

    /// <summary>Only browsers send an Origin, and CORS does not apply to sockets.</summary>
    private static bool IsAllowed(HttpRequest request, OriginOptions allowed)
    {
        if (request.Headers.Origin is not [{ Length: > 0 } origin])
            return request.Headers.Origin.Count == 0;
        return allowed.Origins.Any(one => one == "*" || one.Equals(origin, StringComparison.OrdinalIgnoreCase)) || request.IsOfOrigin(origin);
    }
}
