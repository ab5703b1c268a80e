namespace CloudTab.UploadApi;

/// <summary>A stream of an OLE compound file: the pieces of the file that its chain of sectors names.</summary>
internal sealed class CompoundStream(List<long> sectors, int sectorSize, long size, Func<long, Memory<byte>, CancellationToken, Task> read)
{
    /// <summary>Reads from a position.</summary>
    /// <returns>Bytes that were read: fewer than asked for at the end of the stream only.</returns>
    public async Task<int> ReadAsync(long position, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        var length = (int)Math.Clamp(Math.Min(size, (long)sectors.Count * sectorSize) - position, 0, buffer.Length);
        for (var done = 0; done < length;)
        {
            var (sector, at) = Math.DivRem(position + done, sectorSize);
            var count = (int)Math.Min(sectorSize - at, length - done);
            await read(sectors[(int)sector] + at, buffer.Slice(done, count), cancellationToken);
            done += count;
        }

        return length;
    }

    /// <summary>A piece of it as a stream, to be read from beginning to end.</summary>
    public Stream Open(long position, long length) => new Piece(this, position, length);

    private sealed class Piece(CompoundStream whole, long position, long length) : Stream
    {
        private readonly long _end = position + length;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get; set; } = position;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await whole.ReadAsync(Position, buffer[..(int)Math.Clamp(_end - Position, 0, buffer.Length)], cancellationToken);
            Position += read;
            return read;
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }
    }
}
