using CloudTab.Relay;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CloudTab.Notifier;

/// <summary>
/// Records how many sockets of which shops this replica has: at once when that changes, and every few seconds as a sign of life. Rows
/// that are not refreshed count as gone after <see cref="Shops.PresenceLimit"/>, so a killed replica needs no cleaning up.
/// </summary>
internal sealed class Presence(Database database, ShopDirectory directory, TimeProvider clock, ILogger<Presence> logger) : BackgroundService
{
    private static readonly TimeSpan RefreshInterval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan FarewellLimit = TimeSpan.FromSeconds(2);

    private readonly Guid _replica = Guid.NewGuid();

    /// <summary>Writes the counts as they are now.</summary>
    internal Task RunOnceAsync(CancellationToken cancellationToken)
    {
        const string sql = """
            WITH gone AS (
                DELETE FROM connected_sockets WHERE replica = @replica AND shop_id <> ALL (@shops)
            )
            INSERT INTO connected_sockets (replica, shop_id, sockets, seen_at)
            SELECT @replica, shop, sockets, @now FROM unnest(@shops, @counts) AS here (shop, sockets)
            ON CONFLICT (replica, shop_id) DO UPDATE SET sockets = excluded.sockets, seen_at = excluded.seen_at
            """;
        var here = directory.Snapshot();
        var parameters = new
        {
            replica = _replica,
            shops = here.Select(shop => shop.Key).ToArray(),
            counts = here.Select(shop => shop.Value.Count).ToArray(),
            now = clock.Now().UtcDateTime,
        };
        return database.ExecuteAsync(sql, parameters, cancellationToken);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var isHealthy = true;
        try
        {
            while (true)
            {
                try
                {
                    await RunOnceAsync(stoppingToken);
                    isHealthy = true;
                }
                catch (Exception outage) when (!stoppingToken.IsCancellationRequested)
                {
                    if (isHealthy)
                        logger.PresenceUnknown(outage);
                    isHealthy = false;
                }

                // After a failure the change waits for the next refresh: Postgres is not asked in a tight loop.
                await WaitAsync(forChange: isHealthy, stoppingToken);
            }
        }
        finally
        {
            await SayFarewellAsync();
        }
    }

    private async Task WaitAsync(bool forChange, CancellationToken stoppingToken)
    {
        using var refresh = clock.Limit(RefreshInterval, stoppingToken);
        try
        {
            if (forChange)
                await directory.Changes.ReadAsync(refresh.Token);
            else
                await Task.Delay(Timeout.InfiniteTimeSpan, clock, refresh.Token);
        }
        catch (OperationCanceledException) when (!stoppingToken.IsCancellationRequested)
        {
            // Time for a sign of life.
        }
    }

    private async Task SayFarewellAsync()
    {
        const string sql = "DELETE FROM connected_sockets WHERE replica = @replica";
        using var limit = clock.Limit(FarewellLimit);
        try
        {
            await database.ExecuteAsync(sql, new { replica = _replica }, limit.Token);
        }
        catch (Exception outage) when (Outage.Is(outage) || outage is OperationCanceledException)
        {
            logger.PresenceUnknown(outage);
        }
    }
}

/// <summary>The authenticated sockets of all replicas.</summary>
public sealed class ConnectedSockets(Database database, TimeProvider clock)
{
    public Task<long> CountAsync(CancellationToken cancellationToken)
    {
        const string sql = "SELECT coalesce(sum(sockets), 0) FROM connected_sockets WHERE seen_at > @seenAfter";
        var seenAfter = (clock.Now() - Shops.PresenceLimit).UtcDateTime;
        return database.QuerySingleOrDefaultAsync<long>(sql, new { seenAfter }, cancellationToken);
    }
}

internal static class PresenceEndpoint
{
    /// <summary>For the gateway's /health, not for clients.</summary>
    public static void MapPresence(this IEndpointRouteBuilder routes) => routes.MapGet("/presence", Count);

    private static async Task<Ok<PresenceView>> Count(ConnectedSockets sockets, CancellationToken cancellationToken) =>
        TypedResults.Ok(new PresenceView(await sockets.CountAsync(cancellationToken)));
}
