using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace CloudTab.PrintAgent;

/// <summary>Tells the relay, and through it the counter and the customer, what becomes of attempts.</summary>
internal sealed class PrintReports(IHttpClientFactory http, ShopPrinters printers, TimeProvider clock, ILogger<PrintReports> logger)
{
    /// <summary>Name of the HTTP client, whose address and key are those of the relay.</summary>
    public const string Client = "relay";

    public const string Sent = "sent";
    public const string Printing = "printing";

    private const int MostReasons = 20;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    /// <summary>Reports an attempt that goes on.</summary>
    /// <param name="mustAnswer">Whether to wait for a relay that cannot be reached; otherwise the report is left out.</param>
    /// <returns>Whether the session is still this agent's, as far as that is known.</returns>
    public async Task<bool> TryAsync(Attempt attempt, string state, IReadOnlyList<string> reasons, bool mustAnswer, CancellationToken cancellationToken)
    {
        var report = ReportOf(attempt, state, reasons);
        while (true)
        {
            if (await SendAsync(attempt, report, cancellationToken) is { } accepted)
                return accepted;
            if (!mustAnswer)
                return true;
            await Task.Delay(Pause, clock, cancellationToken);
        }
    }

    /// <summary>Reports the outcome, until the relay has answered.</summary>
    public Task FinalAsync(Attempt attempt, CancellationToken cancellationToken)
    {
        var state = attempt.Outcome switch { Outcome.Done => "printed", Outcome.Aborted => "failed", _ => "unknown" };
        return TryAsync(attempt, state, attempt.Reasons.Split(',', StringSplitOptions.RemoveEmptyEntries), mustAnswer: true, cancellationToken);
    }

    private PrintReport ReportOf(Attempt attempt, string state, IReadOnlyList<string> reasons) => new(
        attempt.Id,
        printers.Find(attempt.Printer)?.Description?.Name is { Length: > 0 } name ? name : attempt.Printer is { Length: > 0 } address ? address : "none",
        state,
        attempt.Outcome == Outcome.Done ? attempt.Grade : null,
        attempt.Pages,
        attempt.Outcome == Outcome.Done ? attempt.Copies : null,
        [.. reasons.Where(IsKeyword).Take(MostReasons)],
        attempt.Again);

    /// <returns>Whether the relay took the report, or null if it did not answer.</returns>
    private async Task<bool?> SendAsync(Attempt attempt, PrintReport report, CancellationToken cancellationToken)
    {
        try
        {
            using var client = http.CreateClient(Client);
            using var answer = await client.PostAsJsonAsync($"/api/shopkeeper/files/{attempt.File}/prints", report, ReportContext.Default.PrintReport, cancellationToken);
            if (answer.IsSuccessStatusCode)
                return true;
            if (answer.StatusCode is HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError)
                return null;
            logger.ReportRefused(attempt.Id, answer.StatusCode.ToString());
            return false;
        }
        catch (Exception away) when (away is HttpRequestException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    private static bool IsKeyword(string reason) =>
        reason.Length is > 0 and <= 80 && reason.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.');
}

/// <summary>A report as the relay reads it.</summary>
internal sealed record PrintReport(
    Guid Attempt, string Printer, string State, string? Grade, int? Pages, int? Copies, IReadOnlyList<string> Reasons, string? Again);

/// <summary>A sign of life as the relay reads it.</summary>
internal sealed record AgentReport(string Name, string Version, IReadOnlyList<PrinterReport> Printers);

/// <summary>A printer as the relay shows it.</summary>
internal sealed record PrinterReport(
    string Name, string Uri, string State, IReadOnlyList<string> Reasons, IReadOnlyList<string> Formats, bool Color, bool TwoSided, IReadOnlyList<string> Media);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(PrintReport))]
[JsonSerializable(typeof(AgentReport))]
internal sealed partial class ReportContext : JsonSerializerContext;
