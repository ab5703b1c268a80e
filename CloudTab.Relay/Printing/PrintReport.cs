using System.Buffers;

namespace CloudTab.Relay;

/// <summary>What an agent, or a person, says of an attempt to print a file.</summary>
/// <param name="Attempt">The agent's own id of the attempt, the same in each report of it.</param>
/// <param name="Printer">The printer's name: 1 to 200 characters.</param>
/// <param name="Options">What the printer was asked for, as far as it differs from the file's print options.</param>
/// <param name="Grade">How sure it is that it is printed; `handed_over` unless said otherwise.</param>
/// <param name="Pages">Pages that the printer has counted.</param>
/// <param name="Copies">Copies that it has counted.</param>
/// <param name="Reasons">What the printer says of its state: keywords of IPP, such as `media-empty`; at most 20.</param>
/// <param name="Again">Why it is printed though it is, or may be, on paper already: 1 to 200 characters.</param>
public sealed record PrintReport(
    Guid? Attempt = null,
    string? Printer = null,
    PrintState? State = null,
    PrintOptionsChange? Options = null,
    PrintGrade? Grade = null,
    int? Pages = null,
    int? Copies = null,
    IReadOnlyList<string>? Reasons = null,
    string? Again = null)
{
    /// <summary>Most pages, or copies, that a report may count.</summary>
    public const int MostPages = 1_000_000;

    /// <summary>The report as it is kept, or what is wrong with it.</summary>
    public (PrintReport? Report, string? Fault) Clean()
    {
        if (Attempt is null)
            return (null, "`attempt` must be a UUID.");
        if (State is not { } state)
            return (null, $"`state` must be one of {string.Join(", ", WireNames.Of<PrintState>())}.");
        if (!DisplayName.TryClean(Printer, out var printer) || printer is null)
            return (null, $"`printer` must be text of 1 to {DisplayName.Longest} characters.");
        if (!DisplayName.TryClean(Again, out var again))
            return (null, $"`again` must be text of at most {DisplayName.Longest} characters.");
        if (Grade is not null && state != PrintState.Printed)
            return (null, "`grade` is for what is printed.");
        if (Pages is < 0 or > MostPages || Copies is < 0 or > MostPages)
            return (null, $"`pages` and `copies` must be whole numbers from 0 to {MostPages}.");
        if (PrinterReasons.FaultOf(Reasons) is { } fault)
            return (null, fault);
        return (this with { Printer = printer, Again = again, Grade = state == PrintState.Printed ? Grade ?? PrintGrade.HandedOver : null, Reasons = Reasons ?? [] }, null);
    }
}

/// <summary>What a printer says of its state: keywords of IPP (RFC 8011, section 5.4.12), which its maker may have extended.</summary>
internal static class PrinterReasons
{
    private const int Most = 20;
    private const int Longest = 80;

    private static readonly SearchValues<char> Characters = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

    public static string? FaultOf(IReadOnlyList<string>? reasons) =>
        reasons is null || reasons.Count <= Most && reasons.All(reason => reason is { Length: > 0 and <= Longest } && reason.AsSpan().IndexOfAnyExcept(Characters) < 0)
            ? null
            : $"`reasons` must be at most {Most} keywords such as media-empty, each of at most {Longest} letters, digits and -_.";
}
