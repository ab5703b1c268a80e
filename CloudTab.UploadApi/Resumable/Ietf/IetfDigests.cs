using System.Security.Cryptography;
using CloudTab.ServiceDefaults;

namespace CloudTab.UploadApi;

/// <summary>
/// Digest fields (RFC 9530): of one request's content (Content-Digest, also as a trailer), and of the whole representation (Repr-Digest).
/// SHA-256 is verified and sent; of other algorithms the RFC says that a recipient "MAY ignore any or all of the digests".
/// </summary>
internal static class IetfDigests
{
    private const string Algorithm = "sha-256";

    /// <summary>Reads what a request's content must hash to.</summary>
    /// <returns>Why it cannot be, or null.</returns>
    public static Problem? ReadContent(HttpRequest request, out BodyChecksum? checksum)
    {
        checksum = BodyChecksum.FromTrailer(request, IetfHeaders.ContentDigest, [BodyChecksum.Sha256], Parse);
        if (!TryRead(request.Headers, IetfHeaders.ContentDigest, out var digest))
            return IetfProblems.InvalidDigest;
        if (digest is not null)
            checksum = BodyChecksum.FromHeader(request, new(BodyChecksum.Sha256, digest));
        return null;
    }

    /// <summary>Reads a digest.</summary>
    /// <returns>False if SHA-256 cannot have this value.</returns>
    public static bool TryRead(IHeaderDictionary headers, string name, out byte[]? digest)
    {
        digest = Find(headers[name].ToString());
        return digest is null or { Length: SHA256.HashSizeInBytes };
    }

    /// <summary>Whether the client would like to see the digest of the representation: a preference of 0 means "not acceptable".</summary>
    public static bool IsRequested(IHeaderDictionary headers) =>
        StructuredFields.Dictionary(headers[IetfHeaders.WantReprDigest].ToString())?.GetValueOrDefault(Algorithm) is > 0L;

    /// <summary>Repr-Digest of a file.</summary>
    public static string Format(byte[] sha256) => $"{Algorithm}=:{Convert.ToBase64String(sha256)}:";

    private static ExpectedChecksum? Parse(string field) => Find(field) is { } digest ? new(BodyChecksum.Sha256, digest) : null;

    private static byte[]? Find(string field) => StructuredFields.Dictionary(field)?.GetValueOrDefault(Algorithm) as byte[];
}
