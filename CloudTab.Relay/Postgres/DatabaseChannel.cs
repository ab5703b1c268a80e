using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;

namespace CloudTab.Relay;

/// <summary>
/// A connection of its own, outside the pool, to LISTEN or to NOTIFY on. Whatever breaks it, it is opened again at growing intervals until
/// the host stops; one line in the log tells of each change of its health. Each user has its own instance.
/// </summary>
public sealed class DatabaseChannel(IOptions<DatabaseOptions> options, TimeProvider clock, ILogger<DatabaseChannel> logger)
{
    private static readonly TimeSpan ShortestBackoff = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestBackoff = TimeSpan.FromSeconds(5);

    private TimeSpan _backoff = ShortestBackoff;
    private bool _isLost;

    /// <summary>Listens until the host stops. Postgres delivers nothing of what was sent while the connection was away.</summary>
    /// <param name="listening">Called on each new connection, once it listens.</param>
    /// <param name="heard">Is given the payload of each message.</param>
    public async Task ListenAsync(string name, Action listening, Action<string> heard, CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await TryUseAsync(name, ListenOnceAsync, stoppingToken);
        }

        async Task ListenOnceAsync(NpgsqlConnection connection)
        {
            connection.Notification += (_, message) => heard(message.Payload);
            await using (var listen = new NpgsqlCommand($"LISTEN {name}", connection))
                await listen.ExecuteNonQueryAsync(stoppingToken);
            Works(name);
            listening();
            while (true)
                await connection.WaitAsync(stoppingToken);
        }
    }

    /// <summary>Opens the connection and uses it until it breaks; then waits for as long as the next attempt should.</summary>
    /// <param name="use">Runs until the connection breaks; it calls <see cref="Works"/>.</param>
    internal async Task TryUseAsync(string name, Func<NpgsqlConnection, Task> use, CancellationToken stoppingToken)
    {
        try
        {
            // With keep-alive the wait for messages pings: otherwise a dead peer might never be noticed.
            var settings = new NpgsqlConnectionStringBuilder(options.Value.ToNpgsql()) { Pooling = false };
            if (settings.KeepAlive == 0)
                settings.KeepAlive = 15;
            await using var connection = new NpgsqlConnection(settings.ConnectionString);
            await connection.OpenAsync(stoppingToken);
            await use(connection);
        }
        // Any: a connection that died in the wrong moment throws InvalidOperationException, for one.
        catch (Exception lost) when (!stoppingToken.IsCancellationRequested)
        {
            if (!_isLost)
                logger.ChannelLost(name, lost);
            _isLost = true;
            await Task.Delay(_backoff * (0.5 + Random.Shared.NextDouble()), clock, stoppingToken);
            _backoff = TimeSpan.FromTicks(Math.Min(_backoff.Ticks * 2, LongestBackoff.Ticks));
        }
    }

    /// <summary>The connection does what it is for.</summary>
    internal void Works(string name)
    {
        if (_isLost)
            logger.ChannelRestored(name);
        (_isLost, _backoff) = (false, ShortestBackoff);
    }
}
