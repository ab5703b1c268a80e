using System.Text;

namespace CloudTab.ShopApi;

/// <summary>
/// Names of files in an archive. Unpacked, they lie beside each other, on Windows too, and none replaces another. (Names are stored
/// without path and control characters already; an archive does not rely on that.)
/// </summary>
internal static class ArchiveNames
{
    private const string Unnamed = "file";

    // Most file systems take 255 bytes; a number may be added.
    private const int LongestInUtf8 = 240;
    private const int LongestEnding = 16;

    // https://learn.microsoft.com/windows/win32/fileio/naming-a-file
    private const string Forbidden = "<>:\"/\\|?*";

    private static readonly HashSet<string> Devices = new(
        [
            "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$",
            .. from port in (string[])["COM", "LPT"] from number in "0123456789¹²³" select $"{port}{number}",
        ],
        StringComparer.OrdinalIgnoreCase);

    /// <summary>For each name one that is safe and no other has, in the same order.</summary>
    /// <param name="taken">Names that none may have.</param>
    public static List<string> For(IEnumerable<string> names, params IEnumerable<string> taken)
    {
        var used = new HashSet<string>(taken, StringComparer.OrdinalIgnoreCase);
        var unique = new List<string>();
        foreach (var name in names)
        {
            var (stem, ending) = Safe(name);
            var candidate = stem + ending;
            for (var number = 2; !used.Add(candidate); number++)
                candidate = FormattableString.Invariant($"{stem} ({number}){ending}");
            unique.Add(candidate);
        }

        return unique;
    }

    private static (string Stem, string Ending) Safe(string name)
    {
        // Windows drops dots and blanks at the end; a dot in front hides a file elsewhere.
        var text = string.Concat(name.Select(c => char.IsControl(c) || Forbidden.Contains(c) ? '_' : c)).Trim().TrimEnd('.', ' ').TrimStart('.');
        var ending = Path.GetExtension(text);
        if (Encoding.UTF8.GetByteCount(ending) > LongestEnding)
            ending = "";
        var stem = Cut(text[..^ending.Length], LongestInUtf8 - Encoding.UTF8.GetByteCount(ending)).TrimEnd('.', ' ');
        if (stem.Length == 0)
            stem = Unnamed;
        // A device with any ending is the device.
        return (Devices.Contains(stem.Split('.')[0].TrimEnd()) ? $"_{stem}" : stem, ending);
    }

    private static string Cut(string text, int longest)
    {
        var length = 0;
        var bytes = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            bytes += rune.Utf8SequenceLength;
            if (bytes > longest)
                return text[..length];
            length += rune.Utf16SequenceLength;
        }

        return text;
    }
}
