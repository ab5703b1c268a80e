namespace CloudTab.UploadApi;

/// <summary>
/// A request's body, counted as it comes in, whose client may not fall silent. Kestrel's own limit is on the average since the request
/// began: who has sent much could then be silent for hours, and the session would live as long.
/// </summary>
/// <param name="silence">How long the client may send nothing while it is waited for.</param>
/// <param name="announced">Bytes that the client said it would send; 0 where it did not say.</param>
/// <param name="unannounced">Hears of bytes beyond those, when they come.</param>
internal sealed class ClientBody(Stream body, TimeSpan silence, long announced, Action<long> unannounced) : Stream
{
    private long _charged = announced;
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

    /// <summary>The account is closed: what comes from now on counts as not announced.</summary>
    /// <returns>Bytes that were announced and did not come.</returns>
    public long Settle()
    {
        var missing = _charged - _read;
        _charged = _read;
        return missing;
    }

    /// <exception cref="BadHttpRequestException">408: the client was silent for too long.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(silence);
        try
        {
            var count = await body.ReadAsync(buffer, limit.Token);
            Count(count);
            return count;
        }
        catch (OperationCanceledException silent) when (!cancellationToken.IsCancellationRequested)
        {
            throw new BadHttpRequestException("The client was silent for too long.", StatusCodes.Status408RequestTimeout, silent);
        }
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

    private void Count(int count)
    {
        _read += count;
        if (_read <= _charged)
            return;
        unannounced(_read - _charged);
        _charged = _read;
    }
}
