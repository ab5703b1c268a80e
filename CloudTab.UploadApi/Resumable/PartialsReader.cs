using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>
/// Reads the content of partial uploads, one after the other, from S3 as it is needed. S3 could copy parts by itself, but only parts of
/// 5 MiB and more, whose sizes would be equal by chance alone; and the content has to be read for its hash and type anyway.
/// </summary>
/// <param name="charge">Called when bytes come.</param>
internal sealed class PartialsReader(ObjectStore store, IReadOnlyList<Upload> partials, Action<long> charge) : IDisposable
{
    private StoredObjectStream? _current;
    private int _next;

    /// <summary>Reads the next bytes.</summary>
    /// <returns>How many; 0 at the end of the last.</returns>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (_current is not null && await _current.ReadAsync(buffer, cancellationToken) is > 0 and var count)
            {
                charge(count);
                return count;
            }

            _current?.Dispose();
            _current = null;
            if (_next == partials.Count)
                return 0;
            _current = await store.GetAsync(partials[_next++].ObjectKey, range: null, cancellationToken)
                ?? throw new UploadLostException();
        }
    }

    public void Dispose() => _current?.Dispose();
}
