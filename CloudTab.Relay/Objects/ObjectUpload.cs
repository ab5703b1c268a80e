using System.Net;

namespace CloudTab.Relay;

/// <summary>
/// One object on its way to S3: bytes are written to <see cref="GetMemoryAsync"/> and counted with <see cref="AdvanceAsync"/>. Up to
/// one part it becomes a single put; beyond that a multipart upload of equal parts (some stores want them equal), sent while the next
/// ones fill. Disposing it before it is completed removes what had reached S3 and nobody else knows of: everything, or with a
/// journal, what has not been recorded in it.
/// </summary>
public sealed class ObjectUpload : IAsyncDisposable
{
    /// <summary>Bytes in every part but the last: 5 GiB fit into 640, and stores that allow 1,000 parts only take 7.8 GiB.</summary>
    public const int PartSize = 8 << 20;

    /// <summary>Bytes in an object at most: S3 takes 10,000 parts.</summary>
    public const long LargestObject = 10_000L * PartSize;

    // One connection to S3 is often slower than a client's. More would let a few fast uploads take the whole budget of memory.
    private const int MostSending = 3;

    // The same for the pieces of a part that fills slowly: what comes while one is on its way would be in memory alone.
    private const int MostKeeping = 3;

    // Bytes of a part that may be in memory alone, or this share of all that has come if that is more: if the process is killed, a slow
    // client loses no more than that. A part that fills at this pace (bytes a second) or faster is soon durable itself.
    private const int LeastKept = 32 << 10;
    private const int KeptShare = 128;
    private const int FastPace = 8 << 20;

    private static readonly TimeSpan KeepLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan AbortLimit = TimeSpan.FromSeconds(10);

    private readonly ObjectRequests _requests;
    private readonly string _putKey;
    private readonly UploadMemory _memory;
    private readonly IPAddress _client;
    private readonly int _partSize;
    private readonly int _bufferSize;
    private readonly bool _isResumable;
    private readonly bool _signsPayloads;
    private readonly List<string> _parts;
    private readonly UploadTails _tails;
    private readonly Queue<Task> _sending = [];
    private readonly CancellationTokenSource _reclaim = new();

    private ObjectProgress _recorded;
    private string? _offeredMultipartId;
    private long _inParts;
    private UploadBuffer? _filling;
    private Task _keeping = Task.CompletedTask; // the last piece, which ends after those before it
    private int _keepingCount;
    private int _lastPart;
    private string? _multipartId;
    private bool _reachedS3;
    private bool _settled;

    /// <param name="client">The address that its memory counts for.</param>
    /// <param name="most">Bytes that the object will have at most, if that is known: it then takes no more memory than that.</param>
    /// <param name="from">How far an upload has come that is continued.</param>
    /// <param name="ownKey">
    /// What no other holder of the upload puts: the key of an object without parts, and, before a dot and a number, those of tails. Null for
    /// an object that ends where it began.
    /// </param>
    internal ObjectUpload(
        ObjectRequests requests, UploadMemory memory, IPAddress client, bool signsPayloads, long? most, int partSize, ObjectProgress from, string? ownKey)
    {
        _requests = requests;
        _memory = memory;
        _client = client;
        _isResumable = ownKey is not null;
        _putKey = ownKey ?? requests.Key;
        _signsPayloads = signsPayloads;
        _recorded = from;
        _multipartId = from.MultipartId;
        _offeredMultipartId = from.MultipartId;
        _parts = [.. from.PartETags];
        _lastPart = _parts.Count;
        _tails = new(requests, signsPayloads, ownKey + ".", from.TailKeys, from.TailSize);
        _inParts = from.Received - from.TailSize;
        _partSize = partSize;
        _bufferSize = (int)Math.Clamp(most - _inParts ?? partSize, 1, partSize);
        Size = from.Received;
    }

    /// <summary>Bytes written so far.</summary>
    public long Size { get; private set; }

    /// <summary>The key of the object once it is complete.</summary>
    public string Key => _multipartId is null ? _putKey : _requests.Key;

    /// <summary>
    /// What to record of a complete object that cannot be used yet, so that another request can continue from there: all of it as the tail of an
    /// upload without parts. Null if it has parts, which are recorded, and while it is not complete.
    /// </summary>
    public ObjectProgress? Whole { get; private set; }

