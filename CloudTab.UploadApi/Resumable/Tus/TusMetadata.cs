using System.Text;
using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>The keys of Upload-Metadata that mean something here. Other keys are kept, and sent back by HEAD.</summary>
/// <param name="FileName">`filename`, the name to display.</param>
/// <param name="FileType">`filetype`, the media type that the client believes in.</param>
/// <param name="Sha256">`sha256`, what the whole content has to hash to: 64 hexadecimal digits, or the 32 bytes themselves.</param>
/// <param name="PrintOptions">`printOptions`, JSON.</param>
internal sealed record TusMetadata(string? FileName, string? FileType, byte[]? Sha256, PrintOptionsChange? PrintOptions)
{
    private const int LongestType = 255;
    private const int HashSize = 32;

    /// <summary>
    /// Reads "one or more comma-separated key-value pairs. The key and value MUST be separated by a space. The key MUST NOT contain
    /// spaces and commas and MUST NOT be empty. The key SHOULD be ASCII encoded and the value MUST be Base64 encoded. All keys MUST be
    /// unique. The value MAY be empty." Here the key must be printable ASCII: no other could be sent back.
    /// </summary>
    public static bool TryRead(string text, out TusMetadata metadata)
    {
        metadata = new(null, null, null, null);
        if (text.Length == 0)
            return true;
        if (!TusHeaders.CanBeSentBack(text))
            return false;
        var values = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var pair in text.Split(','))
        {
            var (key, value) = pair.Trim().Split(' ', 2) is [var before, var behind] ? (before, behind) : (pair.Trim(), "");
            var bytes = new byte[value.Length];
            if (key.Length == 0 || !Convert.TryFromBase64String(value, bytes, out var length) || !values.TryAdd(key, bytes[..length]))
                return false;
        }

        var type = TextOf(values, "filetype");
        if (!TryReadHash(values.GetValueOrDefault("sha256"), out var sha256))
            return false;
        var options = TextOf(values, PrintOptionsChange.Name) is { Length: > 0 } json ? PrintOptionsChange.Parse(json) : null;
        metadata = new(TextOf(values, "filename"), type is { Length: <= LongestType } ? type : null, sha256, options);
        return true;
    }

    private static string? TextOf(Dictionary<string, byte[]> values, string key) =>
        values.TryGetValue(key, out var value) ? Encoding.UTF8.GetString(value).Replace("\0", "", StringComparison.Ordinal) : null;

    private static bool TryReadHash(byte[]? value, out byte[]? hash)
    {
        hash = value is { Length: HashSize } ? value : null;
        if (value is null or { Length: 0 } || hash is not null)
            return true;
        hash = new byte[HashSize];
        return value.Length == 2 * HashSize
            && Convert.FromHexString(Encoding.ASCII.GetString(value), hash, out _, out var written) == System.Buffers.OperationStatus.Done
            && written == HashSize;
    }
}
