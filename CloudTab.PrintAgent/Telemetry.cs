using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace CloudTab.PrintAgent;

/// <summary>
/// Spans and metrics, named by the conventions of https://opentelemetry.io/docs/specs/semconv/general/naming/; ours begin with
/// `cloudtab.`.
/// </summary>
internal sealed class Telemetry
{
    public static readonly ActivitySource Source = new("CloudTab.PrintAgent");

    private readonly Histogram<double> _duration;

    public Telemetry(IMeterFactory meters) => _duration = meters.Create("CloudTab.PrintAgent")
        .CreateHistogram<double>("cloudtab.print.duration", "s", "Time from a file's claim to its outcome at the printer.");

    public void Settled(Outcome outcome, TimeSpan elapsed) =>
        _duration.Record(elapsed.TotalSeconds, new KeyValuePair<string, object?>("cloudtab.print.outcome", outcome.ToString().ToLowerInvariant()));
}
