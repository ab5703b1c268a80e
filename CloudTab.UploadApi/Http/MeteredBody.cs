using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using CloudTab.ServiceDefaults;

namespace CloudTab.UploadApi;

/// <summary>
/// A request's body that is counted as it comes in, and whose client may not fall silent, nor go on for longer than a file lives. Kestrel limits
/// the average rate since the request began: a client that has sent much could then be silent for hours, and its session would live as long.
/// </summary>
/// <param name="silence">How long a read may wait for the client.</param>
/// <param name="longest">How long the body may take.</param>
/// <param name="receive">Called when bytes have come, with how many came before.</param>
internal sealed class MeteredBody(PipeReader body, TimeProvider clock, TimeSpan silence, TimeSpan longest, Action<long, long> receive) : AsyncStream
{
    private readonly long _opened = clock.GetTimestamp();

    // One for all reads: with it, a read that waits allocates nothing.
    private ITimer? _timer;
    private long _read;

    /// <exception cref="BadHttpRequestException">408: the client was silent for too long, or takes too long.</exception>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (clock.GetElapsedTime(_opened) > longest)
            throw new BadHttpRequestException("The body took too long.", StatusCodes.Status408RequestTimeout);
        // Without the token: it would leave Kestrel's reader in the middle of a read, and neither the rest of the body nor another request
        // could be read (https://github.com/dotnet/aspnetcore/issues/17840).
        var reading = body.ReadAsync(CancellationToken.None);
        if (!reading.IsCompletedSuccessfully)
            return WaitAsync(reading, buffer, cancellationToken);
        var read = reading.Result;
        return read.IsCanceled ? WaitAsync(new(read), buffer, cancellationToken) : new(Take(read, buffer.Span));
    }

    protected override void Dispose(bool disposing)
    {
        _timer?.Dispose();
        base.Dispose(disposing);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> WaitAsync(ValueTask<ReadResult> reading, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        var began = clock.GetTimestamp();
        _timer ??= clock.CreateTimer(static reader => ((PipeReader)reader!).CancelPendingRead(), body, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _timer.Change(silence, Timeout.InfiniteTimeSpan);
        try
        {
            await using var stop = cancellationToken.UnsafeRegister(static reader => ((PipeReader)reader!).CancelPendingRead(), body);
            while (true)
            {
                var read = await reading;
                if (!read.IsCanceled)
                    return Take(read, buffer.Span);
                body.AdvanceTo(read.Buffer.Start);
                cancellationToken.ThrowIfCancellationRequested();
                var left = silence - clock.GetElapsedTime(began);
                if (left <= TimeSpan.Zero)
                    throw new BadHttpRequestException("The client was silent for too long.", StatusCodes.Status408RequestTimeout);
                // It was an earlier read that was to be cancelled, and the bytes came just before; or the timer is not as exact as the clock.
                _timer.Change(left, Timeout.InfiniteTimeSpan);
                reading = body.ReadAsync(CancellationToken.None);
            }
        }
        finally
        {
            _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    private int Take(ReadResult read, Span<byte> buffer)
    {
        var taken = read.Buffer.Slice(0, Math.Min(read.Buffer.Length, buffer.Length));
        var count = (int)taken.Length;
        taken.CopyTo(buffer);
        body.AdvanceTo(taken.End);
        receive(count, _read);
        _read += count;
        return count;
    }
}
