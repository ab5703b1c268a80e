using System.Diagnostics;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

namespace CloudTab.Notifier;

/// <summary>What every socket on `/ws` gets: a deadline to authenticate in, and a close when the host stops.</summary>
internal sealed class ShopSockets(
    Commands commands, Telemetry telemetry, TimeProvider clock, IOptions<SocketOptions> options, IHostApplicationLifetime lifetime)
{
    /// <summary>Runs a socket to its end, which comes with that of the host at the latest.</summary>
    public async Task RunAsync(WebSocket webSocket, CancellationToken aborted)
    {
        // The request lives as long as the socket: each message is a trace of its own.
        Activity.Current = null;
        using var socket = new ShopSocket(webSocket, commands, telemetry, clock, aborted);
        // Kestrel waits for its open requests when it stops, so the sockets must hear of it first.
        using var stopping = lifetime.ApplicationStopping.Register(() => socket.Close(CloseReason.GoingAway));
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
        }
    }

    private static void CloseUnlessAuthenticated(ShopSocket socket)
    {
        if (socket.Key is null)
            socket.Close(CloseReason.NotInTime);
    }
}

internal static class ShopSocketsEndpoint
{
    public static void MapShopSockets(this IEndpointRouteBuilder routes) =>
        routes.Map("/ws", Connect).ProducesProblem(StatusCodes.Status426UpgradeRequired);

    private static async Task<Results<EmptyHttpResult, ProblemHttpResult>> Connect(HttpContext context, ShopSockets sockets)
    {
        if (!context.WebSockets.IsWebSocketRequest)
        {
            context.Response.Headers.Upgrade = "websocket"; // RFC 9110, section 15.5.22: a 426 must name the protocol.
            return TypedResults.Problem("This address takes WebSocket connections only.", statusCode: StatusCodes.Status426UpgradeRequired);
        }

        using var webSocket = await context.WebSockets.AcceptWebSocketAsync();
        await sockets.RunAsync(webSocket, context.RequestAborted);
        return TypedResults.Empty;
    }
}
