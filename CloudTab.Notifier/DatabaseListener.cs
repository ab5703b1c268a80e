using System.Threading.Channels;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.Extensions.Options;
using Npgsql;

namespace CloudTab.Notifier;

/// <summary>
/// Hears of new events and hands them to the sockets. Two loops: one listens on a connection of its own and only says "look"; the
/// other reads the events, when told to and every second anyway, so that a lost wake-up or listening connection costs latency
/// only. The order on a new connection is LISTEN, then a read, then the wait: what was written before the LISTEN is in the read.
/// </summary>
internal sealed class DatabaseListener(
    EventReader reader,
    ShopDirectory directory,
    IOptions<DatabaseOptions> options,
    Telemetry telemetry,
    TimeProvider clock,
    ILogger<DatabaseListener> logger) : BackgroundService
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ShortestBackoff = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestBackoff = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan InPlaceLimit = TimeSpan.FromSeconds(5);

    private readonly TaskCompletionSource _inPlace = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Capacity one: any number of wake-ups before the next read are one.
    private readonly Channel<bool> _wakeups = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    /// <summary>Waits until the reader has its place in the events: from then on it misses none.</summary>
    /// <exception cref="NpgsqlException">Postgres was not to be had since this replica's start.</exception>
    public async Task WaitUntilInPlaceAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _inPlace.Task.WaitAsync(InPlaceLimit, clock, cancellationToken);
        }
        catch (TimeoutException notYet)
        {
            throw new NpgsqlException("No events could be read since the start.", notYet);
        }
    }

    /// <summary>Reads and delivers what is new.</summary>
    /// <returns>How many events there were.</returns>
    internal async Task<int> RunOnceAsync(CancellationToken cancellationToken)
    {
        var total = 0;
        while (true)
        {
            var began = clock.GetUtcNow();
            var batch = await reader.ReadAsync(cancellationToken);
            var read = clock.GetTimestamp();
            _inPlace.TrySetResult();
            telemetry.BehindHorizon = reader.BehindHorizon;
            foreach (var one in batch)
                Deliver(one, began, read);
            total += batch.Count;
            // What is committed after a short batch has a wake-up of its own.
            if (batch.Count < EventReader.BatchSize)
                return total;
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Neither ends by itself: the first one that fails for a reason of our own making ends the service.
        var ended = await Task.WhenAny(
            KeepRunningAsync("listening", ListenAsync, stoppingToken),
            KeepRunningAsync("reading", ReadAsync, stoppingToken));
        await ended;
    }

    private void Deliver(SessionEvent one, DateTimeOffset began, long read)
    {
        var sockets = directory.SocketsOf(one.Shop);
        using var receipt = Telemetry.StartReceipt(one, began, sockets.Count);
        if (sockets.IsEmpty)
            return;
        var frame = Frame.Of(one, read, receipt?.Context ?? default);
        foreach (var socket in sockets)
            socket.Deliver(frame);
    }

    private async Task ReadAsync(Action healthy, CancellationToken stoppingToken)
    {
        while (true)
        {
            await RunOnceAsync(stoppingToken);
            healthy();
            using var poll = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
            using var timer = clock.CreateTimer(_ => poll.Cancel(), null, Jittered(PollInterval), Timeout.InfiniteTimeSpan);
            try
            {
                await _wakeups.Reader.ReadAsync(poll.Token);
            }
            catch (OperationCanceledException) when (!stoppingToken.IsCancellationRequested)
            {
                // Nobody has called: time to look anyway.
            }
        }
    }

    private async Task ListenAsync(Action healthy, CancellationToken stoppingToken)
    {
        // KeepAlive makes the wait below ping: without it a dead peer might never be noticed.
        var settings = new NpgsqlConnectionStringBuilder(options.Value.ToNpgsql()) { Pooling = false };
        if (settings.KeepAlive == 0)
            settings.KeepAlive = 15;
        await using var connection = new NpgsqlConnection(settings.ConnectionString);
        await connection.OpenAsync(stoppingToken);
        await using (var listen = new NpgsqlCommand($"LISTEN {Wakeups.Channel}", connection))
            await listen.ExecuteNonQueryAsync(stoppingToken);
        healthy();
        while (true)
        {
            _wakeups.Writer.TryWrite(true);
            await connection.WaitAsync(stoppingToken);
        }
    }

    /// <summary>Repeats a loop that ends by failing, at growing intervals, and logs when its health changes.</summary>
    private async Task KeepRunningAsync(string what, Func<Action, CancellationToken, Task> loop, CancellationToken stoppingToken)
    {
        var (backoff, isHealthy) = (ShortestBackoff, true);
        void Healthy()
        {
            if (!isHealthy)
                logger.ListenerRestored(what);
            (backoff, isHealthy) = (ShortestBackoff, true);
        }

        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await loop(Healthy, stoppingToken);
            }
            catch (Exception lost) when (lost is NpgsqlException || Resilience.IsUnavailable(lost))
            {
                if (isHealthy)
                    logger.ListenerLost(what, lost);
                isHealthy = false;
                await Task.Delay(Jittered(backoff), clock, stoppingToken);
                backoff = TimeSpan.FromTicks(Math.Min(backoff.Ticks * 2, LongestBackoff.Ticks));
            }
        }
    }

    private static TimeSpan Jittered(TimeSpan time) => time * (0.5 + Random.Shared.NextDouble());
}
