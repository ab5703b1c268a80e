using Amazon.S3.Model;

namespace CloudTab.Relay;

/// <summary>
/// The bytes of an object or of a range of it, as they come from S3: nothing is buffered. If S3 breaks off in the middle, reading throws
/// what <see cref="Outage"/> knows; an <see cref="IOException"/> would look as if the client had.
/// </summary>
public sealed class StoredObjectStream : Stream
{
    private readonly GetObjectResponse _response;
    private long _read;

    internal StoredObjectStream(GetObjectResponse response)
    {
        _response = response;
        Length = response.ContentLength;
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length { get; }

    public override long Position
    {
        get => _read;
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            var count = await _response.ResponseStream.ReadAsync(buffer, cancellationToken);
            _read += count;
            if (count == 0 && buffer.Length > 0 && _read < Length)
                throw new EndOfStreamException();
            return count;
        }
        catch (IOException cut)
        {
            throw new HttpRequestException("S3 broke off in the middle of an object.", cut);
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
        _response.Dispose();
        base.Dispose(disposing);
    }
}

/// <summary>Bytes of an object, the first and the last inclusive.</summary>
public sealed record ByteRange(long First, long Last);
