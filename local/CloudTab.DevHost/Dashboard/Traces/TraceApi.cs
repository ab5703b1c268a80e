using CloudTab.DevHost.Dashboard.Logs;
using CloudTab.DevHost.Dashboard.Otlp;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace CloudTab.DevHost.Dashboard.Traces;

internal static class TraceApi
{
    private const int MostTraces = 1_000;

    public static void MapTraces(this IEndpointRouteBuilder api)
    {
        api.MapGet("/traces", List);
        api.MapGet("/traces/{traceId}", Get);
    }

    private static Ok<TraceList> List(SpanStore spans, string? resource, string? text, bool? errors, double? minMs, int? limit)
    {
        var traces = spans.List(
            trace => trace.Any(span => span.Source.Is(resource)) && (text is null || trace.Any(span => Mentions(span, text)))
                && (errors is not true || trace.Any(span => span.IsError))
                && Summarize(trace) is var summary && summary.DurationMs >= (minMs ?? 0) ? summary : null,
            Math.Clamp(limit ?? 200, 1, MostTraces));
        var totals = spans.Totals;
        return TypedResults.Ok(new TraceList([.. traces.OrderByDescending(trace => trace.Start)], totals.Traces, totals.Dropped));
    }

    private static Results<Ok<TraceView>, NotFound> Get(SpanStore spans, LogStore logs, string traceId)
    {
        if (!Ids.TryTrace(traceId, out var id) || spans.Find(id) is not { Count: > 0 } trace)
            return TypedResults.NotFound();
        var summary = Summarize(trace);
        return TypedResults.Ok(new TraceView(
            summary.TraceId, summary.Start, summary.DurationMs,
            [.. trace.OrderBy(span => span.Start).Select(View)],
            [.. logs.Find(new LogFilter { Trace = id }, before: null, limit: int.MaxValue).Select(LogView.Of)]));
    }

    private static bool Mentions(Span span, string text) =>
        span.Name.Contains(text, StringComparison.OrdinalIgnoreCase)
        || span.Source.Service.Contains(text, StringComparison.OrdinalIgnoreCase)
        || Ids.Text(span.TraceId)!.StartsWith(text, StringComparison.OrdinalIgnoreCase)
        || Array.Exists(span.Attributes, attribute => attribute.Value.Contains(text, StringComparison.OrdinalIgnoreCase));

    /// <summary>Named after its root; where that is not there (yet, or any more) after the span that began first.</summary>
    private static TraceSummary Summarize(IReadOnlyCollection<Span> trace)
    {
        var start = trace.Min(span => span.Start);
        var root = trace.FirstOrDefault(span => span.ParentId == 0) ?? trace.MinBy(span => span.Start)!;
        return new TraceSummary(
            Ids.Text(root.TraceId)!,
            $"{root.Source.Service}: {root.Name}",
            UnixTime.Milliseconds(start),
            UnixTime.Milliseconds(trace.Max(span => span.End) - start),
            trace.Count,
            trace.Count(span => span.IsError),
            [.. trace.GroupBy(span => span.Source.Service, StringComparer.Ordinal)
                .Select(service => new TraceServiceView(service.Key, service.Count(), service.Count(span => span.IsError)))]);
    }

    private static SpanView View(Span span) => new(
        Ids.Text(span.SpanId)!, Ids.Text(span.ParentId), span.Name, span.Kind, span.Source.Service, span.Source.Instance, span.Scope,
        UnixTime.Milliseconds(span.Start), UnixTime.Milliseconds(span.End - span.Start), span.Status, span.Attributes,
        [.. span.Events.Select(e => new SpanEventView(e.Name, UnixTime.Milliseconds(e.Time), e.Attributes))],
        [.. span.Links.Select(link => new SpanLinkView(Ids.Text(link.TraceId), Ids.Text(link.SpanId), link.Attributes))]);
}

/// <param name="Total">Traces of which there is at least one span.</param>
/// <param name="Dropped">Spans that made room for newer ones.</param>
internal sealed record TraceList(TraceSummary[] Traces, int Total, long Dropped);

internal sealed record TraceSummary(
    string TraceId, string Name, double Start, double DurationMs, int Spans, int Errors, TraceServiceView[] Services);

internal sealed record TraceServiceView(string Name, int Spans, int Errors);

internal sealed record TraceView(string TraceId, double Start, double DurationMs, SpanView[] Spans, LogView[] Logs);

internal sealed record SpanView(
    string SpanId, string? ParentId, string Name, string Kind, string Service, string Instance, string Scope, double Start, double DurationMs,
    SpanStatus Status, Tag[] Attributes, SpanEventView[] Events, SpanLinkView[] Links);

internal sealed record SpanEventView(string Name, double Time, Tag[] Attributes);

internal sealed record SpanLinkView(string? TraceId, string? SpanId, Tag[] Attributes);
