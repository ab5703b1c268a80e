using System.Collections.Concurrent;
using System.Diagnostics;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;

namespace CloudTab.Relay;

/// <summary>
/// Tells the Notifiers that there are new events, after the commit. One pump per process sends at most one NOTIFY every few
/// milliseconds over a connection of its own, because a NOTIFY takes a lock that serialises the commits of the whole database: it
/// may not sit in the transactions themselves. A wake-up that gets lost costs latency only; the Notifiers poll as well.
/// </summary>
public sealed class Wakeups(IOptions<DatabaseOptions> options, TimeProvider clock, ILogger<Wakeups> logger) : BackgroundService
{
    /// <summary>The channel that Notifiers listen on. The payload is empty: the table is the truth.</summary>
    public const string Channel = "cloudtab_events";

    private const int MostCauses = 10_000;

    private static readonly TimeSpan Gap = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan LongestBackoff = TimeSpan.FromSeconds(5);

    // Capacity one: any number of signals before the next NOTIFY are one.
    private readonly Channel<bool> _signals = System.Threading.Channels.Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    // The sampled work that waits for its wake-up. More than this only comes together while Postgres takes commits but no NOTIFY: then
    // traces go without the span.
    private readonly ConcurrentQueue<Cause> _causes = new();

    /// <summary>Asks for a wake-up. Call it after the commit; it never blocks.</summary>
    public void Signal()
    {
        if (Activity.Current is { Recorded: true } work && _causes.Count < MostCauses)
            _causes.Enqueue(new(work.Context, clock.GetUtcNow()));
        _signals.Writer.TryWrite(true);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var backoff = Gap;
        while (await _signals.Reader.WaitToReadAsync(stoppingToken))
        {
            try
            {
                await PumpAsync(() => backoff = Gap, stoppingToken);
            }
            catch (NpgsqlException outage)
            {
                logger.WakeupsInterrupted(outage);
                await Task.Delay(backoff * (0.5 + Random.Shared.NextDouble()), clock, stoppingToken);
                backoff = TimeSpan.FromTicks(Math.Min(backoff.Ticks * 2, LongestBackoff.Ticks));
            }
        }
    }

    private async Task PumpAsync(Action onSent, CancellationToken stoppingToken)
    {
        var connectionString = new NpgsqlConnectionStringBuilder(options.Value.ToNpgsql()) { Pooling = false }.ConnectionString;
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(stoppingToken);
        await using var notify = new NpgsqlCommand($"NOTIFY {Channel}", connection);
        await notify.PrepareAsync(stoppingToken);
        while (await _signals.Reader.WaitToReadAsync(stoppingToken))
        {
            // Taken before it is sent: a signal that comes during the NOTIFY may belong to a commit that this one does not cover.
            _signals.Reader.TryRead(out _);
            var covered = _causes.Count;
            try
            {
                await notify.ExecuteNonQueryAsync(stoppingToken);
            }
            catch (NpgsqlException)
            {
                Signal();
                throw;
            }

            Trace(covered);
            onSent();
            await Task.Delay(Gap, clock, stoppingToken);
        }
    }

    /// <summary>
    /// One NOTIFY is a span in every trace that it covers, from the signal to its end: whoever opens an upload's trace sees how long the
    /// wake-up took. A single span that links to all of them would be in none.
    /// </summary>
    private void Trace(int covered)
    {
        for (; covered > 0 && _causes.TryDequeue(out var cause); covered--)
        {
            using var wakeup = RelayTelemetry.Source.StartActivity(
                $"send {Channel}", ActivityKind.Producer, cause.Work, startTime: cause.Signalled);
            wakeup?.SetTag("messaging.system", "postgresql");
            wakeup?.SetTag("messaging.destination.name", Channel);
            wakeup?.SetTag("messaging.operation.type", "send");
        }
    }

    private readonly record struct Cause(ActivityContext Work, DateTimeOffset Signalled);
}
