using System.Text.Json;
using System.Text.Json.Serialization;

namespace CloudTab.Client;

/// <summary>
/// How a file is to be printed. Names and values are those of IPP (RFC 8011). Values are text, here and wherever the relay may learn new
/// ones: an older client still reads them.
/// </summary>
/// <param name="Copies">1 to 99.</param>
/// <param name="ColorMode">One of <see cref="ColorModes"/>.</param>
/// <param name="Sides">One of <see cref="Client.Sides"/>.</param>
/// <param name="PageRanges">Pages of the document such as `1-3,5`, ascending; null: all of them.</param>
/// <param name="Media">One of <see cref="MediaNames"/>.</param>
/// <param name="Scaling">One of <see cref="Scalings"/>.</param>
/// <param name="NumberUp">Pages on one side of a sheet; null: one. A single page is repeated as often.</param>
public sealed record PrintOptions(int Copies, string ColorMode, string Sides, string? PageRanges, string Media, string Scaling, int? NumberUp = null);

/// <summary>What is to be different from the options that hold otherwise (RFC 7396). What is null stays.</summary>
public sealed record PrintOptionsChange
{
    /// <summary>As <see cref="PageRanges"/>: all pages again.</summary>
    public const string AllPages = "";

    /// <summary>1 to 99.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Copies { get; init; }

    /// <summary>One of <see cref="ColorModes"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? ColorMode { get; init; }

    /// <summary>One of <see cref="Client.Sides"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Sides { get; init; }

    /// <summary>Pages such as `1-3,5`, at most 100 ranges in any order, or <see cref="AllPages"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    [JsonConverter(typeof(AllPagesAsNull))]
    public string? PageRanges { get; init; }

    /// <summary>One of <see cref="MediaNames"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Media { get; init; }

    /// <summary>One of <see cref="Scalings"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Scaling { get; init; }

    /// <summary>Pages on one side of a sheet: 1, 2 or 4.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? NumberUp { get; init; }

    /// <summary>The change as the relay reads it: in a form's field, or in the metadata of an upload.</summary>
    internal string ToJson() => JsonSerializer.Serialize(this, JsonContext.Default.PrintOptionsChange);
}

/// <summary>In a merge patch, null takes the value that holds if nobody says otherwise.</summary>
internal sealed class AllPagesAsNull : JsonConverter<string>
{
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetString();

    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options)
    {
        if (value == PrintOptionsChange.AllPages)
            writer.WriteNullValue();
        else
            writer.WriteStringValue(value);
    }
}

/// <summary>IPP's print-color-mode.</summary>
public static class ColorModes
{
    /// <summary>Black and white.</summary>
    public const string Monochrome = "monochrome";

    /// <summary>Colour.</summary>
    public const string Color = "color";
}

/// <summary>IPP's sides.</summary>
public static class Sides
{
    /// <summary>One side of each sheet.</summary>
    public const string OneSided = "one-sided";

    /// <summary>Both sides, turned like a book's pages.</summary>
    public const string TwoSidedLongEdge = "two-sided-long-edge";

    /// <summary>Both sides, turned like a calendar's pages.</summary>
    public const string TwoSidedShortEdge = "two-sided-short-edge";
}

/// <summary>Papers.</summary>
public static class MediaNames
{
    /// <summary>ISO A4.</summary>
    public const string A4 = "a4";

    /// <summary>ISO A3.</summary>
    public const string A3 = "a3";

    /// <summary>North American letter.</summary>
    public const string Letter = "letter";

    /// <summary>Photo paper, of the size that the shop has.</summary>
    public const string Photo = "photo";
}

/// <summary>IPP's print-scaling.</summary>
public static class Scalings
{
    /// <summary>As large as the paper allows.</summary>
    public const string Fit = "fit";

    /// <summary>As large as the document says.</summary>
    public const string None = "none";
}
