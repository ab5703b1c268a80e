using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace CloudTab.Relay;

/// <summary>
/// The loop around a reader of events. One task listens for wake-ups; the other reads, after a wake-up and every second anyway, so that a
/// lost wake-up or a broken connection costs latency only. The order on a new connection is LISTEN, then a read, then the wait: what was
/// written before the LISTEN is in the read. One line in the log tells of each change of its health. Each reader has its own instance.
/// </summary>
public sealed class EventLoop(DatabaseChannel channel, TimeProvider clock, ILogger<EventLoop> logger)
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);

    // Capacity one: any number of wake-ups before the next read are one.
    private readonly Channel<bool> _wakeups = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    /// <summary>Asks for a read; it never blocks.</summary>
    public void Wake() => _wakeups.Writer.TryWrite(true);

    /// <summary>Reads again and again until the host stops.</summary>
    /// <param name="readAsync">Reads once. It may fail with anything: it is then called again a second later.</param>
    /// <param name="pause">From the end of a read to the next at least: wake-ups in between are one.</param>
    public Task RunAsync(Func<CancellationToken, Task> readAsync, TimeSpan pause, CancellationToken stoppingToken) =>
        Task.WhenAll(channel.ListenAsync(Wakeups.Channel, Wake, _ => Wake(), stoppingToken), ReadAsync(readAsync, pause, stoppingToken));

    private async Task ReadAsync(Func<CancellationToken, Task> readAsync, TimeSpan pause, CancellationToken stoppingToken)
    {
        var isReading = true;
        while (true)
        {
            try
            {
                await readAsync(stoppingToken);
                if (!isReading)
                    logger.EventsReadAgain();
                isReading = true;
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                if (isReading)
                    logger.EventsNotRead(failure);
                isReading = false;
            }

            if (pause > TimeSpan.Zero)
                await Task.Delay(pause, clock, stoppingToken);
            // After a failure a wake-up changes nothing: Postgres is not asked in a tight loop.
            await WaitAsync(forWakeup: isReading, stoppingToken);
        }
    }

    private async Task WaitAsync(bool forWakeup, CancellationToken stoppingToken)
    {
        var time = PollInterval * (0.5 + Random.Shared.NextDouble());
        if (!forWakeup)
        {
            await Task.Delay(time, clock, stoppingToken);
            return;
        }

        using var poll = clock.Limit(time, stoppingToken);
        try
        {
            await _wakeups.Reader.ReadAsync(poll.Token);
        }
        catch (OperationCanceledException) when (!stoppingToken.IsCancellationRequested)
        {
            // No wake-up has come: time to look anyway.
        }
    }
}
