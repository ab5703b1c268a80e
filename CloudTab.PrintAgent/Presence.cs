using System.Net;
using System.Reflection;
using CloudTab.Client;
using Microsoft.Extensions.Options;

namespace CloudTab.PrintAgent;

/// <summary>
/// Tells the shop that this agent is there, which jobs it prints by itself, and how its printers are: every 30 s, and while one of them has a job within 3 s of a change, or 5 s after one has
/// fallen silent.
/// </summary>
internal sealed class Presence(
    CloudTabClient relay, ShopPrinters printers, IOptions<AgentOptions> options, TimeProvider clock, ILogger<Presence> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(30);
    private static readonly string Version =
        typeof(Presence).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";

    private readonly HashSet<string> _warned = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string?> _faults = new(StringComparer.Ordinal);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, clock);
        var (told, toldAt, isLate) = ("", 0L, false);
        var autoPrint = options.Value.AutoPrint switch { AutoPrint.True => AutoPrints.All, AutoPrint.Paid => AutoPrints.Paid, _ => AutoPrints.None };
        do
        {
            var isDue = toldAt == 0 || clock.GetElapsedTime(toldAt) >= Silence;
            if (!isDue && !isLate && !printers.HaveJobs)
                continue;
            // One that does not answer must not keep the others' states: what it says then is told at the next tick.
            var looks = Task.WhenAll(printers.All.Select(printer => printer.SeeAsync(stoppingToken)));
            isLate = await Task.WhenAny(looks, Task.Delay(Patience, clock, stoppingToken)) != looks;
            Warn();
            var report = new AgentReport(Environment.MachineName, Version, [.. printers.All.Select(Describe)], autoPrint);
            var states = string.Join('\n', report.Printers.Select(printer => $"{printer.State} {string.Join(',', printer.Reasons)}"));
            if (isDue || states != told)
                (told, toldAt) = (states, await SendAsync(report, stoppingToken) ? clock.GetTimestamp() : 0);
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private void Warn()
    {
        foreach (var printer in printers.All)
        {
            if (printer.Description?.AbortCommand is { } command && _warned.Add(printer.Address))
                logger.QueueRepeats(printer.Address, command);
            if (printer.Fault is { } fault && fault != _faults.GetValueOrDefault(printer.Address))
                logger.PrinterOffline(printer.Address, fault);
            _faults[printer.Address] = printer.Fault;
        }
    }

    private static AgentPrinter Describe(ShopPrinter printer) => printer.Description is { } there
        ? new(
            printer.Name, there.AcceptsJobs ? there.State : PrinterStates.Stopped, PrintReports.ReasonsOf(there.Reasons), PrintReports.WordsOf(there.Formats), there.Color,
            there.Sides.Contains(Sides.TwoSidedLongEdge, StringComparer.Ordinal), PrintReports.WordsOf(there.Media), printer.Address)
        : new(printer.Name, PrinterStates.Offline, [], [], Color: false, TwoSided: false, [], printer.Address);

    private async Task<bool> SendAsync(AgentReport report, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(PrintReports.Limit);
        try
        {
            await relay.Shop.ReportAgentAsync(report, limit.Token);
            return true;
        }
        catch (Exception away) when (PrintReports.IsAway(away, cancellationToken))
        {
            if (away is CloudTabException refusal)
                logger.PresenceRefused(refusal.Code ?? refusal.Status.ToString());
            // Asked at once it would refuse again. Of an outage the socket's loss is in the log already.
            return away is CloudTabException { Status: < HttpStatusCode.InternalServerError };
        }
    }
}
