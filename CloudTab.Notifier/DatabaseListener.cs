using CloudTab.Relay;

namespace CloudTab.Notifier;

/// <summary>Reads new events, hands them to the sockets, and wakes the sender of webhooks, which reads them for itself.</summary>
internal sealed class DatabaseListener(
    EventReader reader,
    SessionViews views,
    ShopDirectory directory,
    EventLoop loop,
    WebhookSender webhooks,
    Telemetry telemetry,
    TimeProvider clock,
    ILogger<DatabaseListener> logger) : BackgroundService
{
    private static readonly TimeSpan InPlaceLimit = TimeSpan.FromSeconds(5);

    private readonly TaskCompletionSource _inPlace = new(TaskCreationOptions.RunContinuationsAsynchronously);

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
            foreach (var one in batch)
                Deliver(one, began, read);
            if (batch.Count > 0)
                webhooks.Wake();
            total += batch.Count;
            // Behind the events: if this fails, they will not be read again.
            if (reader.Restarts != _restarts)
                await SendPendingAsync(reader.Restarts, cancellationToken);
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
        foreach (var some in directory.Snapshot().SelectMany(shop => shop.Value).ToLookup(socket => socket.Key).Where(held => held.Key is not null).Chunk(PendingLists.MostAtOnce))
        {
            var pages = await views.PendingAsync([.. some.Select(held => held.Key!)], PendingSessions.MostSessions, cancellationToken);
            foreach (var held in some)
            {
                if (!pages.TryGetValue(held.Key!.Id, out var page))
                    continue; // They end, or will: the key was revoked.
                var pending = Frame.Of(PendingSessions.Of(page));
                foreach (var socket in held)
                    socket.Deliver(pending);
            }
        }

        _restarts = restarts;
    }

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => loop.RunAsync(RunOnceAsync, pause: TimeSpan.Zero, stoppingToken);

    private void Deliver(SessionEvent one, DateTimeOffset began, long read)
    {
        var sockets = directory.SocketsOf(one.Shop);
        using var receipt = Telemetry.StartReceipt(one, began, sockets.Length);
        if (sockets.IsEmpty)
            return;
        var frame = Frame.Of(one, read, receipt?.Context ?? default);
        foreach (var socket in sockets)
            socket.Deliver(frame);
    }
}