    /// <summary>
    /// Called whenever more is durable, with all that is, so that another request can continue from there. It throws
    /// <see cref="UploadLostException"/> if the upload is not ours any more. Null while nothing may be recorded.
    /// </summary>
    public Func<ObjectProgress, CancellationToken, Task>? Journal { get; set; }

    /// <summary>
    /// Is cancelled if others wait for the memory that this upload holds and its client is too slow: stop reading from the client, and
    /// park or dispose this.
    /// </summary>
    public CancellationToken Reclaimed => _reclaim.Token;

    private ObjectProgress Durable => new(_inParts + _tails.Size, _multipartId, [.. _parts], [.. _tails.Keys], _tails.Size);

    /// <summary>Whether all that was received before is here or in parts: only then is the object what it says to be.</summary>
    public bool IsLoaded { get; private set; }

    /// <summary>
    /// Reads back the tail of what was received before. Call it before anything is written; if it fails, park or dispose this.
    /// </summary>
    /// <param name="seen">Is shown the tail's bytes.</param>
    public async Task LoadTailAsync(Action<ReadOnlySpan<byte>>? seen, CancellationToken cancellationToken)
    {
        if (_tails.Size > 0)
            await _tails.LoadAsync(Begin(), seen, cancellationToken);
        IsLoaded = true;
    }

    /// <summary>
    /// Memory for the next bytes, never empty. Waits for the process's memory budget. There is room for as many bytes as the object was
    /// said to have at most: to see whether there are more, say one more.
    /// </summary>
    public ValueTask<Memory<byte>> GetMemoryAsync(CancellationToken cancellationToken)
    {
        var buffer = _filling ?? Begin();
        return buffer.IsFull
            ? throw new InvalidOperationException($"More than the {_bufferSize} bytes announced.")
            : buffer.GetMemoryAsync(cancellationToken);
    }

    /// <summary>
    /// Counts bytes that were written to <see cref="GetMemoryAsync"/>, and sends a part when it is full. One that fills slowly is kept
    /// in pieces meanwhile.
    /// </summary>
    public async ValueTask AdvanceAsync(int count, CancellationToken cancellationToken)
    {
        var buffer = _filling ?? throw new InvalidOperationException("Nothing was asked for to write to.");
        buffer.Advance(count);
        Size += count;
        if (buffer.Length == _partSize)
            await SendPartAsync(cancellationToken);
        else if (IsWorthKeeping(buffer))
            await KeepAsync(buffer);
    }

    /// <summary>Makes the object durable and visible; it holds one byte at least.</summary>
    /// <exception cref="InvalidOperationException">Not all bytes that were counted are here: nothing becomes visible.</exception>
    public async Task CompleteAsync(CancellationToken cancellationToken)
    {
        await _keeping;
        if (_multipartId is null)
        {
            await PutAsync(cancellationToken);
        }
        else
        {
            if (_filling is { Length: > 0 })
                await SendPartAsync(cancellationToken);
            await CollectPartsAsync();
            ExpectAll(_inParts);
            // Recorded before the completion: afterwards no part can be added, and a request that continues must know that none is missing.
            await RecordAsync(cancellationToken);
            await _requests.CompleteMultipartAsync(_multipartId, _parts, Size, cancellationToken);
        }

        _settled = true;
    }

    /// <summary>Makes all bytes durable without completing the object: what is less than a part goes to an object of its own.</summary>
    /// <returns>What to record, so that it can be continued from there.</returns>
    public async Task<ObjectProgress> ParkAsync(CancellationToken cancellationToken)
    {
        await _keeping;
        await CollectPartsAsync();
        if (_filling is { } buffer)
        {
            buffer.Seal();
            await _tails.ParkAsync(buffer, cancellationToken);
        }

        _settled = true;
        return Durable;
    }

