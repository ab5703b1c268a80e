using System.Globalization;
using System.Xml.Linq;

namespace CloudTab.LocalS3;

/// <summary>
/// SHA-1 and SHA-256 of parts: S3 makes a checksum of the parts' checksums out of them, so that an upload has to be begun with the
/// algorithm, each part be sent with it, and be named with it at the end. (CRCs of parts can be added up, and S3 asks for none of this.)
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
/// </summary>
internal static class PartChecksums
{
    private static readonly string[] Names = [Checksum.HeaderPrefix + "sha1", Checksum.HeaderPrefix + "sha256"];

    /// <summary>The header that the parts of a new upload must have, or null.</summary>
    public static string? Announced(S3Request request) =>
        Array.Find(Names, name => name.Equals(Checksum.HeaderPrefix + request.Header("x-amz-checksum-algorithm"), StringComparison.OrdinalIgnoreCase));

    /// <exception cref="S3Exception">InvalidRequest: the upload was begun with another algorithm than the part comes with.</exception>
    public static void Require(string? expected, string? actual)
    {
        if (expected == actual || expected is null && !Names.Contains(actual, StringComparer.Ordinal))
            return;
        throw new S3Exception(
            S3Error.InvalidRequest,
            $"Checksum Type mismatch occurred, expected checksum Type: {Algorithm(expected)}, actual checksum Type: {Algorithm(actual)}");
    }

    /// <summary>The checksum that a request to complete an upload names for a part; null where it need not.</summary>
    /// <exception cref="S3Exception">InvalidRequest: it must, and does not.</exception>
    public static string? Named(string? expected, int number, XElement part)
    {
        if (expected is null)
            return null;
        return part.Child("Checksum" + Algorithm(expected).ToUpperInvariant()) ?? throw new S3Exception(
            S3Error.InvalidRequest,
            $"The upload was created using a {Algorithm(expected)} checksum. The complete request must include the checksum for each part. "
                + string.Create(CultureInfo.InvariantCulture, $"It was missing for part {number} in the request."));
    }

    /// <summary>The checksum of the parts' checksums, and how many they are; null where the parts have none.</summary>
    public static string? Join(string? name, IReadOnlyList<ObjectFile> parts)
    {
        if (name is null || Checksum.Create(Algorithm(name)) is not { } whole)
            return null;
        foreach (var part in parts)
            whole.Append(Convert.FromBase64String(part.Metadata.ChecksumValue!));
        return string.Create(CultureInfo.InvariantCulture, $"{Convert.ToBase64String(whole.Finish())}-{parts.Count}");
    }

    private static string Algorithm(string? name) => name?[Checksum.HeaderPrefix.Length..] ?? "null";
}
