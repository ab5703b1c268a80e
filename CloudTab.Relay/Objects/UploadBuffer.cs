namespace CloudTab.Relay;

/// <summary>
/// One part on its way in: blocks that count against <see cref="UploadMemory"/> until it is disposed, one more whenever the last is
/// full. The client's pace is measured only while the upload waits for the client, not for memory or S3.
/// </summary>
public sealed class UploadBuffer : IDisposable
{
    private readonly UploadMemory _memory;
    private readonly TimeProvider _clock;
    private readonly int _size;
    private readonly CancellationTokenSource _reclaim;

    private int _loaded; // bytes that did not come from the client
    private long _began; // in the clock's ticks: when the first of the client's could come
    private long _waited; // in the clock's ticks, before the wait that is going on
    private long _askedAt; // 0 while no wait is going on
    private bool _disposed;

    internal UploadBuffer(UploadMemory memory, AddressBudget address, TimeProvider clock, int size, CancellationTokenSource reclaim)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, ObjectUpload.PartSize);
        _memory = memory;
        Address = address;
        _clock = clock;
        _size = size;
        _reclaim = reclaim;
        _began = clock.GetTimestamp();
        MostBlocks = (size + UploadMemory.BlockSize - 1) / UploadMemory.BlockSize;
    }

    /// <summary>How many bytes have been written.</summary>
    public int Length { get; private set; }

    /// <summary>Whether no byte more fits.</summary>
    public bool IsFull => Length == _size;

    // What follows is UploadMemory's own, under its lock.
    internal List<byte[]> Blocks { get; } = [];

    internal int MostBlocks { get; }

    internal AddressBudget Address { get; }

    internal bool HasPlace { get; set; }

    internal bool IsPromised { get; set; }

    internal bool IsSealed { get; set; }

    internal bool IsTakenBack { get; private set; }

    /// <summary>Blocks that become free when this is disposed.</summary>
    internal int Share => IsPromised ? MostBlocks : Blocks.Count;

    internal TimeSpan FillTime
    {
        get
        {
            var asked = Volatile.Read(ref _askedAt);
            var waiting = asked == 0 ? 0 : _clock.GetTimestamp() - asked;
            return _clock.GetElapsedTime(0, Volatile.Read(ref _waited) + waiting);
        }
    }

    /// <summary>Bytes a second that the client could send.</summary>
    internal double Rate => (Length - _loaded) / FillTime.TotalSeconds;

    /// <summary>Bytes a second, waits for memory and S3 included: it tells when the part will be full.</summary>
    internal double Pace => (Length - _loaded) / _clock.GetElapsedTime(_began).TotalSeconds;

    /// <summary>Memory for the next bytes, never empty. May wait for the budget.</summary>
    public async ValueTask<Memory<byte>> GetMemoryAsync(CancellationToken cancellationToken)
    {
        var (index, used) = Math.DivRem(Length, UploadMemory.BlockSize);
        if (index == Blocks.Count)
            await _memory.GrowAsync(this, cancellationToken);
        Volatile.Write(ref _askedAt, _clock.GetTimestamp());
        return Blocks[index].AsMemory(used, Math.Min(UploadMemory.BlockSize - used, _size - Length));
    }

    /// <summary>Counts bytes that were written to what <see cref="GetMemoryAsync"/> gave.</summary>
    /// <returns>These bytes.</returns>
    public ReadOnlySpan<byte> Advance(int count)
    {
        Volatile.Write(ref _waited, _waited + _clock.GetTimestamp() - _askedAt);
        Volatile.Write(ref _askedAt, 0);
        var (index, used) = Math.DivRem(Length, UploadMemory.BlockSize);
        Length += count;
        if (IsFull)
            Seal();
        return Blocks[index].AsSpan(used, count);
    }

    /// <summary>No more will be written: from here on it depends on S3 alone.</summary>
    public void Seal() => _memory.Seal(this);

    /// <summary>What has been written so far was there before: the client's pace is measured from here.</summary>
    internal void BeginMeasuring()
    {
        _loaded = Length;
        _began = _clock.GetTimestamp();
        Volatile.Write(ref _waited, 0);
    }

    /// <summary>Some of what has been written, as it is now: each call gives a stream of its own place, for one attempt to send it.</summary>
    /// <param name="isSigned">Whether the signature of the request that sends it is to cover it.</param>
    public Func<Stream> Content(int start, int count, bool isSigned)
    {
        byte[][] blocks = [.. Blocks]; // more may come while it is sent
        var payload = isSigned ? SignedPayload.Sign(Open(SignedPayload.Unsigned)) : SignedPayload.Unsigned;
        return () => Open(payload);

        BlockStream Open(string payload) => new(blocks, start, count, payload);
    }

    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _memory.Return(this);
    }

    internal void TakeBack()
    {
        IsTakenBack = true;
        _ = _reclaim.CancelAsync(); // not Cancel: what waits for it would run here, under the lock
    }

    private sealed class BlockStream(byte[][] blocks, int start, int length, string payload) : SignedPayload(payload)
    {
        public override bool CanRead => true;

        public override bool CanSeek => true;

        public override bool CanWrite => false;

        public override long Length => length;

        public override long Position { get; set; }

        public override int Read(Span<byte> buffer)
        {
            var (index, used) = Math.DivRem(start + (int)Position, UploadMemory.BlockSize);
            var count = (int)Math.Min(Math.Min(buffer.Length, UploadMemory.BlockSize - used), length - Position);
            if (count <= 0)
                return 0;
            blocks[index].AsSpan(used, count).CopyTo(buffer);
            Position += count;
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(Read(buffer.Span));

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            Task.FromResult(Read(buffer.AsSpan(offset, count)));

        public override long Seek(long offset, SeekOrigin origin) => Position = offset + origin switch
        {
            SeekOrigin.Begin => 0,
            SeekOrigin.Current => Position,
            _ => length,
        };

        public override void Flush()
        {
        }

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
