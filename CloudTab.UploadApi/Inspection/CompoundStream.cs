using CloudTab.ServiceDefaults;

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

    private sealed class Piece(CompoundStream whole, long position, long length) : AsyncStream
    {
        private readonly long _end = position + length;
        private long _position = position;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await whole.ReadAsync(_position, buffer[..(int)Math.Clamp(_end - _position, 0, buffer.Length)], cancellationToken);
            _position += read;
            return read;
        }
    }
}
