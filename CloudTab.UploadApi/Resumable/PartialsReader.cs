using Amazon.S3.Model;
using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>
/// Reads the content of partial uploads, one after the other, from S3 as it is needed. S3 could copy parts by itself, but only parts of
/// 5 MiB and more, whose sizes would be equal by chance alone; and the content has to be read for its hash and type anyway.
/// </summary>
internal sealed class PartialsReader(ObjectStore store, IReadOnlyList<Upload> partials) : IDisposable
{
    private GetObjectResponse? _current;
    private int _next;

    /// <summary>Reads the next bytes.</summary>
    /// <returns>How many; 0 at the end of the last.</returns>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (_current is not null && await ReadCurrentAsync(_current, buffer, cancellationToken) is > 0 and var count)
                return count;
            _current?.Dispose();
            _current = null;
            if (_next == partials.Count)
                return 0;
            _current = await store.GetAsync(partials[_next++].ObjectKey, range: null, cancellationToken)
                ?? throw new UploadLostException();
        }
    }

    public void Dispose() => _current?.Dispose();

    private static async ValueTask<int> ReadCurrentAsync(GetObjectResponse current, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            return await current.ResponseStream.ReadAsync(buffer, cancellationToken);
        }
        catch (IOException cut)
        {
            // Not the client's fault: an outage, which is answered with 503.
            throw new HttpRequestException("S3 broke off in the middle of an object.", cut);
        }
    }
}
