using CloudTab.Relay;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CloudTab.Notifier;

/// <summary>
/// Records how many sockets of which shops this replica has, soon after that has changed. The rows count while the replica's lease lasts, the
/// one row that it renews, so a killed replica needs no cleaning up. A lease that has lapsed is not renewed: the replica begins another one
/// and writes all its counts again. So it does after a failure, because what was written is then not known.
/// </summary>
internal sealed class Presence(Database database, ShopDirectory directory, TimeProvider clock, ILogger<Presence> logger) : BackgroundService
{
    private static readonly TimeSpan LeaseTime = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan RenewalInterval = TimeSpan.FromSeconds(5);

    // After a restart the number changes hundreds of times in a second, and each look compares all shops.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private static readonly TimeSpan FarewellLimit = TimeSpan.FromSeconds(2);

    private Guid _replica; // that has the lease; another one with each lease
    private Dictionary<string, int>? _written; // counts of shops, as far as known

    /// <summary>Renews the lease and writes the counts that have changed.</summary>
    internal async Task RunOnceAsync(CancellationToken cancellationToken)
    {
        var here = directory.Snapshot().ToDictionary(shop => shop.Key, shop => shop.Value.Length, StringComparer.Ordinal);
        var written = _written;
        _written = null;
        if (written is null || !await TryRenewAsync(written, here, cancellationToken))
            await BeginAsync(here, cancellationToken);
        _written = here;
    }

    /// <returns>False if the lease has lapsed or is not there.</returns>
    private async Task<bool> TryRenewAsync(Dictionary<string, int> written, Dictionary<string, int> here, CancellationToken cancellationToken)
    {
        // Nothing is written without the lease. So a statement that comes late, when its client has given it up, changes nothing.
        const string sql = """
            WITH lease AS (
                UPDATE replica_leases SET ends_at = @endsAt WHERE replica = @replica AND ends_at > @now RETURNING replica
            ), gone AS (
                DELETE FROM connected_sockets USING lease WHERE connected_sockets.replica = lease.replica AND shop_id = ANY (@gone)
            ), changed AS (
                INSERT INTO connected_sockets (replica, shop_id, sockets)
                SELECT replica, shop, sockets FROM lease, unnest(@shops, @counts) AS here (shop, sockets)
                ON CONFLICT (replica, shop_id) DO UPDATE SET sockets = excluded.sockets
            )
            SELECT count(*) FROM lease
            """;
        var now = clock.Now().UtcDateTime;
        var changed = here.Where(shop => written.GetValueOrDefault(shop.Key) != shop.Value).ToList();
        var parameters = new
        {
            replica = _replica,
            now,
            endsAt = now + LeaseTime,
            gone = written.Keys.Where(shop => !here.ContainsKey(shop)).ToArray(),
            shops = changed.Select(shop => shop.Key).ToArray(),
            counts = changed.Select(shop => shop.Value).ToArray(),
        };
        return await database.ChangeSingleOrDefaultAsync<long>(sql, parameters, cancellationToken) == 1;
    }

    private async Task BeginAsync(Dictionary<string, int> here, CancellationToken cancellationToken)
    {
        const string sql = """
            WITH former_lease AS (
                DELETE FROM replica_leases WHERE replica = @former
            ), former AS (
                DELETE FROM connected_sockets WHERE replica = @former
            ), lease AS (
                INSERT INTO replica_leases (replica, ends_at) VALUES (@replica, @endsAt)
            )
            INSERT INTO connected_sockets (replica, shop_id, sockets)
            SELECT @replica, shop, sockets FROM unnest(@shops, @counts) AS here (shop, sockets)
            """;
        var former = _replica;
        _replica = Guid.NewGuid();
        var parameters = new
        {
            former,
            replica = _replica,
            endsAt = clock.Now().UtcDateTime + LeaseTime,
            shops = here.Keys.ToArray(),
            counts = here.Values.ToArray(),
        };
        await database.ExecuteAsync(sql, parameters, cancellationToken);
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

                await Task.Delay(Pause, clock, stoppingToken);
                // After a failure the change waits for the next renewal: Postgres is not asked in a tight loop.
                await WaitAsync(forChange: isHealthy, stoppingToken);
            }
        }
        catch (Exception) when (stoppingToken.IsCancellationRequested)
        {
            await SayFarewellAsync();
        }
    }

    private async Task WaitAsync(bool forChange, CancellationToken stoppingToken)
    {
        using var renewal = clock.Limit(RenewalInterval, stoppingToken);
        try
        {
            if (forChange)
                await directory.Changes.ReadAsync(renewal.Token);
            else
                await Task.Delay(Timeout.InfiniteTimeSpan, clock, renewal.Token);
        }
        catch (OperationCanceledException) when (!stoppingToken.IsCancellationRequested)
        {
            // Time to renew the lease.
        }
    }

    private async Task SayFarewellAsync()
    {
        const string sql = """
            WITH lease AS (
                DELETE FROM replica_leases WHERE replica = @replica
            )
            DELETE FROM connected_sockets WHERE replica = @replica
            """;
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
        const string sql = "SELECT coalesce(sum(sockets), 0) FROM connected_sockets JOIN replica_leases USING (replica) WHERE ends_at > @now";
        return database.QuerySingleOrDefaultAsync<long>(sql, new { now = clock.Now().UtcDateTime }, cancellationToken);
    }
}

internal static class PresenceEndpoint
{
    /// <summary>For the gateway's /health, not for clients.</summary>
    public static void MapPresence(this IEndpointRouteBuilder routes) => routes.MapGet("/presence", Count);

    private static async Task<Ok<PresenceView>> Count(ConnectedSockets sockets, CancellationToken cancellationToken) =>
        TypedResults.Ok(new PresenceView(await sockets.CountAsync(cancellationToken)));
}
