using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace CloudTab.Janitor;

/// <summary>
/// Spans and metrics, named by the conventions of https://opentelemetry.io/docs/specs/semconv/general/naming/; ours begin with
/// `cloudtab.`.
/// </summary>
internal sealed class Telemetry
{
    public static readonly ActivitySource Source = new("CloudTab.Janitor");

    private readonly Counter<long> _done;
    private readonly Counter<long> _failures;
    private volatile Overdue _overdue = new(0, 0, 0, 0);

    public Telemetry(IMeterFactory meters)
    {
        var meter = meters.Create("CloudTab.Janitor");
        _done = meter.CreateCounter<long>("cloudtab.janitor.items", "{item}", "Sessions, files, uploads and rows that a duty dealt with.");
        _failures = meter.CreateCounter<long>("cloudtab.janitor.failures", "{round}", "Rounds of a duty that failed.");
        meter.CreateObservableGauge(
            "cloudtab.janitor.backlog.size",
            () => new Measurement<long>[] { new(_overdue.Sessions, Kind("session")), new(_overdue.Files, Kind("file")) },
            "{item}",
            "Sessions past their time and files that should have left S3.");
        meter.CreateObservableGauge(
            "cloudtab.janitor.backlog.age",
            () => new Measurement<double>[] { new(_overdue.SessionSeconds, Kind("session")), new(_overdue.FileSeconds, Kind("file")) },
            "s",
            "How long the oldest of the backlog is overdue.");
    }

    public void Done(string duty, int count)
    {
        if (count > 0)
            _done.Add(count, Of(duty));
    }

    public void Failed(string duty) => _failures.Add(1, Of(duty));

    public void Measured(Backlog backlog, DateTime now) =>
        _overdue = new(backlog.Sessions, backlog.Files, SecondsSince(backlog.SessionsSince, now), SecondsSince(backlog.FilesSince, now));

    private static KeyValuePair<string, object?> Of(string duty) => new("cloudtab.janitor.duty", duty);

    private static KeyValuePair<string, object?> Kind(string kind) => new("cloudtab.janitor.kind", kind);

    private static double SecondsSince(DateTime? since, DateTime now) => since is { } then && then < now ? (now - then).TotalSeconds : 0;

    private sealed record Overdue(long Sessions, long Files, double SessionSeconds, double FileSeconds);
}
