using System.Text.Json.Serialization;

namespace CloudTab.Client;

/// <summary>What a print agent says of itself, every 30 s. One key is one agent.</summary>
/// <param name="Name">What it calls itself, such as its PC's name: 1 to 200 characters.</param>
/// <param name="Version">1 to 200 characters.</param>
/// <param name="Printers">At most 100.</param>
/// <param name="AutoPrint">Which jobs it prints without being asked for: one of <see cref="AutoPrints"/>.</param>
public sealed record AgentReport(string Name, string Version, IReadOnlyList<AgentPrinter> Printers, string AutoPrint = AutoPrints.All);

/// <summary>A printer as its agent describes it.</summary>
/// <param name="Name">1 to 200 characters.</param>
/// <param name="State">One of <see cref="PrinterStates"/>.</param>
/// <param name="Reasons">What it says of its state: at most 20 keywords of IPP, such as `media-empty`.</param>
/// <param name="Formats">Media types of documents that it takes.</param>
/// <param name="Color">Whether it prints in colour.</param>
/// <param name="TwoSided">Whether it prints on both sides.</param>
/// <param name="Media">Papers, by their names in IPP, such as `iso_a4_210x297mm`.</param>
/// <param name="Uri">Where the agent finds it.</param>
public sealed record AgentPrinter(
    string Name,
    string State,
    IReadOnlyList<string> Reasons,
    IReadOnlyList<string> Formats,
    bool Color,
    bool TwoSided,
    IReadOnlyList<string> Media,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Uri = null);

/// <summary>A shop's print agent.</summary>
/// <param name="Name">What it calls itself.</param>
/// <param name="KeyName">Name of its key.</param>
/// <param name="SeenAt">Its last sign of life.</param>
/// <param name="Online">Whether that was within 90 s.</param>
/// <param name="AutoPrint">Which jobs it prints without being asked for: one of <see cref="AutoPrints"/>.</param>
public sealed record Agent(
    string Name, string KeyName, string Version, DateTimeOffset SeenAt, bool Online, IReadOnlyList<AgentPrinter> Printers, string AutoPrint = AutoPrints.All);

/// <summary>IPP's printer-state, and that the agent does not reach the printer.</summary>
public static class PrinterStates
{
    /// <summary>It waits for a job.</summary>
    public const string Idle = "idle";

    /// <summary>It prints.</summary>
    public const string Processing = "processing";

    /// <summary>It needs somebody: paper, toner, a jam.</summary>
    public const string Stopped = "stopped";

    /// <summary>The agent does not reach it.</summary>
    public const string Offline = "offline";
}

/// <summary>Which jobs a print agent prints without being asked for.</summary>
public static class AutoPrints
{
    /// <summary>As they come.</summary>
    public const string All = "all";

    /// <summary>When the counter has marked all that they cost as paid.</summary>
    public const string Paid = "paid";

    /// <summary>None: each waits until somebody releases it at the agent's PC.</summary>
    public const string None = "none";
}

internal sealed record AgentsAnswer(IReadOnlyList<Agent> Agents);
