using CloudTab.DevHost.Dashboard.Otlp;
using Google.Protobuf;

namespace CloudTab.DevHost.Tests.Dashboard;

/// <summary>OTLP messages with defaults.</summary>
internal static class Telemetry
{
    private static long _ids;

    public static ulong Nanoseconds(DateTimeOffset time) => (ulong)(time - DateTimeOffset.UnixEpoch).Ticks * 100;

    public static KeyValue Tag(string key, string value) => new() { Key = key, Value = new AnyValue { StringValue = value } };

    public static Resource Service(string name, string instance = "one") => new() { Attributes = { Tag("service.name", name), Tag("service.instance.id", instance) } };

    public static ByteString Id(int length, long? number = null)
    {
        var id = new byte[length];
        BitConverter.TryWriteBytes(id, number ?? Interlocked.Increment(ref _ids));
        return ByteString.CopyFrom(id);
    }

    public static Span Span(string name = "work", ByteString? trace = null, int milliseconds = 10, bool failed = false)
    {
        var start = TimeProvider.System.GetUtcNow();
        return new Span
        {
            TraceId = trace ?? Id(16),
            SpanId = Id(8),
            Name = name,
            Kind = CloudTab.DevHost.Dashboard.Otlp.Span.Types.SpanKind.Server,
            StartTimeUnixNano = Nanoseconds(start),
            EndTimeUnixNano = Nanoseconds(start.AddMilliseconds(milliseconds)),
            Status = new Status { Code = failed ? Status.Types.StatusCode.Error : Status.Types.StatusCode.Unset },
        };
    }

    public static ExportTraceServiceRequest Spans(string service, params IEnumerable<Span> spans) =>
        new() { ResourceSpans = { new ResourceSpans { Resource = Service(service), ScopeSpans = { new ScopeSpans { Scope = new() { Name = "Test" }, Spans = { spans } } } } } };

    public static LogRecord Log(string message, int severity = 9, params KeyValue[] tags) => new()
    {
        TimeUnixNano = Nanoseconds(TimeProvider.System.GetUtcNow()),
        SeverityNumber = severity,
        Body = new AnyValue { StringValue = message },
        Attributes = { tags },
    };

    public static ExportLogsServiceRequest Logs(string service, params IEnumerable<LogRecord> logs) =>
        new() { ResourceLogs = { new ResourceLogs { Resource = Service(service), ScopeLogs = { new ScopeLogs { Scope = new() { Name = "Test.Category" }, LogRecords = { logs } } } } } };

    public static ExportMetricsServiceRequest Metrics(string service, Metric metric, string instance = "one") =>
        new() { ResourceMetrics = { new ResourceMetrics { Resource = Service(service, instance), ScopeMetrics = { new ScopeMetrics { Scope = new() { Name = "Test" }, Metrics = { metric } } } } } };
}
