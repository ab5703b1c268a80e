namespace CloudTab.Pages;

/// <summary>What becomes of a file at the printer, in words; scripts/shop/format.ts says the same.</summary>
public static class PrintWords
{
    // Of a reason, IPP's ending says how bad it is (RFC 8011, section 5.4.12).
    private static readonly string[] Endings = ["-error", "-warning", "-report"];

    /// <summary>In one line: `Being printed · The printer is out of paper.`</summary>
    /// <param name="page">Whose words: `page` is the customer's, `shop` the shop's.</param>
    /// <param name="state">`sent`, `printing`, `printed`, `failed` or `unknown`.</param>
    /// <param name="grade">Of what is printed: `handed_over`, `printer_finished` or `confirmed`.</param>
    /// <param name="reasons">Keywords of IPP, as the printer says them.</param>
    public static string DescribePrint(this Words words, string page, string state, string? grade, IEnumerable<string> reasons) => state switch
    {
        "unknown" => words[$"{page}.print.unknown"],
        "printed" when grade == "handed_over" => words["common.print.handed_over"],
        "printed" when grade == "confirmed" => words[$"{page}.print.confirmed"],
        not "printed" when words.PrinterTrouble(reasons) is { } trouble => $"{words[$"common.print.{state}"]} · {trouble}",
        _ => words[$"common.print.{state}"],
    };

    /// <summary>The first of the reasons that there are words for.</summary>
    public static string? PrinterTrouble(this Words words, IEnumerable<string> reasons) => reasons
        .Select(reason => words.Find($"common.printer.{Endings.Aggregate(reason, (text, ending) => text.EndsWith(ending, StringComparison.Ordinal) ? text[..^ending.Length] : text)}"))
        .FirstOrDefault(text => text is not null);
}
