using System.Diagnostics;
using System.Diagnostics.Metrics;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;

namespace CloudTab.Notifier;

/// <summary>
/// What the Notifier measures and traces: from the commit of an event to its frame. Names as in
/// https://opentelemetry.io/docs/specs/semconv/messaging/.
/// </summary>
internal sealed class Telemetry
{
    private static readonly ActivitySource Source = new("CloudTab.Notifier");

    private readonly Refusals _refusals;
    private readonly TimeProvider _clock;
    private readonly UpDownCounter<long> _sockets;
    private readonly Counter<long> _closes;
    private readonly Histogram<double> _latency;
    private readonly Counter<long> _attempts;
    private readonly Histogram<double> _webhookLatency;

    public Telemetry(IMeterFactory meters, Refusals refusals, TimeProvider clock)
    {
        _refusals = refusals;
        _clock = clock;
        var meter = meters.Create("CloudTab.Notifier");
        _sockets = meter.CreateUpDownCounter<long>("cloudtab.notify.sockets", "{socket}", "Authenticated sockets.");
        _closes = meter.CreateCounter<long>("cloudtab.notify.closes", "{socket}", "Sockets that ended, by the code of their close.");
        _latency = meter.CreateHistogram<double>(
            "cloudtab.notify.latency",
            "s",
            "From the commit of an event to its frame having been sent.",
            tags: null,
            new() { HistogramBucketBoundaries = [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60] });
        _attempts = meter.CreateCounter<long>("cloudtab.webhook.attempts", "{attempt}", "Events that were posted to webhooks, by what came of it.");
        _webhookLatency = meter.CreateHistogram<double>(
            "cloudtab.webhook.latency",
            "s",
            "From the commit of an event to its having been accepted by a webhook.",
            tags: null,
            new() { HistogramBucketBoundaries = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3_600, 86_400] });
        meter.CreateObservableGauge(
            "cloudtab.notify.behind_horizon", () => BehindHorizon, "{transaction}", "Transactions begun since the oldest that is still open.");
    }

    /// <summary>How many transactions have begun since the oldest that is still open.</summary>
    public long BehindHorizon { get; set; }

    /// <summary>A message of a shop's PC is handled, as a trace of its own.</summary>
    public static Activity? StartCommand(string? type) => Source.StartActivity(
        type is "authenticate" or "get_pending" or "claim_session" or "complete_session" or "report_print" ? type : "unknown_message", ActivityKind.Server);

    /// <summary>
    /// An event has been read, in the trace of the request that caused it. Its row was written before the wake-up was sent, so the parent is the
    /// work that wrote it; the wake-up is the sibling before.
    /// </summary>
    public static Activity? StartReceipt(SessionEvent read, DateTimeOffset began, int sockets)
    {
        if (!Source.HasListeners() || !ActivityContext.TryParse(read.TraceParent, read.TraceState, isRemote: true, out var origin))
            return null;
        var receipt = Source.StartActivity($"receive {Wakeups.Channel}", ActivityKind.Consumer, origin, startTime: began);
        receipt?.SetTag("messaging.system", "postgresql");
        receipt?.SetTag("messaging.destination.name", Wakeups.Channel);
        receipt?.SetTag("messaging.operation.type", "receive");
        receipt?.SetTag("messaging.message.id", read.Id);
        receipt?.SetTag("cloudtab.session.id", read.Session);
        receipt?.SetTag("cloudtab.notify.sockets", sockets);
        return receipt;
    }

    /// <summary>An event goes out to one socket.</summary>
    public static Activity? StartDelivery(Frame frame)
    {
        // Without the receipt's span nobody traces this event: a span of its own would be a trace of its own.
        if (frame.Event is not { } delivered || frame.Origin == default)
            return null;
        var delivery = Source.StartActivity($"deliver {delivered.Type}", ActivityKind.Producer, frame.Origin);
        delivery?.SetTag("messaging.message.id", delivered.Id);
        delivery?.SetTag("cloudtab.session.id", delivered.Session);
        return delivery;
    }

    public void RecordDelivery(Frame frame)
    {
        if (frame.Event is { } delivered)
        {
            _latency.Record(
                (delivered.Age + _clock.GetElapsedTime(frame.Read)).TotalSeconds,
                new KeyValuePair<string, object?>("cloudtab.event.type", delivered.Type));
        }
    }

    /// <summary>An event is posted to a webhook, in the trace of the request that caused it. Neither its address nor its host is told.</summary>
    public static Activity? StartAttempt(SessionEvent posted, Delivery delivery)
    {
        if (!Source.HasListeners() || !ActivityContext.TryParse(posted.TraceParent, posted.TraceState, isRemote: true, out var origin))
            return null;
        var attempt = Source.StartActivity("post webhook", ActivityKind.Client, origin);
        attempt?.SetTag("messaging.message.id", posted.Id);
        attempt?.SetTag("cloudtab.session.id", posted.Session);
        attempt?.SetTag("cloudtab.webhook.id", delivery.Id);
        attempt?.SetTag("cloudtab.webhook.attempt", delivery.Attempts + 1);
        return attempt;
    }

    public void RecordAttempt(Activity? attempt, WebhookAnswer answer)
    {
        var outcome = answer.Outcome switch
        {
            WebhookOutcome.Accepted => "accepted",
            WebhookOutcome.Gone => "gone",
            WebhookOutcome.Refused => "refused",
            WebhookOutcome.Blocked => "blocked",
            _ => "unanswered",
        };
        attempt?.SetTag("cloudtab.webhook.outcome", outcome);
        if (answer.Outcome != WebhookOutcome.Accepted)
            attempt?.SetStatus(ActivityStatusCode.Error, answer.Reason);
        _attempts.Add(1, new KeyValuePair<string, object?>("cloudtab.webhook.outcome", outcome));
    }

    /// <param name="read">When the event was read, as a timestamp of this process's clock.</param>
    public void RecordAccepted(SessionEvent posted, long read) => _webhookLatency.Record((posted.Age + _clock.GetElapsedTime(read)).TotalSeconds);

    public void SocketsChanged(int by) => _sockets.Add(by);

    /// <summary>Counts a message that says that something was not done.</summary>
    public void CountIfRefusal(Outgoing message)
    {
        if (message is Error error)
            _refusals.Count(error.Code);
        else if (message is AuthFailed)
            _refusals.Count("api_key_invalid"); // as the HTTP calls answer it
    }

    public void CountClose(CloseReason reason) => _closes.Add(1, new KeyValuePair<string, object?>("cloudtab.notify.close_code", (int)reason.Status));
}
