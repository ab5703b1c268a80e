using System.Collections.Concurrent;
using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>
/// The locks of this process on uploads, and how they are handed over. One request adds to an upload at a time; if another one asks for
/// the upload, it stores what it has and releases the lock. So a customer whose connection died is never locked out by its own dead
/// request.
///
/// There are two loops. One listens on a connection of its own for messages of other processes. The other renews the leases every
/// second, and finds requests whose message was lost. A lock that is not renewed in time is revoked here before another process may
/// acquire it.
/// </summary>
internal sealed class UploadLocks(
    Uploads uploads,
    Removal removal,
    ObjectStore store,
    FileLeases leases,
    DatabaseChannel channel,
    IHostApplicationLifetime lifetime,
    TimeProvider clock,
    ILogger<UploadLocks> logger) : BackgroundService
{
    private static readonly TimeSpan Renewal = TimeSpan.FromSeconds(1);

    // Longer than the lease, so that one request suffices even if the process that held the lock has died.
    private static readonly TimeSpan AcquireLimit = Uploads.Lease + TimeSpan.FromSeconds(3);

    // In case a message gets lost: soon enough for the client that waits, and not too many queries.
    private static readonly TimeSpan RequestAgain = TimeSpan.FromMilliseconds(250);

    private readonly ConcurrentDictionary<Guid, UploadLock> _held = new();
    private readonly ConcurrentDictionary<Guid, TaskCompletionSource> _awaited = new();

    /// <summary>The name of this process in the rows of uploads that it has locked.</summary>
    public Guid Holder { get; } = Guid.NewGuid();

    /// <summary>Acquires the lock on an upload. A request that holds it is asked to release it.</summary>
    /// <param name="offset">
    /// Where the caller wants to continue, if it does. A request that has come further is not interrupted for that: the caller's is a
    /// repetition.
    /// </param>
    /// <returns>
    /// The lock. If there is none, the upload as it is: null, gone, complete, further, or still locked because its holder did not release
    /// it in time.
    /// </returns>
    public async Task<(UploadLock? Lock, Upload? Found)> AcquireAsync(
        string shop, string uploadId, long? offset, CancellationToken cancellationToken)
    {
        var began = clock.GetTimestamp();
        while (true)
        {
            if (await uploads.AcquireAsync(shop, uploadId, Holder, cancellationToken) is { } acquired)
                return (Register(acquired), acquired);
            var found = await uploads.FindAsync(shop, uploadId, cancellationToken);
            if (found is null or { IsGone: true } or { IsComplete: true } || found.Received > offset || clock.GetElapsedTime(began) >= AcquireLimit)
                return (null, found);
            if (found.IsHeld)
                await RequestReleaseAsync(found.Id, cancellationToken);
        }
    }

    /// <summary>Waits until no request adds to an upload. One that does is asked to release the lock.</summary>
    /// <returns>The upload, or null if there never was one. It is still locked if its holder did not release it in time.</returns>
    public async Task<Upload?> WaitUntilFreeAsync(string shop, string uploadId, CancellationToken cancellationToken)
    {
        var began = clock.GetTimestamp();
        while (true)
        {
            var found = await uploads.FindAsync(shop, uploadId, cancellationToken);
            if (found is null or { IsGone: true } or { IsHeld: false } || clock.GetElapsedTime(began) >= AcquireLimit)
                return found;
            await RequestReleaseAsync(found.Id, cancellationToken);
        }
    }

    /// <summary>Keeps the lock on an upload that this process has acquired.</summary>
    public UploadLock Register(Upload acquired)
    {
        RelayTelemetry.TagSession(acquired.Session);
        var uploadLock = new UploadLock(acquired, this, uploads, removal, store, clock, logger);
        // A request of this process whose lease has expired may still be working on it.
        if (_held.TryRemove(acquired.Id, out var expired))
            expired.Revoke();
        _held[acquired.Id] = uploadLock;
        leases.Add(acquired.File!.Value);
        if (lifetime.ApplicationStopping.IsCancellationRequested)
            uploadLock.Interrupt();
        return uploadLock;
    }

    /// <summary>Forgets a lock.</summary>
    public void Unregister(UploadLock uploadLock)
    {
        // A lock whose lease has expired may end after this process has acquired the upload again.
        if (_held.TryRemove(KeyValuePair.Create(uploadLock.Upload.Id, uploadLock)))
            leases.Remove(uploadLock.Upload.File!.Value);
    }

    /// <summary>Renews the leases of all locks.</summary>
    /// <returns>How many are still held.</returns>
    public async Task<int> RunOnceAsync(CancellationToken cancellationToken)
    {
        var held = _held.Values.ToArray();
        if (held.Length == 0)
            return 0;
        var began = clock.GetTimestamp();
        var renewed = (await uploads.RenewAsync([.. held.Select(uploadLock => uploadLock.Upload.Id)], Holder, cancellationToken)).ToDictionary(row => row.Id);
        foreach (var uploadLock in held)
        {
            if (!renewed.TryGetValue(uploadLock.Upload.Id, out var row) || row.Generation != uploadLock.Upload.Generation)
                uploadLock.Revoke();
            else
                uploadLock.Renewed(row.Renewed ? began : null, row.Wanted);
        }

        return renewed.Count;
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // A host that stops waits for its requests: they store what they have, and their clients continue with another replica.
        using var stopping = lifetime.ApplicationStopping.Register(() =>
        {
            foreach (var uploadLock in _held.Values)
                uploadLock.Interrupt();
        });
        await Task.WhenAll(RenewAsync(stoppingToken), channel.ListenAsync(Uploads.Channel, listening: () => { }, Hear, stoppingToken));
    }

    private async Task RenewAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Renewal, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            using var limit = clock.Limit(Uploads.Lease / 2, stoppingToken);
            try
            {
                await RunOnceAsync(limit.Token);
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                // FileLeases logs an outage. Here it only matters that no lock is used that another process may have acquired.
                if (!Outage.Is(failure) && failure is not OperationCanceledException)
                    logger.LocksNotRenewed(failure);
                foreach (var uploadLock in _held.Values)
                    uploadLock.RevokeIfOverdue();
            }
        }
    }

    private void Hear(string message)
    {
        if (message.Split(' ') is not [var verb, var id] || !Guid.TryParseExact(id, "D", out var upload))
            return;
        if (verb == "wanted" && _held.TryGetValue(upload, out var uploadLock))
            uploadLock.RequestRelease();
        if (verb == "free" && _awaited.TryRemove(upload, out var waiting))
            waiting.TrySetResult();
    }

    private async Task RequestReleaseAsync(Guid upload, CancellationToken cancellationToken)
    {
        var free = _awaited.GetOrAdd(upload, _ => new(TaskCreationOptions.RunContinuationsAsynchronously));
        try
        {
            await uploads.RequestReleaseAsync(upload, cancellationToken);
            await free.Task.WaitAsync(RequestAgain, clock, cancellationToken);
        }
        catch (TimeoutException)
        {
            // It may be free all the same: the caller looks.
        }
        finally
        {
            _awaited.TryRemove(KeyValuePair.Create(upload, free));
        }
    }
}
