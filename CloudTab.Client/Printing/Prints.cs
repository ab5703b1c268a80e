using System.Text.Json.Serialization;

namespace CloudTab.Client;

/// <summary>What a program that prints says of an attempt to print a file.</summary>
/// <param name="Attempt">The program's own id of the attempt, the same in each report of it.</param>
/// <param name="Printer">The printer's name: 1 to 200 characters.</param>
/// <param name="State">One of <see cref="PrintStates"/>.</param>
/// <param name="Options">What the printer was asked for, as far as it differs from the file's print options.</param>
/// <param name="Grade">One of <see cref="PrintGrades"/>, of what is printed; null is <see cref="PrintGrades.HandedOver"/>.</param>
/// <param name="Pages">Pages that the printer has counted; null: what was reported before stays.</param>
/// <param name="Copies">Copies that it has counted; null: what was reported before stays.</param>
/// <param name="Reasons">What the printer says of its state: at most 20 keywords of IPP, such as `media-empty`.</param>
/// <param name="Again">Why it is printed though it is, or may be, on paper already: 1 to 200 characters.</param>
public sealed record PrintReport(
    Guid Attempt,
    string Printer,
    string State,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] PrintOptionsChange? Options = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Grade = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Pages = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Copies = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<string>? Reasons = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Again = null);

/// <summary>An attempt to print a file, as it was last reported.</summary>
/// <param name="Attempt">The id that the program that prints gave it.</param>
/// <param name="Printer">The printer's name.</param>
/// <param name="Options">What the printer was asked for.</param>
/// <param name="State">One of <see cref="PrintStates"/>.</param>
/// <param name="Grade">One of <see cref="PrintGrades"/>; null if it is not printed.</param>
/// <param name="Pages">Pages that the printer has counted.</param>
/// <param name="Copies">Copies that it has counted.</param>
/// <param name="Reasons">What the printer says of its state: keywords of IPP, such as `media-empty`.</param>
/// <param name="Again">Why it was printed once more; null if it was the first attempt, or the one before failed.</param>
/// <param name="GivenBack">Why a person took it away from the program that prints; null if nobody did.</param>
/// <param name="At">When that was reported.</param>
public sealed record Print(
    Guid Attempt,
    string Printer,
    PrintOptions Options,
    string State,
    string? Grade,
    int? Pages,
    int? Copies,
    IReadOnlyList<string> Reasons,
    string? Again,
    string? GivenBack,
    DateTimeOffset At);

/// <summary>What is shown of the newest attempt to print a file.</summary>
/// <param name="State">One of <see cref="PrintStates"/>.</param>
/// <param name="Grade">One of <see cref="PrintGrades"/>; null if it is not printed.</param>
/// <param name="Reasons">What the printer says of its state: keywords of IPP, such as `media-empty`.</param>
/// <param name="At">When that was reported.</param>
public sealed record FilePrint(string State, string? Grade, IReadOnlyList<string> Reasons, DateTimeOffset At);

/// <summary>How far an attempt is. It goes forward only; of an unknown one somebody may still find out what became of it.</summary>
public static class PrintStates
{
    /// <summary>The printer is given the document.</summary>
    public const string Sent = "sent";

    /// <summary>The printer works on it.</summary>
    public const string Printing = "printing";

    /// <summary>It is printed, as sure as its grade says.</summary>
    public const string Printed = "printed";

    /// <summary>It was not printed.</summary>
    public const string Failed = "failed";

    /// <summary>Nobody can tell: it may be on paper, or in part.</summary>
    public const string Unknown = "unknown";
}

/// <summary>How sure it is that a file is printed.</summary>
public static class PrintGrades
{
    /// <summary>The printer or a spooler has taken it.</summary>
    public const string HandedOver = "handed_over";

    /// <summary>The printer says that it has finished.</summary>
    public const string PrinterFinished = "printer_finished";

    /// <summary>A person has seen it.</summary>
    public const string Confirmed = "confirmed";
}

internal sealed record PrintAnswer(Print Print);

internal sealed record PrintsAnswer(IReadOnlyList<Print> Prints);
