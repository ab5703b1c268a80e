using System.Text.Json;
using System.Text.Json.Serialization;

namespace CloudTab.Relay;

/// <summary>The print agents of shops, as they last said of themselves. Each has a key of its own.</summary>
public sealed class Agents(Database database, TimeProvider clock)
{
    /// <summary>How long after its last sign of life an agent counts as online; it gives one every 30 seconds.</summary>
    public static readonly TimeSpan OnlineLimit = TimeSpan.FromSeconds(90);

    /// <summary>How long after that it is forgotten.</summary>
    public static readonly TimeSpan Retention = TimeSpan.FromDays(7);

    /// <summary>An agent's sign of life.</summary>
    /// <param name="report">As <see cref="AgentReport.Clean"/> has made it.</param>
    /// <returns>Whether its key is valid.</returns>
    public async Task<bool> ReportAsync(ShopKey key, AgentReport report, CancellationToken cancellationToken)
    {
        const string sql = """
            INSERT INTO agents (key_id, name, version, printers, auto_print, seen_at)
            SELECT @Id, @Name, @Version, @printers::jsonb, @autoPrint, @now WHERE key_is_valid(@Id)
            ON CONFLICT (key_id) DO UPDATE
            SET name = excluded.name, version = excluded.version, printers = excluded.printers, auto_print = excluded.auto_print,
                seen_at = greatest(agents.seen_at, excluded.seen_at)
            """;
        var printers = JsonSerializer.Serialize(report.Printers!, PrintingContext.Default.IReadOnlyListAgentPrinter);
        return await database.ExecuteAsync(sql, new { key.Id, report.Name, report.Version, printers, autoPrint = WireNames.Of(report.AutoPrint), now = clock.Now().UtcDateTime }, cancellationToken) == 1;
    }

    /// <summary>The agents of a shop, by the names of their keys, unless they were silent for <see cref="Retention"/>.</summary>
    public Task<List<ListedAgent>> ListAsync(string shop, CancellationToken cancellationToken)
    {
        const string sql = """
            SELECT agents.name, api_keys.name AS KeyName, agents.version, agents.seen_at AS SeenAt, agents.seen_at > @onlineAfter AS Online, agents.printers,
                   agents.auto_print AS AutoPrint
            FROM agents JOIN api_keys ON api_keys.id = agents.key_id
            WHERE api_keys.shop_id = @shop AND api_keys.revoked_at IS NULL AND agents.seen_at > @seenAfter
            ORDER BY api_keys.name, agents.key_id
            """;
        var now = clock.Now().UtcDateTime;
        return database.QueryAsync<ListedAgent>(sql, new { shop, onlineAfter = now - OnlineLimit, seenAfter = now - Retention }, cancellationToken);
    }
}

/// <summary>A shop's print agent.</summary>
/// <param name="Name">What it calls itself, e.g. its PC's name.</param>
/// <param name="KeyName">The name of its key.</param>
/// <param name="SeenAt">Its last sign of life.</param>
/// <param name="Online">Whether that was within 90 seconds.</param>
/// <param name="AutoPrint">Which jobs it prints without being asked for.</param>
public sealed record ListedAgent(string Name, string KeyName, string Version, DateTime SeenAt, bool Online, IReadOnlyList<AgentPrinter> Printers, AutoPrint AutoPrint);

/// <summary>What an agent says of itself.</summary>
/// <param name="Name">1 to 200 characters.</param>
/// <param name="Version">1 to 200 characters.</param>
/// <param name="Printers">At most 100.</param>
/// <param name="AutoPrint">Which jobs it prints without being asked for; `all` unless said otherwise.</param>
public sealed record AgentReport(string? Name = null, string? Version = null, IReadOnlyList<AgentPrinter>? Printers = null, AutoPrint AutoPrint = AutoPrint.All)
{
    private const int MostPrinters = 100;
    private const int MostValues = 500;
    private const int LongestUri = 1_000;

    /// <summary>The report as it is kept, or what is wrong with it.</summary>
    public (AgentReport? Report, string? Fault) Clean()
    {
        if (!DisplayName.TryClean(Name, out var name) || name is null || !DisplayName.TryClean(Version, out var version) || version is null)
            return (null, $"`name` and `version` must be text of 1 to {DisplayName.Longest} characters.");
        if (Printers is null || Printers.Count > MostPrinters)
            return (null, $"`printers` must be a list of at most {MostPrinters}.");
        var printers = new List<AgentPrinter>();
        foreach (var printer in Printers)
        {
            if (printer is null || !DisplayName.TryClean(printer.Name, out var printerName) || printerName is null)
                return (null, $"A printer's `name` must be text of 1 to {DisplayName.Longest} characters.");
            if (printer.State is null)
                return (null, $"A printer's `state` must be one of {string.Join(", ", WireNames.Of<PrinterState>())}.");
            if (PrinterReasons.FaultOf(printer.Reasons) is { } fault)
                return (null, fault);
            if (printer.Uri is { Length: > LongestUri } || !IsShort(printer.Formats) || !IsShort(printer.Media))
                return (null, $"A printer's `uri` has at most {LongestUri} characters, its `formats` and `media` at most {MostValues} texts of {DisplayName.Longest}.");
            printers.Add(printer with { Name = printerName, Reasons = printer.Reasons ?? [], Formats = printer.Formats ?? [], Media = printer.Media ?? [] });
        }

        return (new(name, version, printers, AutoPrint), null);
    }

    private static bool IsShort(IReadOnlyList<string>? values) =>
        values is null || values.Count <= MostValues && values.All(value => value is not null && DisplayName.TryClean(value, out var clean) && clean == value);
}

/// <summary>A printer as its agent describes it.</summary>
/// <param name="Uri">Where the agent finds it.</param>
/// <param name="Reasons">What it says of its state: keywords of IPP, such as `media-empty`; at most 20.</param>
/// <param name="Formats">Media types of documents that it takes.</param>
/// <param name="Color">Whether it prints in colour.</param>
/// <param name="TwoSided">Whether it prints on both sides.</param>
/// <param name="Media">Papers, by their names in IPP.</param>
public sealed record AgentPrinter(
    string? Name = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Uri = null,
    PrinterState? State = null,
    IReadOnlyList<string>? Reasons = null,
    IReadOnlyList<string>? Formats = null,
    bool Color = false,
    bool TwoSided = false,
    IReadOnlyList<string>? Media = null);

/// <summary>IPP's printer-state, and that the agent does not reach the printer.</summary>
[JsonConverter(typeof(WireNameConverter<PrinterState>))]
public enum PrinterState
{
    /// <summary>It waits for a job.</summary>
    [JsonStringEnumMemberName("idle")]
    Idle,

    /// <summary>It prints.</summary>
    [JsonStringEnumMemberName("processing")]
    Processing,

    /// <summary>It needs somebody: paper, toner, a jam.</summary>
    [JsonStringEnumMemberName("stopped")]
    Stopped,

    /// <summary>The agent does not reach it.</summary>
    [JsonStringEnumMemberName("offline")]
    Offline,
}

/// <summary>Which jobs a print agent prints without being asked for.</summary>
[JsonConverter(typeof(WireNameConverter<AutoPrint>))]
public enum AutoPrint
{
    /// <summary>As they come.</summary>
    [JsonStringEnumMemberName("all")]
    All,

    /// <summary>When the counter has marked all that they cost as paid.</summary>
    [JsonStringEnumMemberName("paid")]
    Paid,

    /// <summary>None: each waits until somebody releases it at the agent's PC.</summary>
    [JsonStringEnumMemberName("none")]
    None,
}
