namespace CloudTab.UploadApi;

/// <summary>A seekable stream over bytes that come in blocks of one size, the last one shorter.</summary>
/// <exception cref="InvalidDataException">The reader seeks a place before the beginning.</exception>
internal abstract class BlockStream(long size, int blockSize) : Stream
{
    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => size;

    public override long Position { get; set; }

    public override int Read(Span<byte> buffer)
    {
        if (Position >= size)
            return 0;
        var from = Block(Position / blockSize).AsSpan((int)(Position % blockSize));
        var length = Math.Min(from.Length, buffer.Length);
        from[..length].CopyTo(buffer);
        Position += length;
        return length;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int ReadByte() => Position < size ? Block(Position / blockSize)[Position++ % blockSize] : -1;

    public override long Seek(long offset, SeekOrigin origin)
    {
        var position = offset + origin switch
        {
            SeekOrigin.Begin => 0,
            SeekOrigin.Current => Position,
            _ => size,
        };
        return position >= 0 ? Position = position : throw new InvalidDataException("Before the beginning.");
    }

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <summary>The block of an index, which is within the stream.</summary>
    protected abstract byte[] Block(long index);
}