    /// <summary>May be called again.</summary>
    public async ValueTask DisposeAsync()
    {
        await Ended(_keeping); // it reads from what is given back
        _filling?.Dispose(); // before the rest: others may wait for it
        await Ended(Task.WhenAll(_sending));
        _reclaim.Dispose();
        if (!_settled)
            await RemoveAsync();
        _settled = true;

        static Task Ended(Task task) =>
            task.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    private UploadBuffer Begin()
    {
        _tails.Begin();
        return _filling = _memory.Begin(_client, _bufferSize, _reclaim);
    }

    private async Task SendPartAsync(CancellationToken cancellationToken)
    {
        _filling!.Seal();
        await _keeping;
        while (_sending.Count == MostSending || _sending.TryPeek(out var first) && first.IsCompleted)
            await _sending.Dequeue();
        _multipartId ??= await BeginMultipartAsync();
        (var part, _filling) = (_filling, null);
        _sending.Enqueue(UploadPartAsync(part, ++_lastPart, before: _sending.LastOrDefault(Task.CompletedTask), cancellationToken));
    }

    private async Task CollectPartsAsync()
    {
        while (_sending.TryDequeue(out var first))
            await first;
    }

    private Task<string> BeginMultipartAsync()
    {
        _reachedS3 = true;
        return _requests.BeginMultipartAsync();
    }

    private async Task UploadPartAsync(UploadBuffer part, int number, Task before, CancellationToken cancellationToken)
    {
        string tag;
        using (part)
            tag = await _requests.UploadPartAsync(_multipartId!, number, part.Length, part.Content(0, part.Length, _signsPayloads), cancellationToken);

        // Counted in their order: what is recorded has no gaps. Tails were of this part, as long as it was not here.
        await before;
        _parts.Add(tag);
        _inParts += part.Length;
        _tails.Clear();
        await RecordAsync(cancellationToken);
    }

    private bool IsWorthKeeping(UploadBuffer buffer) =>
        Journal is not null
        && Volatile.Read(ref _keepingCount) < MostKeeping
        && buffer.Length - _tails.Kept >= Math.Max(LeastKept, Size / KeptShare)
        && buffer.Pace < FastPace;

    private async Task KeepAsync(UploadBuffer buffer)
    {
        if (_keeping.IsCompleted)
            await _keeping; // may have failed
        _keeping = KeepTailAsync(buffer, before: Task.WhenAll(_keeping, _sending.LastOrDefault(Task.CompletedTask)));
    }

    private async Task KeepTailAsync(UploadBuffer buffer, Task before)
    {
        // Not the request's token: only the record tells whether what was put has to be deleted again.
        using var limit = _requests.Clock.Limit(KeepLimit);
        Interlocked.Increment(ref _keepingCount);
        try
        {
            await _tails.PutRestAsync(buffer, before, limit.Token);
            await RecordAsync(limit.Token);
        }
        finally
        {
            Interlocked.Decrement(ref _keepingCount);
        }
    }

    private async Task RecordAsync(CancellationToken cancellationToken)
    {
        if (Journal is null || (_parts.Count == _recorded.PartETags.Count && _tails.Keys.Count == _recorded.TailKeys.Count))
            return;
        var durable = Durable;
        // It may be recorded even if the answer is lost: then others continue from there.
        _offeredMultipartId = durable.MultipartId;
        try
        {
            await Journal(durable, cancellationToken);
        }
        catch (UploadLostException)
        {
            _offeredMultipartId = _recorded.MultipartId;
            throw;
        }

        _recorded = durable;
    }

    private async Task PutAsync(CancellationToken cancellationToken)
    {
        _reachedS3 = true;
        (var buffer, _filling) = (_filling ?? throw new InvalidOperationException("Nothing was written."), null);
        using (buffer)
        {
            buffer.Seal();
            ExpectAll(buffer.Length);
            await _requests.PutAsync(_putKey, buffer.Content(0, buffer.Length, _signsPayloads), cancellationToken);
            Whole = new(Size, null, [], [_putKey], buffer.Length);
        }
    }

    private void ExpectAll(long bytes)
    {
        if (bytes != Size)
            throw new InvalidOperationException($"The object would have {bytes} bytes of {Size}.");
    }

    /// <summary>
    /// Leaves nothing behind that nobody else knows of. The client may be gone already, so this has a time limit of its own; if it fails,
    /// the Janitor does it.
    /// </summary>
    private async Task RemoveAsync()
    {
        using var limit = _requests.Clock.Limit(AbortLimit);
        try
        {
            if (_multipartId is not null && _multipartId != _offeredMultipartId)
                await _requests.AbortMultipartAsync(_multipartId, limit.Token);
            if (_reachedS3 && (_multipartId is null || !_isResumable))
                await _requests.DeleteAsync(_putKey, limit.Token);
            foreach (var tail in _tails.Uncertain)
                await _requests.DeleteAsync(tail, limit.Token);
        }
        catch (Exception left) when (Outage.IsOrRefusal(left) || left is OperationCanceledException)
        {
            // A file's row is `uploading` until it is given up, and the Janitor takes row, parts and object together.
        }
    }
}
