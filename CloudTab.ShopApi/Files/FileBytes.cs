using CloudTab.Relay;
using CloudTab.ServiceDefaults;

namespace CloudTab.ShopApi;

/// <summary>
/// A file's bytes in S3, as a stream to send with a response: S3 is asked when the first byte is read. By then the framework has set the
/// position to the range's first byte, and the response's Content-Length to the range's length.
/// </summary>
internal sealed class FileBytes(StoredFile file, ObjectStore store, TimeProvider clock, HttpResponse response) : AsyncStream
{
    private StoredObjectStream? _object;

    /// <summary>Bytes read, or null if S3 has not answered yet.</summary>
    public long? Count { get; private set; }

    public override bool CanSeek => true;

    public override long Length => file.Size;

    public override long Position { get; set; }

    public override long Seek(long offset, SeekOrigin origin) =>
        origin == SeekOrigin.Begin ? Position = offset : throw new NotSupportedException();

    /// <exception cref="FileNotFoundException">S3 has no such object.</exception>
    /// <exception cref="EndOfStreamException">S3 sent fewer bytes than the object has.</exception>
    /// <exception cref="TimeoutException">S3 sent nothing for too long.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        _object ??= await store.GetAsync(file.ObjectKey, new(Position, Position + response.ContentLength!.Value - 1), cancellationToken) ?? throw new FileNotFoundException();
        Count ??= 0;
        var count = await StallLimit.ReadAsync(_object, buffer, clock, cancellationToken);
        Count += count;
        return count > 0 || Count == response.ContentLength ? count : throw new EndOfStreamException($"S3 ended after {Count} of {response.ContentLength} bytes.");
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _object?.Dispose();
        base.Dispose(disposing);
    }
}
