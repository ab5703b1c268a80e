using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace CloudTab.Relay;

/// <summary>
/// What the services have in common to trace and to measure: a session's way through its states, the wake-ups, the calls of S3, the
/// memory of uploads. Names follow https://opentelemetry.io/docs/specs/semconv/general/naming/, ours begin with `cloudtab.`;
/// docs/operations.md has all of them. None carries what a customer or a shop keeps secret: a session appears by its internal id.
/// </summary>
public sealed class RelayTelemetry
{
    /// <summary>Bounds for sizes of files: 8 MiB is a part, 50 MiB the usual limit.</summary>
    public static readonly InstrumentAdvice<long> FileSizes = new()
    {
        HistogramBucketBoundaries = [1 << 10, 16 << 10, 128 << 10, 1 << 20, 4 << 20, 8 << 20, 16 << 20, 32 << 20, 50 << 20, 256 << 20, 1L << 30, 5L << 30],
    };

    internal static readonly ActivitySource Source = new("CloudTab.Relay");

    private const string LooksForWork = "cloudtab.looks_for_work";

    private readonly Counter<long> _transitions;
    private readonly Histogram<double> _memoryWait;

    public RelayTelemetry(IMeterFactory meters)
    {
        var meter = meters.Create("CloudTab.Relay");
        _transitions = meter.CreateCounter<long>("cloudtab.session.transitions", "{session}", "Sessions that came into another state, by how.");
        _memoryWait = meter.CreateHistogram<double>(
            "cloudtab.upload.memory.wait_time",
            "s",
            "How long an upload waited for a buffer, where none was free.",
            tags: null,
            new() { HistogramBucketBoundaries = [0.001, 0.01, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300] });
    }

    /// <summary>
    /// The work at hand is about this session: the attribute by which a customer's trace and the shop's later ones are found together.
    /// </summary>
    /// <param name="session">Internal id of the session.</param>
    /// <param name="origin">W3C traceparent of the work that submitted it, to link to.</param>
    public static void TagSession(Guid session, string? origin = null)
    {
        if (Activity.Current is not { IsAllDataRequested: true } work)
            return;
        work.SetTag("cloudtab.session.id", session);
        if (ActivityContext.TryParse(origin, null, isRemote: true, out var submitted) && submitted.TraceId != work.TraceId)
            work.AddLink(new(submitted));
    }

    /// <summary>
    /// Begins the span of a round that looks for work. Neither it nor anything below it is exported until <see cref="FoundWork"/> says that
    /// there is some: a relay that idles would otherwise fill the traces with rounds that did nothing.
    /// </summary>
    public static Activity? StartLooking(ActivitySource source, string name)
    {
        var round = source.StartActivity(name);
        if (round is { Recorded: true })
        {
            round.SetCustomProperty(LooksForWork, LooksForWork);
            round.ActivityTraceFlags &= ~ActivityTraceFlags.Recorded; // to which the sampler holds what begins below it
        }

        return round;
    }

    /// <summary>There is work to do: a round that looked for some is exported, with what begins below it from now on.</summary>
    public static void FoundWork()
    {
        if (Activity.Current is { } work && IsLooking(work))
            work.ActivityTraceFlags |= ActivityTraceFlags.Recorded;
    }

    internal static bool IsLooking(Activity work) => work.GetCustomProperty(LooksForWork) is not null;

    /// <summary>Sessions have come into another state.</summary>
    internal void Moved(Transition transition, int sessions = 1)
    {
        if (sessions > 0)
            _transitions.Add(sessions, new KeyValuePair<string, object?>("cloudtab.session.transition", NameOf(transition)));
    }

    /// <summary>A buffer was not available at once.</summary>
    internal void WaitedForMemory(TimeSpan time) => _memoryWait.Record(time.TotalSeconds);

    private static string NameOf(Transition transition) => transition switch
    {
        Transition.Opened => "opened",
        Transition.Submitted => "submitted",
        Transition.Claimed => "claimed",
        Transition.Released => "released",
        Transition.Lapsed => "lapsed",
        Transition.Completed => "completed",
        Transition.Cancelled => "cancelled",
        Transition.Expired => "expired",
        _ => throw new ArgumentOutOfRangeException(nameof(transition), transition, "No session moves like this."),
    };
}

/// <summary>How a session comes into another state (docs/sessions.md).</summary>
internal enum Transition
{
    Opened,
    Submitted,
    Claimed,
    Released,
    Lapsed,
    Completed,
    Cancelled,
    Expired,
}
