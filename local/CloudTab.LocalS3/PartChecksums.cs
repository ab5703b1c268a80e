using System.Globalization;
using System.Security.Cryptography;
using System.Xml.Linq;

namespace CloudTab.LocalS3;

/// <summary>
/// SHA-256 of parts. S3 computes a checksum of the parts' checksums, so the upload must be begun with the algorithm, each part must be sent
/// with a checksum, and the request to complete must name it again. (CRCs can be combined, and S3 asks for none of this.)
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
/// </summary>
internal static class PartChecksums
{
    private const string Sha256 = Checksum.HeaderPrefix + "sha256";

    /// <summary>The header that the parts of a new upload must have, or null.</summary>
    public static string? Announced(S3Request request) =>
        "sha256".Equals(request.Header("x-amz-checksum-algorithm"), StringComparison.OrdinalIgnoreCase) ? Sha256 : null;

    /// <exception cref="S3Exception">InvalidRequest: the upload was begun with another algorithm than the part comes with.</exception>
    public static void Require(string? expected, string? actual)
    {
        if (expected == actual || expected is null && actual != Sha256)
            return;
        throw new S3Exception(
            S3Error.InvalidRequest,
            $"Checksum Type mismatch occurred, expected checksum Type: {Algorithm(expected)}, actual checksum Type: {Algorithm(actual)}");
    }

    /// <summary>The checksum that a request to complete an upload names for a part; null if none is required.</summary>
    /// <exception cref="S3Exception">InvalidRequest: one is required, and the request has none.</exception>
    public static string? Named(string? expected, int number, XElement part)
    {
        if (expected is null)
            return null;
        return part.Child("ChecksumSHA256") ?? throw new S3Exception(
            S3Error.InvalidRequest,
            "The upload was created using a sha256 checksum. The complete request must include the checksum for each part. "
                + string.Create(CultureInfo.InvariantCulture, $"It was missing for part {number} in the request."));
    }

    /// <summary>The checksum of the parts' checksums, and how many they are; null if the parts have none.</summary>
    public static string? Join(string? name, IReadOnlyList<ObjectFile> parts)
    {
        if (name is null)
            return null;
        byte[] all = [.. parts.SelectMany(part => Convert.FromBase64String(part.Metadata.ChecksumValue!))];
        return string.Create(CultureInfo.InvariantCulture, $"{Convert.ToBase64String(SHA256.HashData(all))}-{parts.Count}");
    }

    private static string Algorithm(string? name) => name?[Checksum.HeaderPrefix.Length..] ?? "null";
}
