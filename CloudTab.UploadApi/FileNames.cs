using System.Text;
using Microsoft.Net.Http.Headers;

namespace CloudTab.UploadApi;

/// <summary>
/// The name of an uploaded file, for display only: it never becomes part of a path or a key. (The database normalises it to NFC,
/// see <see cref="CloudTab.Relay.UploadingFiles.BeginAsync"/>.)
/// </summary>
internal static class FileNames
{
    /// <summary>UTF-16 code units that a name may have.</summary>
    public const int Longest = 255;

    private const int LongestEnding = 16;
    private const string Nameless = "file";

    /// <summary>
    /// The name in the header, or null if the part is no file. `filename*` (RFC 8187) wins over `filename`; browsers write `"`, CR
    /// and LF in the latter as %22, %0D and %0A (https://html.spec.whatwg.org/#multipart/form-data-encoding-algorithm), other
    /// clients put a backslash before `"` and `\`.
    /// </summary>
    public static string? Read(ContentDispositionHeaderValue header)
    {
        if (header.FileNameStar is { Length: > 0 } extended)
            return extended.Value;
        if (header.FileName is not { HasValue: true } plain)
            return null;
        return HeaderUtilities.RemoveQuotes(plain).ToString()
            .Replace("\\\\", "\\", StringComparison.Ordinal)
            .Replace("\\\"", "\"", StringComparison.Ordinal)
            .Replace("%22", "\"", StringComparison.Ordinal)
            .Replace("%0D", "\r", StringComparison.OrdinalIgnoreCase)
            .Replace("%0A", "\n", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>The name as it is kept: without path, control characters and overrides of direction; never empty, never too long.</summary>
    public static string Clean(string name)
    {
        var last = name[(name.AsSpan().LastIndexOfAny('/', '\\') + 1)..];
        var cleaned = new StringBuilder(last.Length);
        foreach (var rune in last.EnumerateRunes())
        {
            if (!CustomerName.IsInvisibleControl(rune))
                cleaned.Append(rune);
        }

        var trimmed = cleaned.ToString().Trim();
        return trimmed.All(c => c == '.') ? Nameless : Shorten(trimmed);
    }

    /// <summary>The ending of a name with its dot, in lower case, or empty.</summary>
    public static string EndingOf(string name) => Path.GetExtension(name.TrimEnd('.', ' ')).ToLowerInvariant();

    private static string Shorten(string name)
    {
        if (name.Length <= Longest)
            return name;
        var ending = Path.GetExtension(name) is { Length: <= LongestEnding } found ? found : "";
        var stem = Longest - ending.Length;
        if (char.IsHighSurrogate(name[stem - 1]))
            stem--;
        return name[..stem] + ending;
    }
}
