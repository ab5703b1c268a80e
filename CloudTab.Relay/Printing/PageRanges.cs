using System.Globalization;

namespace CloudTab.Relay;

/// <summary>Pages of a document: ranges that neither overlap nor touch, in ascending order (RFC 8011, section 5.2.7, page-ranges).</summary>
public sealed class PageRanges
{
    private const int MostRanges = 100;
    private const int LastPage = 99_999;

    private readonly List<(int First, int Last)> _ranges;

    private PageRanges(List<(int First, int Last)> ranges) => _ranges = ranges;

    /// <summary>Reads what people write: numbers and ranges with commas between them, in any order, with blanks around them.</summary>
    /// <param name="text">For example `1-3, 5`.</param>
    /// <returns>Null if the text is something else, or names a page beyond 99,999 or more than 100 ranges.</returns>
    public static PageRanges? Parse(string text)
    {
        var parts = text.Split(',', MostRanges + 1);
        if (parts.Length > MostRanges)
            return null;
        var ranges = new List<(int First, int Last)>(parts.Length);
        foreach (var part in parts)
        {
            var (first, last) = part.Split('-', 2) is [var from, var to] ? (NumberOf(from), NumberOf(to)) : (NumberOf(part), NumberOf(part));
            if (first is null || last is null || first > last)
                return null;
            ranges.Add((first.Value, last.Value));
        }

        return new(Merge(ranges));
    }

    /// <summary>Pages in these ranges, of a document that has so many.</summary>
    public int CountUpTo(int pages) => _ranges.Sum(range => Math.Max(0, Math.Min(range.Last, pages) - range.First + 1));

    /// <inheritdoc/>
    public override string ToString() => string.Join(',', _ranges.Select(range => range.First == range.Last
        ? range.First.ToString(CultureInfo.InvariantCulture)
        : FormattableString.Invariant($"{range.First}-{range.Last}")));

    private static int? NumberOf(string text) =>
        int.TryParse(text.Trim(' '), NumberStyles.None, CultureInfo.InvariantCulture, out var page) && page is >= 1 and <= LastPage ? page : null;

    private static List<(int First, int Last)> Merge(List<(int First, int Last)> ranges)
    {
        var merged = new List<(int First, int Last)>(ranges.Count);
        foreach (var range in ranges.Order())
        {
            if (merged is [.., var before] && range.First <= before.Last + 1)
                merged[^1] = (before.First, Math.Max(before.Last, range.Last));
            else
                merged.Add(range);
        }

        return merged;
    }
}
