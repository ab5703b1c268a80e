using CloudTab.Pages;
using CloudTab.Relay;

namespace CloudTab.UploadApi.Pages;

/// <summary>Print options in words.</summary>
internal static class OptionWords
{
    /// <summary>In one line: `2 copies · Colour · A4`.</summary>
    public static string Describe(this Words words, PrintOptions options)
    {
        List<string> parts =
        [
            words.Count("common.copies", options.Copies),
            words[$"common.colorMode.{WireNames.Of(options.ColorMode)}"],
            words[$"common.media.{WireNames.Of(options.Media)}"],
        ];
        if (options.Sides != Sides.OneSided)
            parts.Add(words[$"common.sides.{WireNames.Of(options.Sides)}"]);
        if (options.PageRanges is { } ranges)
            parts.Add(words["common.pageRanges", ("ranges", ranges)]);
        if (options.NumberUp is { } pages)
            parts.Add(words["common.perSheet", ("count", pages)]);
        return string.Join(" · ", parts);
    }
}
