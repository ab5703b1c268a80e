using CloudTab.DevHost.Dashboard.Otlp;

namespace CloudTab.DevHost.Dashboard.Traces;

/// <summary>From OTLP's spans to the dashboard's.</summary>
internal sealed class SpanReader(TagReader tags, TelemetryLimits limits, SpanStore store)
{
    private static readonly string[] Kinds = ["Internal", "Internal", "Server", "Client", "Producer", "Consumer"];
    private static readonly SpanStatus Unset = new("Unset", null);
    private static readonly SpanStatus Ok = new("Ok", null);

    /// <returns>How many were refused: a span without valid ids belongs nowhere.</returns>
    public long Receive(ExportTraceServiceRequest request)
    {
        var spans = new List<Span>();
        var refused = 0L;
        foreach (var resource in request.ResourceSpans)
        {
            var source = tags.Source(resource.Resource);
            foreach (var scope in resource.ScopeSpans)
            {
                var name = tags.Pooled(scope.Scope?.Name ?? "");
                foreach (var span in scope.Spans)
                {
                    if (Ids.Trace(span.TraceId) == 0 || Ids.Span(span.SpanId) == 0)
                        refused++;
                    else
                        spans.Add(Read(source, name, span));
                }
            }
        }

        store.Add(spans);
        return refused;
    }

    private Span Read(TelemetrySource source, string scope, Otlp.Span span) => new(
        source,
        scope,
        Ids.Trace(span.TraceId),
        Ids.Span(span.SpanId),
        Ids.Span(span.ParentSpanId),
        tags.Pooled(span.Name),
        Kinds[(int)span.Kind is var kind && kind < Kinds.Length && kind >= 0 ? kind : 0],
        span.StartTimeUnixNano,
        Math.Max(span.StartTimeUnixNano, span.EndTimeUnixNano),
        span.Status?.Code switch
        {
            Status.Types.StatusCode.Error => new SpanStatus("Error", span.Status.Message is { Length: > 0 } message ? message : null),
            Status.Types.StatusCode.Ok => Ok,
            _ => Unset,
        },
        tags.Read(span.Attributes),
        [.. span.Events.Take(limits.MaxSpanEventCount).Select(e => new SpanEvent(e.TimeUnixNano, tags.Pooled(e.Name), tags.Read(e.Attributes)))],
        [.. span.Links.Take(limits.MaxSpanEventCount).Select(link => new SpanLink(Ids.Trace(link.TraceId), Ids.Span(link.SpanId), tags.Read(link.Attributes)))]);
}
