using System.Collections.Concurrent;
using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>
/// The uploads that this process is adding to, and the hand-over of them: one process writes to an upload at a time, and one that is
/// asked to stores what it has and lets go. A customer whose connection died is thus never locked out by its own dead request.
///
/// Two loops: one listens on a connection of its own for what other processes say, the other renews every second what is held. What
/// is not renewed in time is given up here before another process may take it; a message that gets lost is found by the renewal.
/// </summary>
internal sealed class UploadLocks(
    Uploads uploads,
    ObjectStore store,
    FileLeases leases,
    DatabaseChannel channel,
    IHostApplicationLifetime lifetime,
    TimeProvider clock,
    ILogger<UploadLocks> logger) : BackgroundService
{
    private static readonly TimeSpan Renewal = TimeSpan.FromSeconds(1);

    // Longer than the lease: also the upload of a process that died is had in one request.
    private static readonly TimeSpan Patience = Uploads.Lease + TimeSpan.FromSeconds(3);

    // Where a message gets lost: soon enough for somebody who waits, and few enough questions.
    private static readonly TimeSpan RequestAgain = TimeSpan.FromMilliseconds(250);

    private readonly ConcurrentDictionary<Guid, UploadLock> _held = new();
    private readonly ConcurrentDictionary<Guid, TaskCompletionSource> _awaited = new();

    /// <summary>What this process is called in the rows of uploads that it locks.</summary>
    public Guid Holder { get; } = Guid.NewGuid();

    /// <summary>Takes hold of an upload, from another process or request if need be.</summary>
    /// <param name="offset">
    /// Where the caller wants to go on, if it does. Somebody who has come further is not interrupted for that: it is a request that
    /// somebody sent again.
    /// </param>
    /// <returns>
    /// The uploadLock; or, where there is none, the upload as it is: null, gone, complete, further, or still held by somebody who does not
    /// let go.
    /// </returns>
    public async Task<(UploadLock? Lock, Upload? Found)> AcquireAsync(
        string shop, string uploadId, long? offset, CancellationToken cancellationToken)
    {
        var began = clock.GetTimestamp();
        while (true)
        {
            if (await uploads.AcquireAsync(shop, uploadId, Holder, cancellationToken) is { } taken)
                return (Register(taken), taken);
            var found = await uploads.FindAsync(shop, uploadId, cancellationToken);
            if (found is null or { IsGone: true } or { IsComplete: true } || found.Received > offset || clock.GetElapsedTime(began) >= Patience)
                return (null, found);
            if (found.IsHeld)
                await RequestReleaseAsync(found.Id, cancellationToken);
        }
    }

    /// <summary>Waits until nobody adds to an upload.</summary>
    /// <returns>The upload, or null where there never was one. It is still held where its holder does not let go.</returns>
    public async Task<Upload?> WaitUntilFreeAsync(string shop, string uploadId, CancellationToken cancellationToken)
    {
        var began = clock.GetTimestamp();
        while (true)
        {
            var found = await uploads.FindAsync(shop, uploadId, cancellationToken);
            if (found is null or { IsGone: true } or { IsHeld: false } || clock.GetElapsedTime(began) >= Patience)
                return found;
            await RequestReleaseAsync(found.Id, cancellationToken);
        }
    }

    /// <summary>Keeps an upload that this process has taken hold of.</summary>
    public UploadLock Register(Upload taken)
    {
        RelayTelemetry.TagSession(taken.Session);
        var uploadLock = new UploadLock(taken, this, uploads, store, clock, logger);
        // One whose lease had lapsed may still be at work here.
        if (_held.TryRemove(taken.Id, out var lapsed))
            lapsed.Revoke();
        _held[taken.Id] = uploadLock;
        leases.Add(taken.File!.Value);
        if (lifetime.ApplicationStopping.IsCancellationRequested)
            uploadLock.Interrupt();
        return uploadLock;
    }

    /// <summary>Keeps it no more.</summary>
    public void Unregister(UploadLock uploadLock)
    {
        // One whose lease had lapsed may end after this process has taken the upload again.
        if (_held.TryRemove(KeyValuePair.Create(uploadLock.Upload.Id, uploadLock)))
            leases.Remove(uploadLock.Upload.File!.Value);
    }

    /// <summary>Renews everything that is held.</summary>
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
                uploadLock.Renewed(began, row.Wanted);
        }

        return renewed.Count;
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // A host that stops waits for its requests: they store what they have, and their clients go on with another replica.
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
                // FileLeases logs an outage. Here it matters only that nobody writes to what may be another's by now.
                if (!Outage.Is(failure) && failure is not OperationCanceledException)
                    logger.LocksNotRenewed(failure);
                foreach (var uploadLock in _held.Values)
                    uploadLock.RevokeIfOverdue();
            }
        }
    }

    private void Hear(string message)
    {
        if (message.Split(' ') is not [var what, var id] || !Guid.TryParseExact(id, "D", out var upload))
            return;
        if (what == "wanted" && _held.TryGetValue(upload, out var uploadLock))
            uploadLock.RequestRelease();
        if (what == "free" && _awaited.TryRemove(upload, out var waiting))
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
            // It may be free all the same: whoever waits looks.
        }
        finally
        {
            _awaited.TryRemove(KeyValuePair.Create(upload, free));
        }
    }
}
