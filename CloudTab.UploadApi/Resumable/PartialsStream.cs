using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>
/// The content of partial uploads, one behind the other, read from S3 as it is needed. S3 could copy parts by itself, but only parts
/// of 5 MiB and more that then have equal sizes by chance alone; and the content has to be read for its hash and type anyway.
/// </summary>
internal sealed class PartialsStream(ObjectStore store, IReadOnlyList<Upload> partials) : Stream
{
    private StoredObjectStream? _current;
    private int _next;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => partials.Sum(partial => partial.Received);

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            if (_current is not null && await _current.ReadAsync(buffer, cancellationToken) is > 0 and var count)
                return count;
            _current?.Dispose();
            _current = null;
            if (_next == partials.Count)
                return 0;
            _current = await store.GetAsync(partials[_next++].ObjectKey, range: null, cancellationToken)
                ?? throw new UploadLostException();
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        _current?.Dispose();
        base.Dispose(disposing);
    }
}
