using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Security.Cryptography;
using System.Text;

namespace CloudTab.LocalS3;

/// <summary>
/// aws-chunked: <c>size[;chunk-signature=…] CRLF data CRLF</c>, ended by a chunk of size 0 and, if the payload's name ends in
/// TRAILER, by checksum lines. Signed chunks are a chain: each signature covers the one before it, the first that of the request.
/// </summary>
internal sealed class ChunkedBody : RequestBody
{
    private const int LongestLine = 1024;
    private static readonly string EmptyHash = CanonicalRequest.Sha256Hex("");

    private readonly Signed _signed;
    private readonly bool _hasTrailer;
    private readonly string[] _announced;
    private readonly IncrementalHash? _chunkHash;
    private string _previous;
    private string _chunkSignature = "";
    private long _left;
    private long _total;
    private bool _ended;

    public ChunkedBody(PipeReader pipe, Signed signed, string? announcedTrailers)
        : base(pipe)
    {
        _signed = signed;
        _previous = signed.Signature;
        (var isSigned, _hasTrailer) = signed.Payload switch
        {
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" => (true, false),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => (true, true),
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => (false, true),
            _ => throw new S3Exception(S3Error.NotImplemented),
        };
        _chunkHash = isSigned ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256) : null;
        _announced = announcedTrailers?.Split(',', StringSplitOptions.TrimEntries) ?? [];
    }

    public override void Dispose() => _chunkHash?.Dispose();

    public override async ValueTask<int> ReadAsync(Memory<byte> destination, CancellationToken cancellationToken)
    {
        if (_ended)
            return 0;
        if (_left == 0)
        {
            await BeginChunkAsync(cancellationToken);
            if (_left == 0)
            {
                await EndBodyAsync(cancellationToken);
                return 0;
            }
        }

        var count = await CopyAsync(destination, _left, cancellationToken);
        if (count == 0)
            throw new S3Exception(S3Error.IncompleteBody);
        _chunkHash?.AppendData(destination.Span[..count]);
        _left -= count;
        _total += count;
        if (_left == 0)
        {
            if ((await ReadLineAsync(cancellationToken)).Length != 0)
                throw new S3Exception(S3Error.InvalidRequest, "A chunk is longer than it says");
            VerifyChunk();
        }

        return count;
    }

    private async ValueTask BeginChunkAsync(CancellationToken cancellationToken)
    {
        const string extension = "chunk-signature=";
        var line = await ReadLineAsync(cancellationToken);
        var semicolon = line.IndexOf(';', StringComparison.Ordinal);
        var size = semicolon < 0 ? line : line[..semicolon];
        if (!long.TryParse(size, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out _left) || _left < 0)
            throw new S3Exception(S3Error.InvalidRequest, "A chunk's size is not a hexadecimal number");
        if (_total + _left > Length)
            throw new S3Exception(S3Error.IncompleteBody, "The chunks hold more than x-amz-decoded-content-length says");

        _chunkSignature = semicolon >= 0 && line.AsSpan(semicolon + 1).StartsWith(extension, StringComparison.Ordinal)
            ? line[(semicolon + 1 + extension.Length)..]
            : "";
    }

    private async ValueTask EndBodyAsync(CancellationToken cancellationToken)
    {
        VerifyChunk();
        if (_hasTrailer)
            await ReadTrailersAsync(cancellationToken);
        if (_total != Length)
            throw new S3Exception(S3Error.IncompleteBody);

        _ended = true;
        while ((await Pipe.ReadAsync(cancellationToken)) is { } rest)
        {
            Pipe.AdvanceTo(rest.Buffer.End);
            if (rest.IsCompleted)
                break;
        }
    }

    private void VerifyChunk()
    {
        if (_chunkHash is null)
            return;
        Verify("AWS4-HMAC-SHA256-PAYLOAD", $"{EmptyHash}\n{Convert.ToHexStringLower(_chunkHash.GetHashAndReset())}", _chunkSignature);
    }

    private async ValueTask ReadTrailersAsync(CancellationToken cancellationToken)
    {
        var canonical = new StringBuilder();
        var signature = "";
        while (await ReadLineAsync(cancellationToken) is { Length: > 0 } line)
        {
            if (line.Split(':', 2) is not [var name, var value])
                throw new S3Exception(S3Error.MalformedTrailer);
            (name, value) = (name.Trim().ToLowerInvariant(), value.Trim());
            if (name == "x-amz-trailer-signature")
            {
                signature = value;
                continue;
            }

            if (!_announced.Contains(name, StringComparer.OrdinalIgnoreCase) || !Trailers.TryAdd(name, value))
                throw new S3Exception(S3Error.MalformedTrailer);
            canonical.Append(name).Append(':').Append(value).Append('\n');
        }

        if (Trailers.Count != _announced.Length)
            throw new S3Exception(S3Error.MalformedTrailer);
        if (_chunkHash is not null)
            Verify("AWS4-HMAC-SHA256-TRAILER", CanonicalRequest.Sha256Hex(canonical.ToString()), signature);
    }

    private void Verify(string algorithm, string hashes, string claimed)
    {
        var toSign = $"{algorithm}\n{_signed.Timestamp}\n{_signed.Scope}\n{_previous}\n{hashes}";
        var expected = Convert.ToHexStringLower(HMACSHA256.HashData(_signed.Key, Encoding.UTF8.GetBytes(toSign)));
        if (!CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(expected), Encoding.UTF8.GetBytes(claimed)))
            throw new S3Exception(S3Error.SignatureDoesNotMatch);
        _previous = expected;
    }

    private async ValueTask<string> ReadLineAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var result = await Pipe.ReadAsync(cancellationToken);
            if (TryTakeLine(result.Buffer, out var line, out var consumed))
            {
                Pipe.AdvanceTo(consumed);
                return line;
            }

            if (result.IsCompleted)
                throw new S3Exception(S3Error.IncompleteBody);
            if (result.Buffer.Length > LongestLine)
                throw new S3Exception(S3Error.InvalidRequest, "A line between the chunks is too long");
            Pipe.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }

    private static bool TryTakeLine(ReadOnlySequence<byte> buffer, out string line, out SequencePosition consumed)
    {
        var reader = new SequenceReader<byte>(buffer);
        var found = reader.TryReadTo(out ReadOnlySequence<byte> bytes, "\r\n"u8);
        line = found ? Encoding.UTF8.GetString(bytes) : "";
        consumed = reader.Position;
        return found;
    }
}
