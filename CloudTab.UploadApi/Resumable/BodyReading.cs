using System.Buffers;

namespace CloudTab.UploadApi;

/// <summary>
/// The reading of one request's body into an upload. Where somebody else wants the upload, it goes on for a moment with what has
/// arrived already: most often the client's own connection has died, and those bytes are the last that it paid for.
/// </summary>
internal sealed class BodyReading : IDisposable
{
    // The next holder waits for less than a second: so long at most, and no longer than nothing comes for a fifth of it.
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(100);

    private readonly UploadHold _hold;
    private readonly UploadBody _body;
    private readonly TimeProvider _clock;
    private readonly CancellationTokenSource _ended;
    private readonly CancellationTokenRegistration _wakingUp;
    private readonly CancellationTokenRegistration _ending;

    public BodyReading(UploadHold hold, UploadBody body, TimeProvider clock)
    {
        (_hold, _body, _clock) = (hold, body, clock);
        _ended = new CancellationTokenSource(Timeout.InfiniteTimeSpan, clock);
        // Not by a token: Kestrel's reader cannot be used any more once a read was cancelled by one, not even to answer.
        _ending = _ended.Token.Register(body.Content.CancelPendingRead);
        _wakingUp = hold.Interrupted.Register(() =>
        {
            _ended.CancelAfter(Longest);
            body.Content.CancelPendingRead();
        });
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
            while (true)
            {
                Ended.ThrowIfCancellationRequested();
                var isLast = _hold.Interrupted.IsCancellationRequested;
                using var quiet = isLast ? _clock.CreateTimer(_ => _body.Content.CancelPendingRead(), null, Quiet, Timeout.InfiniteTimeSpan) : null;
                var read = await _body.Content.ReadAsync(CancellationToken.None);
                var count = (int)Math.Min(memory.Length, read.Buffer.Length);
                var taken = read.Buffer.Slice(0, count);
                taken.CopyTo(memory.Span);
                _body.Content.AdvanceTo(taken.End);
                _body.Checksum?.Append(memory.Span[..count]);
                if (count > 0 || read.IsCompleted)
                    return count;
                if (isLast)
                    throw new OperationCanceledException();
            }
        }
        catch (Exception broken) when (broken is IOException or OperationCanceledException)
        {
            throw new BodyBrokenOffException(broken);
        }
    }

    public void Dispose()
    {
        _wakingUp.Dispose();
        _ending.Dispose();
        _ended.Dispose();
    }
}

/// <summary>Tells a body that broke off from everything else that can fail while it is passed on.</summary>
internal sealed class BodyBrokenOffException(Exception cause) : Exception(cause.Message, cause);
