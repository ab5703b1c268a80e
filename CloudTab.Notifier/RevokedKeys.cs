using CloudTab.Relay;

namespace CloudTab.Notifier;

/// <summary>
/// Closes the sockets of keys that were revoked or whose shop was suspended, and of browsers that have signed out, within a second: one query
/// asks for all keys of all sockets.
/// </summary>
internal sealed class RevokedKeys(Database database, OpenSockets sockets, TimeProvider clock, ILogger<RevokedKeys> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    // Filled twice a second, and kept: for ten thousand sockets new ones would be half a megabyte of garbage each time.
    private readonly List<ShopSocket> _sockets = [];
    private readonly List<Guid> _keys = [];
    private readonly List<Guid?> _signIns = [];

    /// <summary>Asks once.</summary>
    /// <returns>How many sockets were closed.</returns>
    internal async Task<int> RunOnceAsync(CancellationToken cancellationToken)
    {
        // As key_is_valid, which would be called for each.
        const string sql = """
            SELECT held.id, held.sign_in AS SignIn FROM unnest(@keys, @signIns) AS held (id, sign_in)
            WHERE NOT EXISTS (
                    SELECT FROM api_keys JOIN shops ON shops.id = api_keys.shop_id
                    WHERE api_keys.id = held.id AND api_keys.revoked_at IS NULL AND shops.suspended_at IS NULL
                )
                OR held.sign_in IS NOT NULL AND NOT EXISTS (SELECT FROM sign_ins WHERE id = held.sign_in)
            """;
        sockets.CopyTo(_sockets);
        _keys.Clear();
        _signIns.Clear();
        foreach (var socket in _sockets)
        {
            if (socket.Key is not { } key)
                continue;
            _keys.Add(key.Id);
            _signIns.Add(key.SignIn);
        }

        if (_keys.Count == 0)
            return 0;
        var revoked = (await database.QueryAsync<HeldKey>(sql, new { keys = _keys, signIns = _signIns }, cancellationToken)).ToHashSet();
        if (revoked.Count == 0)
            return 0;
        var closed = _sockets.FindAll(socket => socket.Key is { } key && revoked.Contains(new(key.Id, key.SignIn)));
        foreach (var socket in closed)
            socket.Close(CloseReason.BadKey);
        return closed.Count;
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                if (await RunOnceAsync(stoppingToken) is > 0 and var closed)
                    logger.RevokedKeysClosed(closed);
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                // The next tick asks again. The listener has logged an outage.
                if (!Outage.Is(failure))
                    logger.RevokedKeysUnknown(failure);
            }
        }
    }

    private sealed record HeldKey(Guid Id, Guid? SignIn);
}
