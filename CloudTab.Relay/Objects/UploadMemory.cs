using System.Net;
using Microsoft.Extensions.Options;

namespace CloudTab.Relay;

/// <summary>
/// The one memory budget that all uploads of a process share, handed out in blocks as bytes come in. An upload that gets none waits, and
/// meanwhile reads nothing from its connection.
///
/// Half of the budget is given block by block to any upload that asks, so that a slow upload holds hardly more than what it has sent. Beyond
/// that a part must be promised: all the blocks that it can still need are set aside, and it never waits again. Given block by block
/// to the end, the budget would fill with parts of which none can be finished.
///
/// No two uploads can wait for each other. A part that is promised waits for its client and for S3 only, and both have their time
/// limits, so every promise ends. While none is out, what was given block by block leaves room for a whole part at least, and that is
/// promised to the first in line.
///
/// Each address has a budget of its own by the same rules: an eighth of the whole, but two parts at least. No more of its parts than
/// UPLOADS_PER_ADDRESS fill at once; others wait until one of them is complete. So an address waits for itself, and takes nothing from
/// others, however many connections it opens. Addresses are served in turn, the uploads of each in order of arrival.
///
/// If the first in line would not be served once S3 has what is on its way, parts that come in more slowly than UPLOAD_MINIMUM_RATE
/// are taken back, the slowest first and no more of them than it needs; only those of its own address if it waits for that. Among
/// themselves slow uploads only wait for memory, and they stand behind the others.
///
/// When no part has held any of it for a while, the memory is given back to the system.
/// </summary>
public sealed class UploadMemory : IDisposable
{
    /// <summary>Bytes in a block.</summary>
    public const int BlockSize = 64 << 10;

    private const int ShareOfAddress = 8;
    private const int LeastOfAddress = 2 * ObjectUpload.PartSize / BlockSize;

    // How long a part may take before its rate says anything about its client; and how often those that were too young are looked at again.
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(1);

    // How long no part holds memory before it is given back: the next burst would have to get it anew.
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(20);

    // Less is not worth a collection.
    private const int LeastGivenBack = (4 << 20) / BlockSize;

    private readonly Lock _lock = new();
    private readonly Stack<byte[]> _spare = [];
    private readonly Dictionary<IPAddress, AddressBudget> _addresses = [];
    private readonly LinkedList<WaitingUploads> _turns = [];
    private readonly LinkedList<WaitingUploads> _slowTurns = [];
    private readonly MemoryBudget _all;
    private readonly int _places;
    private readonly long _minimumRate;
    private readonly RelayTelemetry _telemetry;
    private readonly TimeProvider _clock;
    private readonly ITimer _rounds;
    private readonly ITimer _idle;

    private int _waiting;
    private int _inUse;

