using System.Runtime.CompilerServices;
using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>
/// Reads one body. When another request asks for the upload, reading goes on for a moment with what has already arrived: most often
/// the client's own connection has died, and those bytes are the last that it paid for.
/// </summary>
internal sealed class BodyReading : IDisposable
{
    // The next holder waits less than a second: reading ends after this time, and after the first pause of a tenth of it.
    private static readonly TimeSpan GraceLimit = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan PauseLimit = TimeSpan.FromMilliseconds(50);

    private readonly RequestBody _body;
    private readonly CancellationToken _interrupted;
    private readonly TimeProvider _clock;
    private readonly CancellationTokenSource _ended;
    private readonly CancellationTokenSource _waiting;
    private readonly CancellationTokenRegistration _grace;

    /// <param name="interrupted">Another request asks for the upload.</param>
    /// <param name="reclaimed">The upload has to give its memory back: not a byte more is read.</param>
    /// <param name="cancelled">The bytes are not needed any more.</param>
    public BodyReading(
        RequestBody body, TimeProvider clock, CancellationToken interrupted, CancellationToken reclaimed, CancellationToken cancelled)
    {
        (_body, _interrupted, _clock) = (body, interrupted, clock);
        _ended = clock.Limit(Timeout.InfiniteTimeSpan, reclaimed, cancelled);
        _waiting = clock.Limit(Timeout.InfiniteTimeSpan, interrupted, _ended.Token);
        _grace = interrupted.Register(() => _ended.CancelAfter(GraceLimit));
    }

    /// <summary>Nothing more is to be waited for.</summary>
    public CancellationToken Ended => _ended.Token;

    /// <summary>Waits for bytes.</summary>
    /// <returns>How many came; 0 at the end of the body.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))] // otherwise every read that waits allocates
    public async ValueTask<int> ReadAsync(Memory<byte> memory)
    {
        Ended.ThrowIfCancellationRequested();
        if (!_interrupted.IsCancellationRequested)
        {
            try
            {
                return await _body.Read(memory, _waiting.Token);
            }
            catch (OperationCanceledException) when (_interrupted.IsCancellationRequested && !Ended.IsCancellationRequested)
            {
                // What has arrived meanwhile is read below.
            }
        }

        using var pause = _clock.Limit(PauseLimit, Ended);
        return await _body.Read(memory, pause.Token);
    }

    public void Dispose()
    {
        _grace.Dispose();
        _waiting.Dispose();
        _ended.Dispose();
    }
}
