using Microsoft.Extensions.Options;

namespace CloudTab.Relay;

/// <summary>
/// The one memory budget that all uploads of a process share, handed out in blocks as bytes come in. An upload that gets none waits, in
/// order of arrival, and meanwhile reads nothing from its connection.
///
/// Half of the budget is given block by block to any upload that asks, so that a slow upload holds hardly more than what it has sent. Beyond
/// that a part must be promised: all the blocks that it can still need are set aside, and it never waits again. Given block by block
/// to the end, the budget would fill with parts of which none can be finished.
///
/// No two uploads can wait for each other. A part that is promised waits for its client and for S3 only, and both have their time
/// limits, so every promise ends. While none is out, what was given block by block leaves room for a whole part at least, and that is
/// promised to the first in line.
///
/// If the first in line would not be served once S3 has what is on its way, parts that come in more slowly than UPLOAD_MINIMUM_RATE
/// are taken back, the slowest first and no more of them than it needs. Among themselves slow uploads only wait, and they stand behind
/// the others.
/// </summary>
public sealed class UploadMemory : IDisposable
{
    /// <summary>Bytes in a block.</summary>
    public const int BlockSize = 64 << 10;

    private const int BlocksOfPart = ObjectUpload.PartSize / BlockSize;

    // How long a part may take before its rate says anything about its client; and how often those that were too young are looked at again.
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Stack<byte[]> _spare = [];
    private readonly HashSet<UploadBuffer> _filling = [];
    private readonly LinkedList<Waiter> _waiting = [];
    private readonly LinkedList<Waiter> _slowWaiting = [];
    private readonly long _minimumRate;
    private readonly int _blocks;
    private readonly int _mostLoose;
    private readonly RelayTelemetry _telemetry;
    private readonly TimeProvider _clock;
    private readonly ITimer _rounds;

    private int _loose; // blocks given one by one
    private int _promised; // blocks of promised parts, given or not
    private int _sealed; // of both, those of parts that are complete
    private int _inUse;

