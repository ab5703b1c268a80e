using System.Threading.Channels;
using CloudTab.Relay;

namespace CloudTab.Notifier;

/// <summary>
/// Hears of new events and hands them to the sockets. Two loops: one listens for wake-ups; the other reads the events, after a wake-up and
/// every second anyway, so that a lost wake-up or a broken connection costs latency only. The order on a new connection is LISTEN, then a read, then the wait: what was written before the LISTEN is in the read.
/// </summary>
internal sealed class DatabaseListener(
    EventReader reader,
    SessionViews views,
    ShopDirectory directory,
    DatabaseChannel channel,
    Telemetry telemetry,
    TimeProvider clock,
    ILogger<DatabaseListener> logger) : BackgroundService
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan InPlaceLimit = TimeSpan.FromSeconds(5);

    private readonly TaskCompletionSource _inPlace = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Capacity one: any number of wake-ups before the next read are one.
    private readonly Channel<bool> _wakeups = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private int _restarts; // that the sockets know of

    /// <summary>Waits until the reader has its place in the events: from then on it misses none.</summary>
    /// <exception cref="TimeoutException">Postgres has been away since this replica's start.</exception>
    public Task WaitUntilInPlaceAsync(CancellationToken cancellationToken) => _inPlace.Task.WaitAsync(InPlaceLimit, clock, cancellationToken);

    /// <summary>Reads and delivers what is new.</summary>
    /// <returns>How many events there were.</returns>
    internal async Task<int> RunOnceAsync(CancellationToken cancellationToken)
    {
        var total = 0;
        while (true)
        {
            var began = clock.Now();
            var batch = await reader.ReadAsync(cancellationToken);
            var read = clock.GetTimestamp();
            _inPlace.TrySetResult();
            telemetry.BehindHorizon = reader.BehindHorizon;
            if (reader.Restarts != _restarts)
                await SendPendingAsync(reader.Restarts, cancellationToken);
            foreach (var one in batch)
                Deliver(one, began, read);
            total += batch.Count;
            // What is committed after a short batch has a wake-up of its own.
            if (!reader.HasMore)
                return total;
        }
    }

    /// <summary>
    /// Sends every socket the pending list of its shop, as after its authentication: after a fail-over nobody knows which events were read.
    /// </summary>
    private async Task SendPendingAsync(int restarts, CancellationToken cancellationToken)
    {
        logger.ReaderRestarted();
        foreach (var sockets in directory.Snapshot().SelectMany(shop => shop.Value).ToLookup(socket => socket.Key))
        {
            if (sockets.Key is not { } key || await views.PendingAsync(key, Commands.PendingLimit, after: null, cancellationToken) is not { } page)
                continue; // They end, or will: the key was revoked.
            var pending = Frame.Of(new PendingSessions(page.Sessions, page.Next is not null));
            foreach (var socket in sockets)
                socket.Deliver(pending);
        }

        _restarts = restarts;
    }

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken)
    {
        return Task.WhenAll(channel.ListenAsync(Wakeups.Channel, Wake, _ => Wake(), stoppingToken), ReadAsync(stoppingToken));

        void Wake() => _wakeups.Writer.TryWrite(true);
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

    private async Task ReadAsync(CancellationToken stoppingToken)
    {
        var isReading = true;
        while (true)
        {
            try
            {
                await RunOnceAsync(stoppingToken);
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
