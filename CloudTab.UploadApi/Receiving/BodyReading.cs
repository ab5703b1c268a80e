using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>
/// The reading of one request's body into an upload. Where somebody else wants the upload, it goes on for a moment with what has
/// arrived already: most often the client's own connection has died, and those bytes are the last that it paid for.
/// </summary>
internal sealed class BodyReading : IDisposable
{
    // The next holder waits for less than a second: so long at most, and no longer than nothing comes for a tenth of it.
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(50);

    private readonly UploadBody _body;
    private readonly CancellationToken _interrupted;
    private readonly TimeProvider _clock;
    private readonly CancellationTokenSource _ended;
    private readonly CancellationTokenSource _either;
    private readonly CancellationTokenRegistration _ending;
    private readonly CancellationTokenRegistration _reclaiming;

    /// <param name="interrupted">Somebody else wants the upload.</param>
    /// <param name="reclaimed">The upload has to give its memory back: not a byte more is read.</param>
    public BodyReading(UploadBody body, TimeProvider clock, CancellationToken interrupted, CancellationToken reclaimed)
    {
        (_body, _interrupted, _clock) = (body, interrupted, clock);
        _ended = new CancellationTokenSource(Timeout.InfiniteTimeSpan, clock);
        _either = CancellationTokenSource.CreateLinkedTokenSource(interrupted, _ended.Token);
        _ending = interrupted.Register(() => _ended.CancelAfter(Longest));
        _reclaiming = reclaimed.Register(_ended.Cancel);
    }

    /// <summary>Nothing more is to be waited for.</summary>
    public CancellationToken Ended => _ended.Token;

    /// <summary>Waits for bytes.</summary>
    /// <returns>How many came; 0 at the end of the body.</returns>
    /// <exception cref="BodyBrokenOffException">The body was not read to its end, for the reason inside.</exception>
    public async ValueTask<int> ReadAsync(Memory<byte> memory)
    {
        try
        {
            var count = await ReadNextAsync(memory);
            _body.Checksum?.Append(memory.Span[..count]);
            return count;
        }
        // Disposed: a stream of S3's, which ends with a read that is cancelled.
        catch (Exception broken) when (broken is IOException or OperationCanceledException or ObjectDisposedException)
        {
            throw new BodyBrokenOffException(broken);
        }
    }

    public void Dispose()
    {
        _reclaiming.Dispose();
        _ending.Dispose();
        _either.Dispose();
        _ended.Dispose();
    }

    private async ValueTask<int> ReadNextAsync(Memory<byte> memory)
    {
        Ended.ThrowIfCancellationRequested();
        if (!_interrupted.IsCancellationRequested)
        {
            try
            {
                return await _body.Content.ReadAsync(memory, _either.Token);
            }
            catch (OperationCanceledException) when (_interrupted.IsCancellationRequested && !Ended.IsCancellationRequested)
            {
                // What has arrived meanwhile is read below.
            }
        }

        using var last = _clock.Limit(Quiet, Ended);
        return await _body.Content.ReadAsync(memory, last.Token);
    }
}

/// <summary>Tells a body that broke off from everything else that can fail while it is passed on.</summary>
internal sealed class BodyBrokenOffException(Exception cause) : Exception(cause.Message, cause);
