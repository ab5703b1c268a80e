using System.Globalization;
using System.Text;

namespace CloudTab.Relay;

/// <summary>A name that people give to show it to others, and nothing more: a customer's, a shop's, a key's.</summary>
public static class DisplayName
{
    /// <summary>Characters (Unicode scalar values) that it may have.</summary>
    public const int Longest = 200;

    /// <summary>Makes the name fit to be shown: no control characters, no white space around it; null where nothing is left.</summary>
    /// <returns>Whether it is a name that can be kept: well-formed and not too long.</returns>
    public static bool TryClean(string? text, out string? name)
    {
        name = null;
        if (text is null)
            return true;
        var cleaned = new StringBuilder(text.Length);
        var count = 0;
        for (var rest = text.AsSpan(); !rest.IsEmpty;)
        {
            if (Rune.DecodeFromUtf16(rest, out var rune, out var length) != System.Buffers.OperationStatus.Done || ++count > Longest)
                return false;
            if (!IsInvisibleControl(rune))
                cleaned.Append(rest[..length]);
            rest = rest[length..];
        }

        var trimmed = cleaned.ToString().Trim();
        name = trimmed.Length == 0 ? null : trimmed;
        return true;
    }

    /// <summary>
    /// Control characters, and those that override the direction of what follows: with them `annexe` + U+202E + `fdp.exe` shows as
    /// `annexeexe.pdf` (https://www.unicode.org/reports/tr9/#Explicit_Directional_Overrides).
    /// </summary>
    public static bool IsInvisibleControl(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        || rune.Value is (>= 0x202A and <= 0x202E) or (>= 0x2066 and <= 0x2069);
}
