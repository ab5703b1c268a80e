using System.Globalization;
using System.Text.RegularExpressions;

namespace CloudTab.PrintAgent;

/// <summary>A paper's size in points, 72 to the inch.</summary>
internal readonly partial record struct PaperSize(float Width, float Height)
{
    private const float PointsPerInch = 72;
    private const float MillimetresPerInch = 25.4f;

    /// <summary>The size that a name such as `iso_a4_210x297mm` says (PWG 5101.1, section 5).</summary>
    /// <exception cref="FormatException">The name says none.</exception>
    public static PaperSize Of(string media)
    {
        var match = Name().Match(media);
        if (!match.Success)
            throw new FormatException($"{media} names no size.");
        var unit = match.Groups["unit"].Value == "in" ? PointsPerInch : PointsPerInch / MillimetresPerInch;
        return new(Number("width") * unit, Number("height") * unit);

        float Number(string group) => float.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex("_(?<width>[0-9.]+)x(?<height>[0-9.]+)(?<unit>mm|in)$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Name();
}
