using System.Collections.Concurrent;
using System.Diagnostics;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Npgsql;

namespace CloudTab.Relay;

/// <summary>
/// Tells the Notifiers that there are new events, after the commit. One pump per process sends one NOTIFY at a time over a connection of its
/// own, because a NOTIFY takes a lock that serialises the commits of all that notify: it may not sit in the transactions themselves. The more
/// commits the last one told of, the longer the next one waits for others to tell of. A wake-up that gets lost costs latency only; the Notifiers
/// poll as well.
/// </summary>
public sealed class Wakeups(DatabaseChannel channel, TimeProvider clock) : BackgroundService
{
    /// <summary>The channel that Notifiers listen on. The payload is empty: the table is the truth.</summary>
    public const string Channel = "cloudtab_events";

    private const int MostCauses = 10_000;

    // In milliseconds.
    private const int LongestGap = 10;

    // Capacity one: any number of signals before the next NOTIFY are one.
    private readonly Channel<bool> _signals = System.Threading.Channels.Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private int _signalled; // since the last NOTIFY began

    // The sampled work that waits for its wake-up. It exceeds the limit only while Postgres takes commits but no NOTIFY: then traces lack
    // the span.
    private readonly ConcurrentQueue<Cause> _causes = new();

    /// <summary>Asks for a wake-up. Call it after the commit; it never blocks.</summary>
    public void Signal()
    {
        if (Activity.Current is { Recorded: true } work && _causes.Count < MostCauses)
            _causes.Enqueue(new(work.Context, clock.Now()));
        Interlocked.Increment(ref _signalled);
        _signals.Writer.TryWrite(true);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (await _signals.Reader.WaitToReadAsync(stoppingToken))
            await channel.TryUseAsync(Channel, connection => PumpAsync(connection, stoppingToken), stoppingToken);
    }

    private async Task PumpAsync(NpgsqlConnection connection, CancellationToken stoppingToken)
    {
        await using var notify = new NpgsqlCommand($"NOTIFY {Channel}", connection);
        await notify.PrepareAsync(stoppingToken);
        while (await _signals.Reader.WaitToReadAsync(stoppingToken))
        {
            // Taken before the NOTIFY: a signal that comes during it may belong to a commit that it does not cover.
            _signals.Reader.TryRead(out _);
            var signalled = Interlocked.Exchange(ref _signalled, 0);
            var covered = _causes.Count;
            try
            {
                await notify.ExecuteNonQueryAsync(stoppingToken);
            }
            catch
            {
                Signal();
                throw;
            }

            Trace(covered);
            channel.Works(Channel);
            // Alone it delays nothing, and below about 1,000 commits a second nearly each has a NOTIFY of its own. Above, and in a burst, a millisecond
            // for each keeps the NOTIFYs far fewer: less than a hundred a second in the end.
            await Task.Delay(TimeSpan.FromMilliseconds(Math.Clamp(signalled - 1, 0, LongestGap)), clock, stoppingToken);
        }
    }

    /// <summary>
    /// One NOTIFY is a span in every trace that it covers, from the signal to its end, so that an upload's trace shows how long the wake-up
    /// took. A single span that links to all of them would be in none.
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
