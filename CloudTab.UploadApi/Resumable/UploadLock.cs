using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>
/// The lock of one request on the upload that it adds to. It is a lease with a fencing token (the upload's generation), and another
/// request may ask for it. Disposing it releases the upload as it was last recorded; of one that is gone it removes what was put meanwhile.
/// </summary>
internal sealed class UploadLock(
    Upload upload, UploadLocks locks, Uploads uploads, Removal removal, ObjectStore store, TimeProvider clock, ILogger logger) : IAsyncDisposable
{
    // Locks are released when the client may be gone, and while the host stops: this has a time of its own.
    private static readonly TimeSpan ReleaseLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan RemovalLimit = TimeSpan.FromSeconds(10);

    private readonly Lock _change = new(); // parts are recorded while the request goes on
    private readonly CancellationTokenSource _interrupted = new();
    private readonly CancellationTokenSource _lost = new();
    private long _renewed = clock.GetTimestamp();
    private volatile bool _releaseRequested;
    private volatile bool _isRenewed = true;
    private bool _ended;

    /// <summary>The upload as it was last recorded.</summary>
    public Upload Upload { get; private set; } = upload;

    /// <summary>Nothing more is to be read: another request asks for the upload, the lock is lost, or the host stops.</summary>
    public CancellationToken Interrupted => _interrupted.Token;

    /// <summary>Nothing more is to be written: another process has the lock, or the upload is gone.</summary>
    public CancellationToken Lost => _lost.Token;

    /// <summary>Whether its lease is renewed: no statement has been sent that releases it.</summary>
    public bool IsRenewed => _isRenewed;

    /// <summary>Whether another request asked for it.</summary>
    public bool ReleaseRequested => _releaseRequested;

    /// <summary>Records what has become durable.</summary>
    /// <exception cref="UploadLostException">The lock is lost.</exception>
    public async Task RecordAsync(ObjectProgress progress, CancellationToken cancellationToken) =>
        await RecordAsync(progress, release: false, cancellationToken);

    /// <summary>Records what has become durable, and releases the lock.</summary>
    /// <exception cref="UploadLostException">The lock is lost.</exception>
    public async Task ReleaseAsync(ObjectProgress progress, CancellationToken cancellationToken)
    {
        StopRenewing();
        await RecordAsync(progress, release: true, cancellationToken);
        End();
    }

    /// <summary>Records a length that was told late.</summary>
    public async Task SetLengthAsync(long length, CancellationToken cancellationToken)
    {
        await uploads.SetLengthAsync(Upload, length, cancellationToken);
        lock (_change)
            Upload = Upload with { Length = length };
    }

    /// <summary>
    /// Stops renewing the lease, because the next statement releases the lock: a renewal after it would find the lock lost.
    /// </summary>
    public void StopRenewing()
    {
        _isRenewed = false;
        locks.Unregister(this);
    }

    /// <summary>The upload is complete or gone: there is nothing to release.</summary>
    public void End()
    {
        StopRenewing();
        _ended = true;
    }

    /// <summary>Another request asks for the upload.</summary>
    public void RequestRelease()
    {
        _releaseRequested = true;
        Interrupt();
    }

    /// <summary>Ends the reading.</summary>
    public void Interrupt() => _interrupted.Cancel();

    /// <summary>The lock is lost.</summary>
    public void Revoke()
    {
        if (!_isRenewed)
            return;
        Interrupt();
        _lost.Cancel();
    }

    /// <summary>The lock is still ours.</summary>
    /// <param name="began">When the statement that renewed its lease began; null if it could not be renewed.</param>
    /// <param name="wanted">Whether another request asks for the upload.</param>
    public void Renewed(long? began, bool wanted)
    {
        if (began is { } renewed)
            Interlocked.Exchange(ref _renewed, renewed);
        else
            RevokeIfOverdue();
        if (wanted)
            RequestRelease();
    }

    /// <summary>Gives it up once other processes may have acquired it.</summary>
    public void RevokeIfOverdue()
    {
        if (clock.GetElapsedTime(Interlocked.Read(ref _renewed)) >= Uploads.Lease)
            Revoke();
    }

    public async ValueTask DisposeAsync()
    {
        if (_ended)
            return;
        End();
        if (!await ReleaseAsync())
            return;
        // Its files were removed while this lock kept their rows: now they can go, and with them what was put since.
        using var limit = clock.Limit(RemovalLimit);
        await removal.TryRemoveAsync(Upload.Session, limit.Token);
    }

    /// <summary>Releases the upload.</summary>
    /// <returns>Whether it is gone.</returns>
    private async Task<bool> ReleaseAsync()
    {
        using var limit = clock.Limit(ReleaseLimit);
        try
        {
            return await uploads.ReleaseAsync(Upload.Id, Upload.Generation, limit.Token);
        }
        catch (Exception outage) when (Outage.Is(outage) || outage is OperationCanceledException)
        {
            // Not released: another process can acquire it once the lease expires.
            return false;
        }
    }

    // Tails are deleted once a record that replaces them is written.
    private async Task RecordAsync(ObjectProgress progress, bool release, CancellationToken cancellationToken)
    {
        if (!await uploads.RecordAsync(Upload, progress, release, cancellationToken))
        {
            await TryDeleteAsync(progress.TailKeys.Except(Upload.TailKeys, StringComparer.Ordinal));
            throw new UploadLostException();
        }

        var replaced = Upload.TailKeys;
        lock (_change)
        {
            Upload = Upload with
            {
                Received = progress.Received,
                MultipartId = progress.MultipartId,
                PartETags = [.. progress.PartETags],
                TailKeys = [.. progress.TailKeys],
                TailSize = progress.TailSize,
            };
        }

        await TryDeleteAsync(replaced.Except(progress.TailKeys, StringComparer.Ordinal));
    }

    // Even if the lock is lost by now. What is not deleted here goes when the upload is complete or its session ends.
    private async Task TryDeleteAsync(IEnumerable<string> tails)
    {
        string[] keys = [.. tails];
        if (keys.Length == 0)
            return;
        try
        {
            using var limit = clock.Limit(ReleaseLimit);
            await store.DeleteAsync(keys, limit.Token);
        }
        catch (Exception outage) when (Outage.IsOrRefusal(outage) || outage is OperationCanceledException)
        {
            logger.TailNotDeleted(Upload.Id, outage);
        }
    }
}
