namespace CloudTab.EndToEnd.Tests;

/// <summary>A span as a service exported it.</summary>
/// <param name="Kind">1 internal, 2 server, 3 client, 4 producer, 5 consumer.</param>
/// <param name="Links">The traces that it links to.</param>
public sealed record Span(
    string Service,
    string TraceId,
    string SpanId,
    string ParentId,
    string TraceState,
    string Name,
    int Kind,
    IReadOnlyDictionary<string, object?> Attributes,
    IReadOnlyList<string> Links)
{
    public const int Internal = 1;
    public const int Server = 2;
    public const int Client = 3;
    public const int Producer = 4;
    public const int Consumer = 5;

    /// <summary>All spans of all exports. The numbers are those of opentelemetry/proto/trace/v1/trace.proto.</summary>
    public static IEnumerable<Span> Of(IEnumerable<Export> exports) =>
        from export in exports
        where export.Signal == "traces"
        from service in export.Services()
        from span in service.Sent
        select new Span(
            service.Service,
            span.Hex(1),
            span.Hex(2),
            span.Hex(4),
            span.Text(3),
            span.Text(5),
            (int)span.Number(6),
            EndToEnd.Tests.Attributes.Of(span, 9),
            [.. span.Messages(13).Select(link => link.Hex(1))]);
}
