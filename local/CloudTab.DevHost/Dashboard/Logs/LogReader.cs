using CloudTab.DevHost.Dashboard.Otlp;
using Microsoft.Extensions.Logging;

namespace CloudTab.DevHost.Dashboard.Logs;

/// <summary>From OTLP's log records to the dashboard's.</summary>
internal sealed class LogReader(TagReader tags, LogStore store)
{
    public void Receive(ExportLogsServiceRequest request)
    {
        var logs = new List<Log>();
        foreach (var resource in request.ResourceLogs)
        {
            var source = tags.Source(resource.Resource);
            foreach (var scope in resource.ScopeLogs)
            {
                var category = tags.Pooled(scope.Scope?.Name ?? "");
                logs.AddRange(scope.LogRecords.Select(record => Read(source, category, record)));
            }
        }

        store.Add(logs);
    }

    private Log Read(TelemetrySource source, string category, LogRecord record)
    {
        string? template = null, type = null, message = null, stackTrace = null;
        var rest = new List<Tag>();
        foreach (var attribute in tags.Read(record.Attributes))
        {
            switch (attribute.Key)
            {
                // How .NET's exporter says which template the message was made of.
                case "{OriginalFormat}": template = attribute.Value; break;
                case "exception.type": type = attribute.Value; break;
                case "exception.message": message = attribute.Value; break;
                case "exception.stacktrace": stackTrace = attribute.Value; break;
                default: rest.Add(attribute); break;
            }
        }

        return new Log(
            source,
            record.TimeUnixNano != 0 ? record.TimeUnixNano : record.ObservedTimeUnixNano,
            LevelOf(record.SeverityNumber),
            category,
            tags.Text(record.Body),
            template,
            stackTrace ?? (type is null ? null : $"{type}: {message}"),
            Ids.Trace(record.TraceId),
            Ids.Span(record.SpanId),
            [.. rest]);
    }

    /// <summary>OTLP has four numbers for each level, 1 to 24; 0 is a record that does not say.</summary>
    private static LogLevel LevelOf(int severity) => severity is >= 1 and <= 24 ? (LogLevel)((severity - 1) / 4) : LogLevel.Information;
}
