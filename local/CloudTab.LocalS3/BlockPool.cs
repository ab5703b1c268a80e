using System.Buffers;
using System.Collections.Concurrent;
using Microsoft.AspNetCore.Connections;

namespace CloudTab.LocalS3;

/// <summary>
/// Kestrel's buffers, in blocks of 64 KiB instead of 4: each read from a socket fills one block, so a large body takes a sixteenth
/// of the system calls. A connection that is idle holds none.
/// </summary>
internal sealed class BlockPool : MemoryPool<byte>
{
    private const int BlockSize = 64 * 1024;

    // 16 MiB; what is returned beyond that is left to the garbage collector.
    private const int MostKept = 256;
    private readonly ConcurrentQueue<Block> _free = new();

    public override int MaxBufferSize => BlockSize;

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, BlockSize);
        return _free.TryDequeue(out var block) ? block : new Block(this);
    }

    protected override void Dispose(bool disposing) => _free.Clear();

    private sealed class Block(BlockPool pool) : IMemoryOwner<byte>
    {
        // Pinned, as the socket would otherwise pin it for each read.
        public Memory<byte> Memory { get; } = GC.AllocateUninitializedArray<byte>(BlockSize, pinned: true);

        public void Dispose()
        {
            if (pool._free.Count < MostKept)
                pool._free.Enqueue(this);
        }
    }

    /// <summary>What Kestrel asks for its pools.</summary>
    internal sealed class Factory : IMemoryPoolFactory<byte>
    {
        public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => new BlockPool();
    }
}
