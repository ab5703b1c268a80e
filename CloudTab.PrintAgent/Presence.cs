using System.Net.Http.Json;
using System.Reflection;

namespace CloudTab.PrintAgent;

/// <summary>Tells the shop that this agent is there, and how its printers are: every 30 s, and within 3 s of a change while one of them has a job.</summary>
internal sealed class Presence(IHttpClientFactory http, ShopPrinters printers, TimeProvider clock, ILogger<Presence> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(30);
    private static readonly string Version =
        typeof(Presence).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, clock);
        var (told, toldAt) = ("", 0L);
        do
        {
            var isDue = toldAt == 0 || clock.GetElapsedTime(toldAt) >= Silence;
            if (!isDue && printers.All.All(printer => printer.Jobs == 0))
                continue;
            await Task.WhenAll(printers.All.Select(printer => printer.LookAsync(stoppingToken)));
            var report = new AgentReport(Environment.MachineName, Version, [.. printers.All.Select(Describe)]);
            var states = string.Join('\n', report.Printers.Select(printer => $"{printer.State} {string.Join(',', printer.Reasons)}"));
            if (isDue || states != told)
                (told, toldAt) = (states, await SendAsync(report, stoppingToken) ? clock.GetTimestamp() : 0);
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private static PrinterReport Describe(ShopPrinter printer) => printer.Description is { } there
        ? new(
            there.Name.Length > 0 ? there.Name : printer.Address, printer.Address, there.State, there.Reasons, there.Formats, there.Color,
            there.Sides.Contains("two-sided-long-edge", StringComparer.Ordinal), there.Media)
        : new(printer.Address, printer.Address, AttemptRun.Offline, [], [], Color: false, TwoSided: false, []);

    private async Task<bool> SendAsync(AgentReport report, CancellationToken cancellationToken)
    {
        try
        {
            using var client = http.CreateClient(PrintReports.Client);
            using var answer = await client.PutAsJsonAsync("/api/shopkeeper/agent", report, ReportContext.Default.AgentReport, cancellationToken);
            if (!answer.IsSuccessStatusCode)
                logger.PresenceRefused(answer.StatusCode.ToString());
            return answer.IsSuccessStatusCode;
        }
        catch (Exception away) when (away is HttpRequestException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return false; // the socket's loss is in the log already
        }
    }
}