    public UploadMemory(IOptions<ObjectStoreOptions> options, RelayTelemetry telemetry, TimeProvider clock)
    {
        _all = new(checked((int)(options.Value.UploadMemory / BlockSize)));
        _places = options.Value.UploadsPerAddress;
        _minimumRate = options.Value.MinimumRate;
        _telemetry = telemetry;
        _clock = clock;
        _rounds = clock.CreateTimer(_ => RunRound(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _idle = clock.CreateTimer(_ => GiveBack(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Bytes that buffers in use take now.</summary>
    public long InUse => Volatile.Read(ref _inUse) * (long)BlockSize;

    /// <summary>Bytes that buffers may take at most.</summary>
    public long Limit => _all.Blocks * (long)BlockSize;

    private WaitingUploads? Next => (_turns.First ?? _slowTurns.First)?.Value;

    /// <summary>Begins a part. It takes no memory before its first byte is asked for.</summary>
    /// <param name="client">The address that it counts for.</param>
    /// <param name="size">Bytes that it has at most, <see cref="ObjectUpload.PartSize"/> or less.</param>
    /// <param name="reclaim">Is cancelled if the part has to give its memory back.</param>
    public UploadBuffer Begin(IPAddress client, int size, CancellationTokenSource reclaim)
    {
        lock (_lock)
        {
            if (!_addresses.TryGetValue(client, out var address))
                _addresses[client] = address = new(client, Math.Min(_all.Blocks, Math.Max(_all.Blocks / ShareOfAddress, LeastOfAddress)), _places, _turns, _slowTurns);
            address.Parts++;
            return new(this, address, _clock, size, reclaim);
        }
    }

    /// <summary>Bytes that buffers took and that the next ones will take first.</summary>
    public long Spare
    {
        get
        {
            lock (_lock)
                return _spare.Count * (long)BlockSize;
        }
    }

    public void Dispose()
    {
        _rounds.Dispose();
        _idle.Dispose();
    }

    /// <summary>Adds a block to a part, once there is one.</summary>
    /// <exception cref="OperationCanceledException">The part has to give its memory back, or the caller has cancelled.</exception>
    internal async ValueTask GrowAsync(UploadBuffer part, CancellationToken cancellationToken)
    {
        WaitingUpload upload;
        lock (_lock)
        {
            if (part.IsTakenBack)
                throw new OperationCanceledException("The memory of this upload was taken back.");
            if ((part.IsPromised || IsNext(part)) && TryGive(part) == Missing.Nothing)
                return;
            upload = new(part);
            Enqueue(upload);
            Serve();
            TakeBackFor(part.Address);
            TakeBackForFirst();
        }

        var began = _clock.GetTimestamp();
        try
        {
            await using var leaving = cancellationToken.UnsafeRegister((_, token) => Leave(upload, token), null);
            await upload.Given.Task;
        }
        finally
        {
            _telemetry.WaitedForMemory(_clock.GetElapsedTime(began));
        }
    }

    /// <summary>The part is complete: from here on it depends on S3, and its client's pace no longer matters.</summary>
    internal void Seal(UploadBuffer part)
    {
        lock (_lock)
        {
            if (part.IsSealed)
                return;
            part.IsSealed = true;
            _all.Seal(part);
            part.Address.Seal(part);
            LeavePlace(part);
            Serve();
        }
    }

    /// <summary>Gives back everything that a part holds.</summary>
    internal void Return(UploadBuffer part)
    {
        var address = part.Address;
        lock (_lock)
        {
            _all.Return(part);
            address.Return(part);
            _inUse -= part.Blocks.Count;
            foreach (var block in part.Blocks)
                _spare.Push(block);
            part.Blocks.Clear();
            if (_inUse == 0 && _spare.Count >= LeastGivenBack)
                _idle.Change(Idle, Timeout.InfiniteTimeSpan);
            if (--address.Parts == 0)
                _addresses.Remove(address.Client);
            LeavePlace(part);
            address.Prompt.TakeTurn();
            address.Slow.TakeTurn();
            Serve();
        }
    }

    /// <summary>Whether nothing that waits comes before a part. If it needs a place, it takes one.</summary>
    private bool IsNext(UploadBuffer part) => Next is null && TryTakePlace(part) && LineOf(part).First is null;

    private static bool TryTakePlace(UploadBuffer part)
    {
        if (!part.HasPlace && part.Address.HasPlace)
            part.HasPlace = part.Address.Filling.Add(part);
        return part.HasPlace;
    }

    private void LeavePlace(UploadBuffer part)
    {
        var address = part.Address;
        part.HasPlace = false;
        address.Filling.Remove(part);
        while (address.ForPlace.First is { } first && TryTakePlace(first.Value.Part))
        {
            address.ForPlace.Remove(first);
            LineOf(first.Value.Part).Add(first.Value);
        }
    }

    private Missing TryGive(UploadBuffer part)
    {
        if (!part.IsPromised)
        {
            var address = part.Address;
            if (address.CanGive && _all.CanGive)
            {
                address.Give();
                _all.Give();
            }
            else if (!address.CanPromise(part))
            {
                return Missing.OfAddress;
            }
            else if (!_all.CanPromise(part))
            {
                return Missing.OfAll;
            }
            else
            {
                address.Promise(part);
                _all.Promise(part);
                part.IsPromised = true;
            }
        }

        // Pinned, since sockets read into them.
        part.Blocks.Add(_spare.TryPop(out var block) ? block : GC.AllocateUninitializedArray<byte>(BlockSize, pinned: true));
        _inUse++;
        return Missing.Nothing;
    }

    private WaitingUploads LineOf(UploadBuffer part) => IsSlow(part) ? part.Address.Slow : part.Address.Prompt;

    private void Enqueue(WaitingUpload upload)
    {
        if (_waiting++ == 0)
            _rounds.Change(Round, Round);
        if (TryTakePlace(upload.Part))
            LineOf(upload.Part).Add(upload);
        else
            upload.Part.Address.ForPlace.AddLast(upload.Node);
    }

    private void Leave(WaitingUpload upload, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (!upload.Given.TrySetCanceled(cancellationToken))
                return;
            _waiting--;
            upload.Node.List!.Remove(upload.Node);
            upload.Part.Address.Prompt.TakeTurn(); // the next of them may need less
            upload.Part.Address.Slow.TakeTurn();
            Serve();
        }
    }

    private void Serve()
    {
        while (Next is { } line)
        {
            var missing = line.First is { } first ? TryGive(first.Part) : Missing.OfAddress;
            if (missing == Missing.OfAll)
                return;
            if (missing == Missing.OfAddress)
            {
                line.LoseTurn();
                continue;
            }

            _waiting--;
            line.First!.Given.SetResult();
            line.RemoveFirst();
        }
    }

    private void RunRound()
    {
        lock (_lock)
        {
            foreach (var address in _addresses.Values)
                TakeBackFor(address);
            TakeBackForFirst();
            if (_waiting == 0)
                _rounds.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    private void GiveBack()
    {
        lock (_lock)
        {
            // What the last part returned since has set the time anew.
            if (_inUse > 0)
                return;
            _spare.Clear();
        }

        // By itself the collector has no reason to run in a process that does nothing, and keeps what it has had.
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }

    private void TakeBackFor(AddressBudget address)
    {
        if (address.ForPlace.Count > 0 && !address.Filling.Any(part => part.IsTakenBack))
            FindSlowest(address.Filling)?.TakeBack();
        TakeBackFor(address.Prompt.First, address, address.Filling);
    }

    private void TakeBackForFirst() =>
        TakeBackFor(_turns.First?.Value.First, _all, _addresses.Values.SelectMany(address => address.Filling));

    private void TakeBackFor(WaitingUpload? first, MemoryBudget budget, IEnumerable<UploadBuffer> filling)
    {
        if (first is null)
            return;
        var returning = budget.Sealed + filling.Where(part => part.IsTakenBack).Sum(part => part.Share);
        while (!budget.CanPromise(first.Part, returning) && FindSlowest(filling) is { } slowest)
        {
            slowest.TakeBack();
            returning += slowest.Share;
        }
    }

    private UploadBuffer? FindSlowest(IEnumerable<UploadBuffer> filling) =>
        filling.Where(part => !part.IsTakenBack && IsSlow(part)).MinBy(part => part.Rate);

    private bool IsSlow(UploadBuffer part) => part.FillTime >= Grace && part.Rate < _minimumRate;

    /// <summary>What a part cannot get a block of.</summary>
    private enum Missing
    {
        Nothing,
        OfAddress,
        OfAll,
    }
}
