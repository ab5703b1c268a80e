using System.Text.Json;
using System.Text.Json.Serialization;

namespace CloudTab.Relay;

/// <summary>
/// How a file is to be printed. Names and values are those of IPP (RFC 8011, section 5.2; print-color-mode and print-scaling are the PWG's
/// extensions to it), but for the short names of the usual papers.
/// </summary>
/// <param name="Copies">1 to 99.</param>
/// <param name="ColorMode">`monochrome` or `color`.</param>
/// <param name="Sides">`one-sided`, `two-sided-long-edge` or `two-sided-short-edge`.</param>
/// <param name="PageRanges">Pages of the document, such as `1-3,5`, in ascending order; null: all of them.</param>
/// <param name="Media">The paper: `a4`, `a3`, `letter` or `photo`.</param>
/// <param name="Scaling">`fit`: as large as the paper allows; `none`: as large as the document says.</param>
/// <param name="NumberUp">Pages on one side of a sheet, 2 or 4; not there if it is one. A single page is repeated as often.</param>
public sealed record PrintOptions(
    int Copies, ColorMode ColorMode, Sides Sides, string? PageRanges, Media Media, Scaling Scaling,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? NumberUp = null)
{
    /// <summary>Most copies of a file.</summary>
    public const int MostCopies = 99;

    // More than any document that is printed; what is more is a mistake, or meant to make sums overflow.
    private const int MostPages = 1_000_000;

    /// <summary>What holds if nobody says otherwise: one black and white copy of all pages, on one side of A4.</summary>
    public static PrintOptions Default { get; } = new(1, ColorMode.Monochrome, Sides.OneSided, null, Media.A4, Scaling.Fit);

    /// <summary>Printed sides of sheets that come out of the printer, those of all copies; null if the document's pages are not known.</summary>
    /// <param name="type">Media type of the file.</param>
    /// <param name="counted">Pages of the document, if they were counted.</param>
    public long? PrintedPages(string type, int? counted)
    {
        if (PagesOf(type, counted) is not (>= 0 and <= MostPages and var pages))
            return null;
        var wanted = PageRanges is null ? pages : Relay.PageRanges.Parse(PageRanges)!.CountUpTo(pages);
        return (long)(wanted + (NumberUp ?? 1) - 1) / (NumberUp ?? 1) * Copies;
    }

    /// <summary>The options as they are stored.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, PrintingContext.Default.PrintOptions);

    // A picture is one page. A TIFF may hold many (faxes do), and how many pages a text or an office document has depends on who prints it.
    private static int? PagesOf(string type, int? counted) => type switch
    {
        "image/jpeg" or "image/png" or "image/webp" or "image/heic" or "image/heif" => 1,
        _ => counted,
    };
}

/// <summary>IPP's print-color-mode.</summary>
[JsonConverter(typeof(WireNameConverter<ColorMode>))]
public enum ColorMode
{
    /// <summary>Black and white.</summary>
    [JsonStringEnumMemberName("monochrome")]
    Monochrome,

    /// <summary>Colour.</summary>
    [JsonStringEnumMemberName("color")]
    Color,
}

/// <summary>IPP's sides.</summary>
[JsonConverter(typeof(WireNameConverter<Sides>))]
public enum Sides
{
    /// <summary>One side of each sheet.</summary>
    [JsonStringEnumMemberName("one-sided")]
    OneSided,

    /// <summary>Both sides, turned like a book's pages.</summary>
    [JsonStringEnumMemberName("two-sided-long-edge")]
    TwoSidedLongEdge,

    /// <summary>Both sides, turned like a calendar's pages.</summary>
    [JsonStringEnumMemberName("two-sided-short-edge")]
    TwoSidedShortEdge,
}

/// <summary>Papers that a shop can offer.</summary>
[JsonConverter(typeof(WireNameConverter<Media>))]
public enum Media
{
    /// <summary>ISO A4.</summary>
    [JsonStringEnumMemberName("a4")]
    A4,

    /// <summary>ISO A3.</summary>
    [JsonStringEnumMemberName("a3")]
    A3,

    /// <summary>North American letter.</summary>
    [JsonStringEnumMemberName("letter")]
    Letter,

    /// <summary>Photo paper, of the size that the shop has.</summary>
    [JsonStringEnumMemberName("photo")]
    Photo,
}

/// <summary>IPP's print-scaling.</summary>
[JsonConverter(typeof(WireNameConverter<Scaling>))]
public enum Scaling
{
    /// <summary>As large as the paper allows.</summary>
    [JsonStringEnumMemberName("fit")]
    Fit,

    /// <summary>As large as the document says.</summary>
    [JsonStringEnumMemberName("none")]
    None,
}
