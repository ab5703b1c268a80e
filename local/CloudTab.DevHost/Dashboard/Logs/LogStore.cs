using CloudTab.DevHost.Dashboard.Otlp;
using Microsoft.Extensions.Logging;

namespace CloudTab.DevHost.Dashboard.Logs;

/// <summary>The last log records that were received, in the order in which they came.</summary>
internal sealed class LogStore(TelemetryLimits limits)
{
    private readonly Lock _lock = new();
    private readonly Ring<Log> _logs = new(limits.MaxLogCount);

    /// <summary>The number of the oldest record that is there, and the one that the next will get.</summary>
    public (long First, long Next) Range
    {
        get
        {
            lock (_lock)
                return (_logs.First, _logs.Next);
        }
    }

    public void Add(IEnumerable<Log> logs)
    {
        lock (_lock)
        {
            foreach (var log in logs)
            {
                log.Number = _logs.Next;
                _logs.Add(log);
            }
        }
    }

    /// <summary>The newest that pass the filter, oldest of them first.</summary>
    /// <param name="before">Only those with a lower number.</param>
    public IReadOnlyList<Log> Find(LogFilter filter, long? before, int limit)
    {
        var found = new List<Log>();
        lock (_lock)
        {
            for (var number = Math.Min(before ?? _logs.Next, _logs.Next) - 1; number >= _logs.First && found.Count < limit; number--)
            {
                if (filter.Passes(_logs[number]))
                    found.Add(_logs[number]);
            }
        }

        found.Reverse();
        return found;
    }

    /// <summary>The oldest after a number that pass the filter.</summary>
    /// <param name="after">Moved on to the last one that was looked at.</param>
    public IReadOnlyList<Log> Follow(LogFilter filter, ref long after, int limit)
    {
        var found = new List<Log>();
        lock (_lock)
        {
            var number = Math.Max(after + 1, _logs.First);
            for (; number < _logs.Next && found.Count < limit; number++)
            {
                if (filter.Passes(_logs[number]))
                    found.Add(_logs[number]);
            }

            after = number - 1;
        }

        return found;
    }
}

/// <param name="Time">Unix nanoseconds.</param>
internal sealed record Log(
    TelemetrySource Source, ulong Time, LogLevel Level, string Category, string Message, string? Template, string? Exception,
    UInt128 TraceId, ulong SpanId, Tag[] Attributes)
{
    /// <summary>Given by the store.</summary>
    public long Number { get; set; }
}

/// <summary>What a record must be to be shown; what is null does not matter.</summary>
internal sealed class LogFilter
{
    /// <summary>A service, or one of its replicas.</summary>
    public string? Resource { get; init; }

    /// <summary>This or a worse one.</summary>
    public LogLevel Level { get; init; }

    /// <summary>In the message, the category or the exception.</summary>
    public string? Text { get; init; }

    public UInt128? Trace { get; init; }

    public IReadOnlyList<Tag> Attributes { get; init; } = [];

    public bool Passes(Log log) =>
        log.Level >= Level && log.Source.Is(Resource) && (Trace is null || log.TraceId == Trace)
        && (Text is null || Has(log.Message) || Has(log.Category) || Has(log.Exception))
        && Attributes.All(wanted => log.Attributes.Contains(wanted));

    private bool Has(string? text) => text?.Contains(Text!, StringComparison.OrdinalIgnoreCase) == true;
}