    public UploadMemory(IOptions<ObjectStoreOptions> options, RelayTelemetry telemetry, TimeProvider clock)
    {
        _blocks = checked((int)(options.Value.UploadMemory / BlockSize));
        _mostLoose = Math.Min(_blocks / 2, _blocks - BlocksOfPart);
        _minimumRate = options.Value.MinimumRate;
        _telemetry = telemetry;
        _clock = clock;
        _rounds = clock.CreateTimer(_ => RunRound(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Bytes that buffers in use take now.</summary>
    public long InUse => Volatile.Read(ref _inUse) * (long)BlockSize;

    /// <summary>Bytes that buffers may take at most.</summary>
    public long Limit => _blocks * (long)BlockSize;

    private LinkedListNode<Waiter>? First => _waiting.First ?? _slowWaiting.First;

    /// <summary>Begins a part. It takes no memory before its first byte is asked for.</summary>
    /// <param name="size">Bytes that it has at most, <see cref="ObjectUpload.PartSize"/> or less.</param>
    /// <param name="reclaim">Is cancelled if the part has to give its memory back.</param>
    public UploadBuffer Begin(int size, CancellationTokenSource reclaim)
    {
        var buffer = new UploadBuffer(this, _clock, size, reclaim);
        lock (_lock)
            _filling.Add(buffer);
        return buffer;
    }

    public void Dispose() => _rounds.Dispose();

    /// <summary>Adds a block to a part, once there is one.</summary>
    /// <exception cref="OperationCanceledException">The part has to give its memory back, or the caller has cancelled.</exception>
    internal async ValueTask GrowAsync(UploadBuffer buffer, CancellationToken cancellationToken)
    {
        Waiter waiter;
        lock (_lock)
        {
            if (buffer.IsTakenBack)
                throw new OperationCanceledException("The memory of this upload was taken back.");
            if ((buffer.IsPromised || First is null) && TryGive(buffer))
                return;
            waiter = Enqueue(buffer);
            TakeBack();
        }

        var began = _clock.GetTimestamp();
        try
        {
            await using var leaving = cancellationToken.UnsafeRegister((_, token) => Leave(waiter, token), null);
            await waiter.Given.Task;
        }
        finally
        {
            _telemetry.WaitedForMemory(_clock.GetElapsedTime(began));
        }
    }

    /// <summary>The part is complete: from here on it depends on S3, and its client's pace no longer matters.</summary>
    internal void Seal(UploadBuffer buffer)
    {
        lock (_lock)
        {
            _filling.Remove(buffer);
            _sealed += buffer.Share;
        }
    }

    /// <summary>Gives back everything that a part holds.</summary>
    internal void Return(UploadBuffer buffer)
    {
        lock (_lock)
        {
            if (!_filling.Remove(buffer))
                _sealed -= buffer.Share;
            if (buffer.IsPromised)
                _promised -= buffer.MostBlocks;
            else
                _loose -= buffer.Blocks.Count;
            _inUse -= buffer.Blocks.Count;
            foreach (var block in buffer.Blocks)
                _spare.Push(block);
            buffer.Blocks.Clear();
            Serve();
        }
    }

    private bool TryGive(UploadBuffer buffer)
    {
        if (!buffer.IsPromised)
        {
            if (_loose < _mostLoose && _loose + _promised < _blocks)
            {
                _loose++;
            }
            else if (CanPromise(buffer, returning: 0))
            {
                _loose -= buffer.Blocks.Count;
                _promised += buffer.MostBlocks;
                buffer.IsPromised = true;
            }
            else
            {
                return false;
            }
        }

        // Pinned, since sockets read into them, and never given up: memory that a process has needed once it will need again.
        buffer.Blocks.Add(_spare.TryPop(out var block) ? block : GC.AllocateUninitializedArray<byte>(BlockSize, pinned: true));
        _inUse++;
        return true;
    }

    private bool CanPromise(UploadBuffer buffer, int returning) =>
        _loose + _promised - returning - buffer.Blocks.Count + buffer.MostBlocks <= _blocks;

    private Waiter Enqueue(UploadBuffer buffer)
    {
        if (First is null)
            _rounds.Change(Round, Round);
        var waiter = new Waiter(buffer);
        var line = IsSlow(buffer) ? _slowWaiting : _waiting;
        waiter.Place = line.AddLast(waiter);
        return waiter;
    }

    private void Leave(Waiter waiter, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (!waiter.Given.TrySetCanceled(cancellationToken))
                return;
            waiter.Place!.List!.Remove(waiter.Place);
            Serve();
        }
    }

    private void Serve()
    {
        while (First is { } first && TryGive(first.Value.Buffer))
        {
            first.List!.Remove(first);
            first.Value.Given.SetResult();
        }
    }

    private void RunRound()
    {
        lock (_lock)
        {
            TakeBack();
            if (First is null)
                _rounds.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    private void TakeBack()
    {
        if (_waiting.First is not { } first)
            return;
        var returning = _sealed + _filling.Where(buffer => buffer.IsTakenBack).Sum(buffer => buffer.Share);
        while (!CanPromise(first.Value.Buffer, returning) && FindSlowest() is { } slowest)
        {
            slowest.TakeBack();
            returning += slowest.Share;
        }
    }

    private UploadBuffer? FindSlowest() => _filling.Where(buffer => !buffer.IsTakenBack && IsSlow(buffer)).MinBy(buffer => buffer.Rate);

    private bool IsSlow(UploadBuffer buffer) => buffer.FillTime >= Grace && buffer.Rate < _minimumRate;

    private sealed class Waiter(UploadBuffer buffer)
    {
        public UploadBuffer Buffer { get; } = buffer;

        public TaskCompletionSource Given { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public LinkedListNode<Waiter>? Place { get; set; }
    }
}
