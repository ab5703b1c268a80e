using System.Security.Cryptography;

namespace CloudTab.LocalS3;

/// <summary>
/// What is computed of a body while it streams by: its MD5, which becomes the ETag, and the checksum in its headers or
/// trailers, if any.
/// </summary>
internal sealed class BodyDigests
{
    private readonly IncrementalHash _md5 = IncrementalHash.CreateHash(HashAlgorithmName.MD5);
    private readonly byte[]? _expectedMd5;
    private readonly Checksum? _checksum;
    private readonly string? _promised;

    /// <exception cref="S3Exception">InvalidDigest, InvalidRequest: a checksum in the headers is malformed, or there is more than one.</exception>
    public BodyDigests(S3Request request)
    {
        request.Http.Response.RegisterForDispose(_md5);
        if (request.Header("Content-MD5") is { } md5 && (_expectedMd5 = FromBase64(md5)) is not { Length: 16 })
            throw new S3Exception(S3Error.InvalidDigest, "The Content-MD5 you specified was invalid.");

        ChecksumName = FindChecksum(request);
        if (ChecksumName is null)
            return;
        _checksum = Checksum.Create(ChecksumName[Checksum.HeaderPrefix.Length..])
            ?? throw new S3Exception(S3Error.InvalidRequest, "The algorithm type you specified in a checksum header is not known");
        _promised = request.Header(ChecksumName);
    }

    /// <summary>MD5 as lower-case hexadecimal digits; set by <see cref="Verify"/>.</summary>
    public string ETag { get; private set; } = "";

    /// <summary>The header that promised a checksum, or null.</summary>
    public string? ChecksumName { get; }

    /// <summary>That checksum in base64; set by <see cref="Verify"/>.</summary>
    public string? ChecksumValue { get; private set; }

    /// <summary>Whether the request has a checksum of its body, besides the signature.</summary>
    public bool IsPromised => _expectedMd5 is not null || ChecksumName is not null;

    public void Append(ReadOnlySpan<byte> bytes)
    {
        _md5.AppendData(bytes);
        _checksum?.Append(bytes);
    }

    /// <exception cref="S3Exception">BadDigest: the body is not what was promised.</exception>
    public void Verify(IReadOnlyDictionary<string, string> trailers)
    {
        var md5 = _md5.GetHashAndReset();
        ETag = Convert.ToHexStringLower(md5);
        if (_expectedMd5 is not null && !md5.AsSpan().SequenceEqual(_expectedMd5))
            throw new S3Exception(S3Error.BadDigest, "The Content-MD5 you specified did not match what we received.");
        if (_checksum is null || ChecksumName is null)
            return;

        ChecksumValue = Convert.ToBase64String(_checksum.Finish());
        if (ChecksumValue != (_promised ?? trailers.GetValueOrDefault(ChecksumName)))
            throw new S3Exception(S3Error.BadDigest, $"The {ChecksumName[Checksum.HeaderPrefix.Length..].ToUpperInvariant()} you specified did not match the calculated checksum.");
    }

    private static string? FindChecksum(S3Request request)
    {
        var names = request.Http.Request.Headers.Keys
            .Concat(request.Header("x-amz-trailer")?.Split(',', StringSplitOptions.TrimEntries) ?? [])
            .Select(name => name.ToLowerInvariant())
            .Where(name => name.StartsWith(Checksum.HeaderPrefix, StringComparison.Ordinal) && name is not ("x-amz-checksum-algorithm" or "x-amz-checksum-mode" or "x-amz-checksum-type"))
            .ToArray();
        return names.Length > 1 ? throw new S3Exception(S3Error.InvalidRequest, "Expecting a single x-amz-checksum- header") : names.FirstOrDefault();
    }

    private static byte[]? FromBase64(string text)
    {
        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out var length) ? bytes[..length] : null;
    }
}
