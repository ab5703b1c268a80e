using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Security.Cryptography;

namespace CloudTab.LocalS3;

/// <summary>
/// A request's body without its framing. The payload is verified against the signature only when <see cref="ReadAsync"/> returns 0, so no
/// byte may be published before that.
/// </summary>
internal abstract class RequestBody(PipeReader pipe) : IDisposable
{
    // The longest that S3 allows: a thousand keys of a kilobyte, each byte of them escaped.
    private const int LongestDocument = 8 * 1024 * 1024;

    /// <summary>How many bytes the client says there are.</summary>
    public required long Length { get; init; }

    /// <summary>Checksums that came after the body; complete once <see cref="ReadAsync"/> has returned 0.</summary>
    public Dictionary<string, string> Trailers { get; } = new(StringComparer.OrdinalIgnoreCase);

    protected PipeReader Pipe { get; } = pipe;

    /// <exception cref="S3Exception">The request's headers do not tell how to read it.</exception>
    public static RequestBody Open(S3Request request)
    {
        var body = Choose(request);
        request.Http.Response.RegisterForDispose(body);
        return body;
    }

    /// <summary>Reads a document that an operation takes instead of an object: small, so in memory, and checked like any other body.</summary>
    /// <exception cref="S3Exception">It is too long, or not what was signed or promised.</exception>
    public static async Task<ReadOnlyMemory<byte>> ReadDocumentAsync(S3Request request, bool mustBePromised, CancellationToken cancellationToken)
    {
        var digests = new BodyDigests(request);
        if (mustBePromised && !digests.IsPromised)
            throw new S3Exception(S3Error.InvalidRequest, "Missing required header for this request: Content-MD5 OR x-amz-checksum-*");
        var body = Open(request);
        if (body.Length > LongestDocument)
            throw new S3Exception(S3Error.MalformedXml);

        // One byte more, so that reading runs to the end and its checks.
        var document = new byte[body.Length + 1];
        var length = await body.FillAsync(document, cancellationToken);
        if (length != body.Length)
            throw new S3Exception(S3Error.IncompleteBody);
        digests.Append(document.AsSpan(0, length));
        digests.Verify(body.Trailers);
        return document.AsMemory(0, length);
    }

    /// <returns>How many bytes were read, 0 at the end.</returns>
    /// <exception cref="S3Exception">The framing is broken, or the body is not what was signed.</exception>
    public abstract ValueTask<int> ReadAsync(Memory<byte> destination, CancellationToken cancellationToken);

    public abstract void Dispose();

    /// <summary>Fills the destination, unless the body ends before.</summary>
    public async ValueTask<int> FillAsync(Memory<byte> destination, CancellationToken cancellationToken)
    {
        var filled = 0;
        while (filled < destination.Length)
        {
            var read = await ReadAsync(destination[filled..], cancellationToken);
            if (read == 0)
                break;
            filled += read;
        }

        return filled;
    }

    /// <summary>Moves at most <paramref name="limit"/> bytes from the pipe.</summary>
    /// <returns>How many, 0 if the connection's data has ended.</returns>
    protected async ValueTask<int> CopyAsync(Memory<byte> destination, long limit, CancellationToken cancellationToken)
    {
        var result = await Pipe.ReadAsync(cancellationToken);
        var count = (int)Math.Min(Math.Min(destination.Length, limit), result.Buffer.Length);
        var taken = result.Buffer.Slice(0, count);
        taken.CopyTo(destination.Span);
        Pipe.AdvanceTo(taken.End);
        return count;
    }

    private static RequestBody Choose(S3Request request)
    {
        var pipe = request.Http.Request.BodyReader;
        var payload = request.Signed.Payload;
        if (payload.StartsWith("STREAMING-", StringComparison.Ordinal))
        {
            if (!long.TryParse(request.Header("x-amz-decoded-content-length"), NumberStyles.None, CultureInfo.InvariantCulture, out var decoded))
                throw new S3Exception(S3Error.MissingContentLength);
            return new ChunkedBody(pipe, request.Signed, request.Header("x-amz-trailer")) { Length = decoded };
        }

        if (payload != Signed.UnsignedPayload && payload.Length != 64)
            throw new S3Exception(S3Error.InvalidArgument, "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a streaming value or a valid SHA-256");
        var length = request.Http.Request.ContentLength ?? throw new S3Exception(S3Error.MissingContentLength);
        return new PlainBody(pipe, payload) { Length = length };
    }
}

/// <summary>A body without framing of its own.</summary>
internal sealed class PlainBody(PipeReader pipe, string payload) : RequestBody(pipe)
{
    private readonly IncrementalHash? _sha256 = payload == Signed.UnsignedPayload ? null : IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public override void Dispose() => _sha256?.Dispose();

    public override async ValueTask<int> ReadAsync(Memory<byte> destination, CancellationToken cancellationToken)
    {
        var count = await CopyAsync(destination, long.MaxValue, cancellationToken);
        _sha256?.AppendData(destination.Span[..count]);
        // Not reset, because a caller that fills a buffer reads the end twice.
        if (count == 0 && _sha256 is not null && !Convert.ToHexStringLower(_sha256.GetCurrentHash()).Equals(payload, StringComparison.Ordinal))
            throw new S3Exception(S3Error.ContentSha256Mismatch);
        return count;
    }
}
