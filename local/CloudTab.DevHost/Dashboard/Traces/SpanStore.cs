using CloudTab.DevHost.Dashboard.Otlp;

namespace CloudTab.DevHost.Dashboard.Traces;

/// <summary>The last spans that were received, and the traces that they are parts of. The oldest span makes room for the newest.</summary>
internal sealed class SpanStore(TelemetryLimits limits)
{
    private readonly Lock _lock = new();
    private readonly Ring<Span> _spans = new(limits.MaxSpanCount);

    /// <summary>A queue each: spans leave the ring in the order in which they came, so those of one trace do so too.</summary>
    private readonly Dictionary<UInt128, Queue<Span>> _traces = [];

    /// <summary>How many spans have come, how many of them are gone again, and how many traces are there.</summary>
    public (long Received, long Dropped, int Traces) Totals
    {
        get
        {
            lock (_lock)
                return (_spans.Next, _spans.First, _traces.Count);
        }
    }

    public void Add(IEnumerable<Span> spans)
    {
        lock (_lock)
        {
            foreach (var span in spans)
            {
                if (_spans.IsFull)
                    Forget(_spans[_spans.First]);
                _spans.Add(span);
                if (!_traces.TryGetValue(span.TraceId, out var trace))
                    _traces.Add(span.TraceId, trace = new Queue<Span>(capacity: 1));
                trace.Enqueue(span);
            }
        }
    }

    public IReadOnlyList<Span> Find(UInt128 traceId)
    {
        lock (_lock)
            return _traces.TryGetValue(traceId, out var trace) ? [.. trace] : [];
    }

    /// <summary>Traces for which there is a result, those that were heard of last first.</summary>
    public List<T> List<T>(Func<IReadOnlyCollection<Span>, T?> select, int limit)
        where T : class
    {
        var found = new List<T>();
        var seen = new HashSet<UInt128>();
        lock (_lock)
        {
            for (var number = _spans.Next - 1; number >= _spans.First && found.Count < limit; number--)
            {
                if (seen.Add(_spans[number].TraceId) && select(_traces[_spans[number].TraceId]) is { } result)
                    found.Add(result);
            }
        }

        return found;
    }

    private void Forget(Span oldest)
    {
        var trace = _traces[oldest.TraceId];
        trace.Dequeue();
        if (trace.Count == 0)
            _traces.Remove(oldest.TraceId);
    }
}

/// <param name="Start">Unix nanoseconds, as <paramref name="End"/>.</param>
internal sealed record Span(
    TelemetrySource Source, string Scope, UInt128 TraceId, ulong SpanId, ulong ParentId, string Name, string Kind, ulong Start, ulong End,
    SpanStatus Status, Tag[] Attributes, SpanEvent[] Events, SpanLink[] Links)
{
    public bool IsError => Status.Code == "Error";
}

internal sealed record SpanStatus(string Code, string? Message);

internal sealed record SpanEvent(ulong Time, string Name, Tag[] Attributes);

internal sealed record SpanLink(UInt128 TraceId, ulong SpanId, Tag[] Attributes);
