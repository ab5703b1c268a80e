using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace CloudTab.Relay;

#pragma warning disable RS0030 // this is where all others get their time from

/// <summary>
/// The time by Postgres' clock, which all replicas share: whether a session has expired or a lock has lapsed must not depend on the clock of
/// the machine that asks. It is measured again and again; in between the machine's monotonic clock counts on, so that setting its clock
/// changes nothing.
/// </summary>
/// <param name="source">Gives the database: options ask for a clock before the settings are known to name one.</param>
/// <param name="system">The machine's clock.</param>
public sealed class DatabaseTime(Func<NpgsqlDataSource> source, TimeProvider system, ILogger<DatabaseTime> logger) : TimeProvider
{
    private static readonly TimeSpan LargestSkew = TimeSpan.FromSeconds(2);

    private volatile Measurement? _last;
    private bool _isSkewed;

    /// <summary>Whether Postgres has answered.</summary>
    public bool IsKnown => _last is not null;

    /// <summary>
    /// The time now; until Postgres has answered, that of the machine: Kestrel asks at every heartbeat, and an exception would end that. Our
    /// own code asks <see cref="DatabaseTimeExtensions.Now"/>.
    /// </summary>
    public override DateTimeOffset GetUtcNow() => _last is { } last ? last.Time + system.GetElapsedTime(last.Timestamp) : system.GetUtcNow();

    /// <summary>Asks Postgres for the time.</summary>
    public async Task MeasureAsync(CancellationToken cancellationToken)
    {
        await using var connection = await source().OpenConnectionAsync(cancellationToken);
        await using var ask = new NpgsqlCommand("SELECT clock_timestamp()", connection);
        var began = system.GetTimestamp();
        var time = new DateTimeOffset((DateTime)(await ask.ExecuteScalarAsync(cancellationToken))!);
        var ended = system.GetTimestamp();
        _last = new(time + (system.GetElapsedTime(began, ended) / 2), ended);

        var skew = system.GetUtcNow() - GetUtcNow();
        if (skew.Duration() > LargestSkew && !_isSkewed)
            logger.ClockSkewed(skew);
        _isSkewed = skew.Duration() > LargestSkew;
    }

    private sealed record Measurement(DateTimeOffset Time, long Timestamp);
}

public static class DatabaseTimeExtensions
{
    /// <summary>The time to decide by.</summary>
    /// <exception cref="TimeoutException">Postgres has been away since the start: an outage.</exception>
    public static DateTimeOffset Now(this TimeProvider clock) => clock is DatabaseTime { IsKnown: false }
        ? throw new TimeoutException("The time is not known before Postgres answers.")
        : clock.GetUtcNow();
}

/// <summary>Measures <see cref="DatabaseTime"/> before the host serves anybody, and again and again.</summary>
internal sealed class DatabaseTimeLoop(DatabaseTime time) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(1);

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await TryMeasureAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            await Task.Delay(time.IsKnown ? Interval : RetryInterval, TimeProvider.System, stoppingToken);
            await TryMeasureAsync(stoppingToken);
        }
    }

    private async Task TryMeasureAsync(CancellationToken cancellationToken)
    {
        try
        {
            await time.MeasureAsync(cancellationToken);
        }
        // Any: the machine's own clock counts on meanwhile, and others log an outage.
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
        {
        }
    }
}
