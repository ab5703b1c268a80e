using System.Buffers;
using System.IO.Pipelines;
using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>
/// A request's body that is counted as it comes in, and whose client may not fall silent. Kestrel limits the average rate since the
/// request began: a client that has sent much could then be silent for hours, and its session would live as long.
/// </summary>
/// <param name="silence">How long a read may wait for the client.</param>
/// <param name="charged">Bytes that the client was already charged for, because it announced them.</param>
/// <param name="charge">Called when bytes beyond those come.</param>
internal sealed class MeteredBody(PipeReader body, TimeProvider clock, TimeSpan silence, long charged, Action<long> charge) : Stream
{
    private long _charged = charged;
    private long _read;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => _read;
        set => throw new NotSupportedException();
    }

    /// <summary>Settles the charge: bytes that come from now on are charged when they come.</summary>
    /// <returns>Bytes that were charged and did not come.</returns>
    public long Settle()
    {
        var missing = _charged - _read;
        _charged = _read;
        return missing;
    }

    /// <exception cref="BadHttpRequestException">408: the client was silent for too long.</exception>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        // Without the token: it would leave Kestrel's reader in the middle of a read, and neither the rest of the body nor another request
        // could be read (https://github.com/dotnet/aspnetcore/issues/17840).
        var reading = body.ReadAsync(CancellationToken.None);
        if (!reading.IsCompletedSuccessfully)
            return WaitAsync(reading, buffer, cancellationToken);
        var read = reading.Result;
        return read.IsCanceled ? WaitAsync(new(read), buffer, cancellationToken) : new(Take(read, buffer.Span));
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Bodies are read asynchronously.");

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    private async ValueTask<int> WaitAsync(ValueTask<ReadResult> reading, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        using var limit = clock.Limit(silence, cancellationToken);
        await using var stop = limit.Token.UnsafeRegister(reader => ((PipeReader)reader!).CancelPendingRead(), body);
        while (true)
        {
            var read = await reading;
            if (!read.IsCanceled)
                return Take(read, buffer.Span);
            body.AdvanceTo(read.Buffer.Start);
            cancellationToken.ThrowIfCancellationRequested();
            if (limit.IsCancellationRequested)
                throw new BadHttpRequestException("The client was silent for too long.", StatusCodes.Status408RequestTimeout);
            // The cancellation of an earlier read, which came just after the bytes that it waited for.
            reading = body.ReadAsync(CancellationToken.None);
        }
    }

    private int Take(ReadResult read, Span<byte> buffer)
    {
        var taken = read.Buffer.Slice(0, Math.Min(read.Buffer.Length, buffer.Length));
        var count = (int)taken.Length;
        taken.CopyTo(buffer);
        body.AdvanceTo(taken.End);
        Count(count);
        return count;
    }

    private void Count(int count)
    {
        _read += count;
        if (_read <= _charged)
            return;
        charge(_read - _charged);
        _charged = _read;
    }
}
