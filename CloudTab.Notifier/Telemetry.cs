using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace CloudTab.Notifier;

/// <summary>
/// What the Notifier measures and traces: from the commit of an event to its frame. Names as in
/// https://opentelemetry.io/docs/specs/semconv/messaging/.
/// </summary>
internal sealed class Telemetry
{
    private static readonly ActivitySource Source = new("CloudTab.Notifier");

    private readonly TimeProvider _clock;
    private readonly UpDownCounter<long> _sockets;
    private readonly Counter<long> _overflows;
    private readonly Histogram<double> _latency;

    public Telemetry(IMeterFactory meters, TimeProvider clock)
    {
        _clock = clock;
        var meter = meters.Create("CloudTab.Notifier");
        _sockets = meter.CreateUpDownCounter<long>("cloudtab.notify.sockets", "{socket}", "Authenticated sockets.");
        _overflows = meter.CreateCounter<long>("cloudtab.notify.overflows", "{socket}", "Sockets closed because they read too slowly.");
        _latency = meter.CreateHistogram<double>("cloudtab.notify.latency", "s", "From an event to its frame having been sent.");
        meter.CreateObservableGauge(
            "cloudtab.notify.behind_horizon", () => BehindHorizon, "{event}", "Delivered events remembered because of a long transaction.");
    }

    /// <summary>How many delivered events the reader has to remember.</summary>
    public int BehindHorizon { get; set; }

    /// <summary>A message of a shop's PC is handled, as a trace of its own.</summary>
    public static Activity? StartCommand(string? type) => Source.StartActivity(
        type is "authenticate" or "get_pending" or "claim_session" or "complete_session" ? type : "unknown_message", ActivityKind.Server);

    /// <summary>An event goes out to one socket, as part of the trace of whoever caused it.</summary>
    public static Activity? StartDelivery(Frame frame)
    {
        if (frame.Event is not { } delivered)
            return null;
        var delivery = Source.StartActivity($"deliver {delivered.Type}", ActivityKind.Producer, frame.Origin);
        delivery?.SetTag("cloudtab.event.id", delivered.Id);
        delivery?.SetTag("cloudtab.session", delivered.Session);
        return delivery;
    }

    public void RecordDelivery(Frame frame)
    {
        if (frame.Event is { } delivered)
            _latency.Record((_clock.GetUtcNow().UtcDateTime - delivered.CreatedAt).TotalSeconds);
    }

    public void SocketsChanged(int by) => _sockets.Add(by);

    public void CountOverflow() => _overflows.Add(1);
}
