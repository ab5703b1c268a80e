using System.Collections.Concurrent;

namespace CloudTab.Relay;

/// <summary>
/// The bytes of an upload after its last whole part, in objects of their own. They are put piece by piece while a part fills slowly and
/// when the upload pauses. Several of them are then merged into one: otherwise a client that sends many small requests would have as many
/// pieces read back with each.
/// </summary>
/// <param name="prefix">What their keys begin with.</param>
/// <param name="keys">Those that were recorded.</param>
/// <param name="size">Their bytes together.</param>
internal sealed class UploadTails(ObjectRequests requests, bool signsPayloads, string prefix, IReadOnlyList<string> keys, int size)
{
    private const int Several = 4;

    private readonly List<string> _keys = [.. keys];
    private readonly ConcurrentBag<string> _uncertain = [];
    private int _last;
    private int _kept;

    /// <summary>Those that are there, in their order.</summary>
    public IReadOnlyList<string> Keys => _keys;

    /// <summary>Keys that were never recorded, and may be there: their puts were not confirmed.</summary>
    public IEnumerable<string> Uncertain => _uncertain;

    /// <summary>Their bytes together.</summary>
    public int Size { get; private set; } = size;

    /// <summary>Bytes of the part that is filling which are there, or on their way.</summary>
    public int Kept => _kept;

    /// <summary>Another part begins to fill.</summary>
    public void Begin() => _kept = 0;

    /// <summary>Reads them back into the part that they belong to.</summary>
    /// <param name="seen">Is shown the bytes.</param>
    public async Task LoadAsync(UploadBuffer buffer, Action<ReadOnlySpan<byte>>? seen, CancellationToken cancellationToken)
    {
        // At once: an upload that stops in the middle has nothing to put.
        _kept = Size;
        foreach (var key in _keys)
            await requests.ReadAsync(key, buffer.GetMemoryAsync, Take, cancellationToken);
        if (buffer.Length != Size)
            throw new HttpRequestException("S3 gave back something else than what was kept.");
        buffer.BeginMeasuring();

        void Take(int count)
        {
            var bytes = buffer.Advance(count);
            seen?.Invoke(bytes);
        }
    }

    /// <summary>Puts what has come since the last one.</summary>
    /// <param name="before">Ends when all parts before this one are counted, and the pieces of this one before it.</param>
    public Task PutRestAsync(UploadBuffer buffer, Task before, CancellationToken cancellationToken) =>
        PutAsync(buffer, _kept, before, cancellationToken);

    /// <summary>Puts what has come, because the upload pauses.</summary>
    public async Task ParkAsync(UploadBuffer buffer, CancellationToken cancellationToken)
    {
        if (buffer.Length > _kept)
            await PutAsync(buffer, _keys.Count < Several ? _kept : 0, Task.CompletedTask, cancellationToken);
    }

    /// <summary>The part is durable itself.</summary>
    public void Clear()
    {
        _keys.Clear();
        Size = 0;
    }

    private async Task PutAsync(UploadBuffer buffer, int start, Task before, CancellationToken cancellationToken)
    {
        _last++;
        _kept = buffer.Length;
        var key = FormattableString.Invariant($"{prefix}{_last}");
        var count = buffer.Length - start;
        try
        {
            // Waits for both even if one fails: afterwards nothing reads from the buffer any more.
            await Task.WhenAll(requests.PutAsync(key, buffer.Content(start, count, signsPayloads), cancellationToken), before);
        }
        catch
        {
            _uncertain.Add(key);
            throw;
        }

        if (start == 0)
            Clear();
        _keys.Add(key);
        Size += count;
    }
}
