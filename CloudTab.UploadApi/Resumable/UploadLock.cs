using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>
/// One upload that one request of this process may add to, until it lets go. Disposing it lets go of the upload as it was last
/// recorded.
/// </summary>
internal sealed class UploadLock(
    Upload upload, UploadLocks locks, Uploads uploads, ObjectStore store, TimeProvider clock, ILogger logger) : IAsyncDisposable
{
    // Letting go happens when the client may be gone, and while the host stops: it has a time of its own.
    private static readonly TimeSpan ReleaseLimit = TimeSpan.FromSeconds(5);

    private readonly Lock _change = new(); // parts are recorded while the request goes on
    private readonly CancellationTokenSource _interrupted = new();
    private readonly CancellationTokenSource _lost = new();
    private long _renewed = clock.GetTimestamp();
    private volatile bool _releaseRequested;
    private volatile bool _isRenewed = true;
    private bool _ended;

    /// <summary>The upload as it was last recorded.</summary>
    public Upload Upload { get; private set; } = upload;

    /// <summary>Nothing more is to be read: somebody else wants the upload, it is lost, or the host stops.</summary>
    public CancellationToken Interrupted => _interrupted.Token;

    /// <summary>Nothing more is to be written: it is somebody else's, or gone.</summary>
    public CancellationToken Lost => _lost.Token;

    /// <summary>Whether somebody else asked for it.</summary>
    public bool ReleaseRequested => _releaseRequested;

    /// <summary>Records what has become durable.</summary>
    /// <exception cref="UploadLostException">It is not ours any more.</exception>
    public async Task RecordAsync(ObjectProgress progress, CancellationToken cancellationToken) =>
        await RecordAsync(progress, release: false, cancellationToken);

    /// <summary>Records what has become durable, and lets go.</summary>
    /// <exception cref="UploadLostException">It is not ours any more.</exception>
    public async Task ReleaseAsync(ObjectProgress progress, CancellationToken cancellationToken)
    {
        StopRenewing();
        await RecordAsync(progress, release: true, cancellationToken);
        End();
    }

    /// <summary>Notes a length that was told late.</summary>
    public async Task SetLengthAsync(long length, CancellationToken cancellationToken)
    {
        await uploads.SetLengthAsync(Upload, length, cancellationToken);
        lock (_change)
            Upload = Upload with { Length = length };
    }

    /// <summary>
    /// Renews the lease no more, because the next statement is the last: once that has let go, a renewal would find the upload lost.
    /// </summary>
    public void StopRenewing()
    {
        _isRenewed = false;
        locks.Unregister(this);
    }

    /// <summary>The upload is complete, or gone: there is nothing to let go of.</summary>
    public void End()
    {
        StopRenewing();
        _ended = true;
    }

    /// <summary>Somebody else asks for it.</summary>
    public void RequestRelease()
    {
        _releaseRequested = true;
        Interrupt();
    }

    /// <summary>Ends the reading.</summary>
    public void Interrupt() => _interrupted.Cancel();

    /// <summary>It is not ours any more.</summary>
    public void Revoke()
    {
        if (!_isRenewed)
            return;
        Interrupt();
        _lost.Cancel();
    }

    /// <summary>Its lease was renewed by a statement that began then.</summary>
    public void Renewed(long began, bool wanted)
    {
        Interlocked.Exchange(ref _renewed, began);
        if (wanted)
            RequestRelease();
    }

    /// <summary>Gives it up where others may have it by now.</summary>
    public void RevokeIfOverdue()
    {
        if (clock.GetElapsedTime(Interlocked.Read(ref _renewed)) >= Uploads.Lease)
            Revoke();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_ended)
        {
            End();
            using var limit = clock.Limit(ReleaseLimit);
            try
            {
                await uploads.ReleaseAsync(Upload, limit.Token);
            }
            catch (Exception outage) when (Outage.Is(outage) || outage is OperationCanceledException)
            {
                // Others may have it when the lease has lapsed.
            }
        }
    }

    // Only what is recorded deletes what it replaces.
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

    // Also where the upload is lost by now: what is not deleted here is found after an hour.
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
