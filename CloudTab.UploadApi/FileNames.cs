using System.Text;
using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>
/// The name of an uploaded file, for display only: it never becomes part of a path or a key. (The database normalises it to NFC,
/// see <see cref="UploadingFiles.BeginAsync"/>.)
/// </summary>
internal static class FileNames
{
    /// <summary>UTF-16 code units that a name may have.</summary>
    public const int Longest = 255;

    private const int LongestEnding = 16;
    private const string Nameless = "file";

    /// <summary>The name as it is kept: without path, control characters and overrides of direction; never empty, never too long.</summary>
    public static string Clean(string name)
    {
        var last = name[(name.AsSpan().LastIndexOfAny('/', '\\') + 1)..];
        var cleaned = new StringBuilder(last.Length);
        foreach (var rune in last.EnumerateRunes())
        {
            if (!DisplayName.IsInvisibleControl(rune))
                cleaned.Append(rune);
        }

        var trimmed = cleaned.ToString().Trim();
        return trimmed.All(c => c == '.') ? Nameless : Shorten(trimmed);
    }

    /// <summary>
    /// The name under which a file of a type is shown and served. Systems choose a program by the ending: one that is not the type's
    /// gets the type's appended, so that nothing comes down under the name of a program. Windows ignores dots and blanks at the end.
    /// </summary>
    public static string For(string name, string type)
    {
        var endings = MediaTypes.Endings[type];
        var trimmed = name.TrimEnd('.', ' ');
        return endings.Contains(Path.GetExtension(trimmed), StringComparer.OrdinalIgnoreCase) ? trimmed : Shorten(trimmed + endings[0]);
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
