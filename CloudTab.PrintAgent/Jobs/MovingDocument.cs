namespace CloudTab.PrintAgent;

/// <summary>A document on its way to a printer. It knows when the printer's connection last took some of it.</summary>
internal sealed class MovingDocument(Stream document, TimeProvider clock) : Stream
{
    private long _movedAt = clock.GetTimestamp();

    /// <summary>When it last moved, as <see cref="TimeProvider.GetTimestamp"/> has it; at first when it was made.</summary>
    public long MovedAt => Volatile.Read(ref _movedAt);

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await document.ReadAsync(buffer, cancellationToken);
        Volatile.Write(ref _movedAt, clock.GetTimestamp());
        return read;
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
