using System.Globalization;

namespace CloudTab.PrintAgent;

/// <summary>Which pages of a document are wanted.</summary>
internal static class PageSelection
{
    /// <summary>The ranges (`1-3,5`, ascending, as the relay keeps them) as far as the document has such pages.</summary>
    /// <returns>Empty if it has none of them.</returns>
    public static string Within(string ranges, int pages)
    {
        var kept = new List<string>();
        foreach (var range in ranges.Split(','))
        {
            var (first, last) = range.Split('-') is [var from, var to] ? (Number(from), Number(to)) : (Number(range), Number(range));
            if (first <= pages)
                kept.Add(string.Create(CultureInfo.InvariantCulture, $"{first}-{Math.Min(last, pages)}"));
        }

        return string.Join(',', kept);
    }

    private static int Number(string text) => int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);
}
