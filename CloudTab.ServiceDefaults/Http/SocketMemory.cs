using System.Buffers;
using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace CloudTab.ServiceDefaults;

/// <summary>
/// Memory for Kestrel's connections in blocks of 64 KiB instead of its own 4 KiB. Each read from a socket fills one block at most: with
/// larger ones a body takes a sixteenth of the system calls, which take most of an upload's time (bench/README.md). A connection
/// that is silent holds none.
/// </summary>
public sealed class SocketMemory : MemoryPool<byte>
{
    private const int BlockSize = 64 << 10;

    // 16 MiB. What bursts need beyond that goes back to the garbage collector.
    private const int MostSpare = 256;

    // The block that was returned last is taken first: it may still be in the processor's cache.
    private readonly ConcurrentStack<Block> _spare = new();
    private int _spareCount;

    public override int MaxBufferSize => BlockSize;

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, BlockSize);
        if (!_spare.TryPop(out var block))
            return new Block(this);
        Interlocked.Decrement(ref _spareCount);
        return block;
    }

    protected override void Dispose(bool disposing) => _spare.Clear();

    private void Return(Block block)
    {
        if (Interlocked.Increment(ref _spareCount) <= MostSpare)
            _spare.Push(block);
        else
            Interlocked.Decrement(ref _spareCount);
    }

    internal sealed class Factory : IMemoryPoolFactory<byte>
    {
        public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => new SocketMemory();
    }

    // Pinned, since sockets read into it: the collector need not pin it for every read.
    private sealed class Block(SocketMemory pool) : IMemoryOwner<byte>
    {
        public Memory<byte> Memory { get; } = GC.AllocateUninitializedArray<byte>(BlockSize, pinned: true);

        public void Dispose() => pool.Return(this);
    }
}

public static class SocketMemoryExtensions
{
    // By default a mebibyte on each connection, whether or not anybody takes it yet: beside the memory that uploads wait for that would
    // be a second budget without an upper end.
    private const int MostReadAhead = 128 << 10;

    /// <summary>
    /// For services that take or pass on large bodies. Runs what follows a read on the thread of the read, instead of waking another one
    /// for each block: nothing in these services blocks a thread (and .NET, unlike Kestrel's first transports, runs it on the thread pool).
    /// </summary>
    public static void UseLargeSocketBlocks(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<IMemoryPoolFactory<byte>, SocketMemory.Factory>();
        builder.WebHost.UseSockets(sockets => sockets.UnsafePreferInlineScheduling = true);
    }

    /// <summary>Lets Kestrel read no further ahead than an upload that waits is worth; for the same services.</summary>
    public static void LimitReadAhead(this WebApplicationBuilder builder) =>
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBufferSize = MostReadAhead);
}
