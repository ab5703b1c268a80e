using CloudTab.DevHost.Dashboard.Otlp;

namespace CloudTab.DevHost.Dashboard.Metrics;

/// <summary>One instrument with one set of attributes, of one process: what it counted or showed in the last hour.</summary>
internal sealed class Series(TelemetrySource source, Tag[] tags, double[] bounds, int width)
{
    /// <summary>Longest time for which a level is taken to have held, back from the moment that it was reported.</summary>
    private const double LongestHold = 60;

    private double[]? _last;
    private double _lastTime = double.NaN;
    private ulong _start;

    public TelemetrySource Source => source;

    public Tag[] Tags => tags;

    /// <summary>A histogram's upper bounds, all but the last bucket's; none for others.</summary>
    public double[] Bounds => bounds;

    /// <summary>The last five minutes, and the last hour.</summary>
    public Bins Recent { get; } = new(Resolution.Recent.Step, Resolution.Recent.Count, width);

    public Bins Hour { get; } = new(Resolution.Hour.Step, Resolution.Hour.Count, width);

    /// <summary>Unix seconds; everything until then is known.</summary>
    public double LastTime => _lastTime;

    /// <summary>
    /// Totals since <paramref name="start"/>. Another start, or a total that has become less, is a counter that began anew: all of it is
    /// new then (https://opentelemetry.io/docs/specs/otel/metrics/data-model/#resets-and-gaps). Where the start is not told (0), the first
    /// total says only where to count from.
    /// </summary>
    public void AddTotals(ulong start, double time, double[] totals)
    {
        var goesOn = _last is not null && start == _start && !totals.Zip(_last).Any(pair => pair.First < pair.Second);
        var amounts = goesOn ? [.. totals.Zip(_last!, (now, before) => now - before)] : start == 0 ? new double[totals.Length] : totals;
        var since = goesOn ? _lastTime : start == 0 ? time : UnixTime.Seconds(start);
        _last = totals;
        _start = start;
        AddAmounts(since, time, amounts);
    }

    /// <summary>What came about between two moments.</summary>
    public void AddAmounts(double since, double time, double[] amounts)
    {
        Recent.Add(since, time, amounts);
        Hour.Add(since, time, amounts);
        _lastTime = time;
    }

    /// <summary>A level at a moment, or what was added to it since the last.</summary>
    public void SetLevel(double time, double value, bool isDelta)
    {
        var level = isDelta ? (_last?[0] ?? 0) + value : value;
        var since = time - _lastTime < LongestHold ? _lastTime : time;
        Recent.Set(since, time, level);
        Hour.Set(since, time, level);
        _last = [level];
        _lastTime = time;
    }
}

/// <summary>Steps in seconds, and how many of them.</summary>
internal sealed record Resolution(int Step, int Count)
{
    /// <summary>Two seconds even out the jitter of exports that come every second.</summary>
    public static readonly Resolution Recent = new(Step: 2, Count: 160);

    public static readonly Resolution Hour = new(Step: 15, Count: 244);
}
