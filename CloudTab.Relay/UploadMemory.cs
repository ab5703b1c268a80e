using System.Buffers;
using System.Threading.RateLimiting;
using Microsoft.Extensions.Options;

namespace CloudTab.Relay;

/// <summary>
/// The one memory budget that all uploads of a process share. Whoever gets no buffer waits, in order of arrival. An upload asks for a
/// buffer only while it holds none that waits for bytes, so no two can wait for each other: what is held is freed when its client
/// has sent its bytes, or has been cut for sending too slowly.
/// </summary>
public sealed class UploadMemory : IDisposable
{
    private const int Unit = 4 << 10;

    private readonly RelayTelemetry _telemetry;
    private readonly TimeProvider _clock;
    private readonly ConcurrencyLimiter _budget;
    private readonly int _units;

    public UploadMemory(IOptions<ObjectStoreOptions> options, RelayTelemetry telemetry, TimeProvider clock)
    {
        _telemetry = telemetry;
        _clock = clock;
        _units = checked((int)(options.Value.UploadMemory / Unit));
        _budget = new ConcurrencyLimiter(new() { PermitLimit = _units, QueueLimit = int.MaxValue, QueueProcessingOrder = QueueProcessingOrder.OldestFirst });
    }

    /// <summary>Bytes that buffers in use take now.</summary>
    public long InUse => (_units - _budget.GetStatistics()!.CurrentAvailablePermits) * (long)Unit;

    /// <summary>Bytes that buffers may take at most.</summary>
    public long Limit => _units * (long)Unit;

    /// <summary>Waits for a buffer of at least this many bytes.</summary>
    public async ValueTask<UploadBuffer> RentAsync(int size, CancellationToken cancellationToken)
    {
        var acquiring = _budget.AcquireAsync((size + Unit - 1) / Unit, cancellationToken);
        if (acquiring.IsCompletedSuccessfully)
            return new UploadBuffer(await acquiring, size);
        var began = _clock.GetTimestamp();
        try
        {
            return new UploadBuffer(await acquiring, size);
        }
        finally
        {
            _telemetry.WaitedForMemory(_clock.GetElapsedTime(began));
        }
    }

    public void Dispose() => _budget.Dispose();
}

/// <summary>A pooled buffer that counts against the budget until it is disposed.</summary>
public sealed class UploadBuffer(RateLimitLease lease, int size) : IDisposable
{
    private byte[]? _array = ArrayPool<byte>.Shared.Rent(size);

    /// <summary>How many bytes have been written.</summary>
    public int Length { get; private set; }

    /// <summary>Whether no byte more fits.</summary>
    public bool IsFull => Length == size;

    /// <summary>Where the next bytes go.</summary>
    public Memory<byte> Free => Array.AsMemory(Length, size - Length);

    private byte[] Array => _array ?? throw new ObjectDisposedException(nameof(UploadBuffer));

    /// <summary>Counts bytes that were written to <see cref="Free"/>.</summary>
    public void Advance(int count) => Length += count;

    /// <summary>What has been written, as a stream of its own place; may be opened again for a retry.</summary>
    public MemoryStream OpenRead() => new(Array, 0, Length, writable: false);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _array, null) is not { } array)
            return;
        ArrayPool<byte>.Shared.Return(array);
        lease.Dispose();
    }
}
