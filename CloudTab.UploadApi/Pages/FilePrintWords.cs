using CloudTab.Pages;
using CloudTab.Relay;

namespace CloudTab.UploadApi.Pages;

/// <summary>What becomes of a file at the printer, in a customer's words.</summary>
internal static class FilePrintWords
{
    /// <summary>In one line: `Being printed · The printer is out of paper.`</summary>
    public static string Describe(this Words words, FilePrint print) =>
        words.DescribePrint("page", WireNames.Of(print.State), print.Grade is { } grade ? WireNames.Of(grade) : null, print.Reasons);

    /// <summary>Whether that is good, or something that the customer should ask about: a class of the page's styles.</summary>
    public static string ClassOf(FilePrint print) => print.State switch
    {
        PrintState.Printed => print.Grade == PrintGrade.HandedOver ? "note" : "good",
        PrintState.Failed or PrintState.Unknown => "problem",
        _ => "note",
    };
}
