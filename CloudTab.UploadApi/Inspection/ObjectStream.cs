using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>
/// A seekable stream over an object in S3, to look up the few places that tell what a container holds. An asynchronous read fetches a
/// whole block with one ranged request, and keeps it for a while. The number of blocks that are kept is limited, and so is how often blocks
/// are fetched: a hostile file can cost no more than a few megabytes of memory, and being read a few times. A synchronous read only sees blocks
/// that were loaded before (<see cref="LoadAsync"/>): it must not block its thread on S3.
/// </summary>
/// <exception cref="InvalidDataException">The reader needs more than any document does, or a block that was not loaded.</exception>
internal sealed class ObjectStream(ObjectStore store, string key, long size) : BlockStream(size, BlockSize)
{
    private const int BlockSize = 64 << 10;
    private const int MostBlocks = 64;
    private const int MostReadings = 4;

    private readonly Dictionary<long, byte[]> _blocks = [];
    private readonly Queue<long> _oldest = [];
    private long _fetchesLeft = MostBlocks + MostReadings * (size / BlockSize);

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (Position < Length)
            await BlockAsync(Position / BlockSize, cancellationToken);
        return Read(buffer.Span);
    }

    /// <summary>Loads everything from a position to the end.</summary>
    public async Task LoadAsync(long from, CancellationToken cancellationToken)
    {
        for (var index = from / BlockSize; index * BlockSize < Length; index++)
            await BlockAsync(index, cancellationToken);
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    protected override byte[] Block(long index) =>
        _blocks.TryGetValue(index, out var block) ? block : throw new InvalidDataException("This block was not loaded.");

    private async Task<byte[]> BlockAsync(long index, CancellationToken cancellationToken)
    {
        // A reader that goes back and forth between blocks that are kept waits for nothing, so nothing else would stop it.
        cancellationToken.ThrowIfCancellationRequested();
        if (_blocks.TryGetValue(index, out var kept))
            return kept;
        if (_fetchesLeft-- <= 0)
            throw new InvalidDataException("More blocks than any document needs.");
        if (_blocks.Count == MostBlocks)
            _blocks.Remove(_oldest.Dequeue());

        var first = index * BlockSize;
        var block = new byte[Math.Min(BlockSize, Length - first)];
        using var found = await store.GetAsync(key, new ByteRange(first, first + block.Length - 1), cancellationToken)
            ?? throw new InvalidOperationException("The object was removed before its type was known.");
        await found.ReadExactlyAsync(block, cancellationToken);
        _blocks.Add(index, block);
        _oldest.Enqueue(index);
        return block;
    }
}
