using CloudTab.Pages;
using CloudTab.Relay;

namespace CloudTab.UploadApi.Pages;

/// <summary>What becomes of a file at the printer, in words.</summary>
internal static class PrintWords
{
    // Of a reason, IPP's ending says how bad it is (RFC 8011, section 5.4.12).
    private static readonly string[] Endings = ["-error", "-warning", "-report"];

    /// <summary>In one line: `Being printed · The printer is out of paper.`</summary>
    public static string Describe(this Words words, FilePrint print) => print.State switch
    {
        PrintState.Unknown => words["page.print.unknown"],
        PrintState.Printed when print.Grade == PrintGrade.HandedOver => words["common.print.handed_over"],
        PrintState.Printed when print.Grade == PrintGrade.Confirmed => words["page.print.confirmed"],
        not PrintState.Printed when Trouble(words, print) is { } trouble => $"{words[$"common.print.{WireNames.Of(print.State)}"]} · {trouble}",
        _ => words[$"common.print.{WireNames.Of(print.State)}"],
    };

    /// <summary>Whether that is good, or something that the customer should ask about: a class of the page's styles.</summary>
    public static string ClassOf(FilePrint print) => print.State switch
    {
        PrintState.Printed => print.Grade == PrintGrade.HandedOver ? "note" : "good",
        PrintState.Failed or PrintState.Unknown => "problem",
        _ => "note",
    };

    private static string? Trouble(Words words, FilePrint print) => print.Reasons
        .Select(reason => words.Find($"common.printer.{Endings.Aggregate(reason, (text, ending) => text.EndsWith(ending, StringComparison.Ordinal) ? text[..^ending.Length] : text)}"))
        .FirstOrDefault(text => text is not null);
}
