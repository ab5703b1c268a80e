using CloudTab.DevHost.Dashboard.Otlp;

namespace CloudTab.DevHost.Dashboard.Metrics;

/// <summary>Every instrument of every service, with its series of the last hour.</summary>
internal sealed class MetricStore(TelemetryLimits limits, TimeProvider time)
{
    /// <summary>How far a sender's clock may be ahead: a point beyond would push all that is known out of the ring.</summary>
    private static readonly TimeSpan LongestLead = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan Window = TimeSpan.FromHours(1);

    private static readonly TimeSpan ForgetInterval = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<InstrumentKey, Instrument> _instruments = [];
    private int _series;
    private long _received;
    private long _dropped;
    private double _lastForgot;

    /// <summary>How many points have come, and how many of them were refused.</summary>
    public (long Received, long Dropped) Totals
    {
        get
        {
            lock (_lock)
                return (_received, _dropped);
        }
    }

    /// <summary>Runs with the store to itself: a batch of points, or a question.</summary>
    public T Use<T>(Func<IReadOnlyCollection<Instrument>, T> use)
    {
        lock (_lock)
            return use(_instruments.Values);
    }

    /// <returns>How many of them were refused.</returns>
    public int Add(IReadOnlyList<MetricPoint> points)
    {
        var refused = 0;
        var now = UnixTime.Milliseconds(time.GetUtcNow()) / 1000;
        lock (_lock)
        {
            foreach (var point in points)
            {
                if (point.Time > now + LongestLead.TotalSeconds || point.Time < now - Window.TotalSeconds || SeriesOf(point, now) is not { } series)
                    refused++;
                else if (point.Time > series.LastTime || double.IsNaN(series.LastTime))
                    point.AddTo(series);
            }

            _received += points.Count;
            _dropped += refused;
        }

        return refused;
    }

    private Series? SeriesOf(MetricPoint point, double now)
    {
        var key = new SeriesKey(point.Source.Instance, point.Tags);
        var series = _instruments.GetValueOrDefault(point.Instrument)?.Series.GetValueOrDefault(key);
        if (series is not null && series.Bounds.AsSpan().SequenceEqual(point.Bounds))
            return series;
        if (series is null && _series >= limits.MaxSeriesCount && !ForgetSilent(now))
            return null;
        if (series is null)
            _series++;
        if (!_instruments.TryGetValue(point.Instrument, out var instrument))
            _instruments.Add(point.Instrument, instrument = new Instrument(point.Instrument, point.Unit, point.Description));
        return instrument.Series[key] = new Series(point.Source, point.Tags, point.Bounds, point.Values.Length);
    }

    /// <summary>Makes room, at most once a minute: what has been silent for the whole window has nothing left to show.</summary>
    private bool ForgetSilent(double now)
    {
        if (now - _lastForgot < ForgetInterval.TotalSeconds)
            return false;
        _lastForgot = now;
        var before = _series;
        foreach (var instrument in _instruments.Values.ToList())
        {
            foreach (var (key, series) in instrument.Series.ToList())
            {
                if (series.LastTime < now - Window.TotalSeconds && instrument.Series.Remove(key))
                    _series--;
            }

            if (instrument.Series.Count == 0)
                _instruments.Remove(instrument.Key);
        }

        return _series < before;
    }
}

internal enum InstrumentKind
{
    Counter,
    UpDownCounter,
    Gauge,
    Histogram,
}

internal sealed record InstrumentKey(string Service, string Meter, string Name, InstrumentKind Kind);

internal sealed record Instrument(InstrumentKey Key, string Unit, string Description)
{
    public Dictionary<SeriesKey, Series> Series { get; } = [];
}

/// <summary>Attributes in whatever order: a set.</summary>
internal readonly struct SeriesKey(string instance, Tag[] tags) : IEquatable<SeriesKey>
{
    private readonly string _instance = instance;
    private readonly Tag[] _tags = tags;

    public bool Equals(SeriesKey other)
    {
        if (_instance != other._instance || _tags.Length != other._tags.Length)
            return false;
        return _tags.AsSpan().SequenceEqual(other._tags) || Array.TrueForAll(_tags, other._tags.Contains);
    }

    public override bool Equals(object? obj) => obj is SeriesKey other && Equals(other);

    public override int GetHashCode()
    {
        var hash = _instance.GetHashCode(StringComparison.Ordinal);
        foreach (var tag in _tags)
            hash ^= tag.GetHashCode();
        return hash;
    }
}

/// <summary>One data point as it came.</summary>
/// <param name="Start">Unix nanoseconds; 0 where the sender does not say.</param>
/// <param name="Time">Unix seconds.</param>
/// <param name="Values">One number, or a histogram's counts.</param>
internal sealed record MetricPoint(
    InstrumentKey Instrument, string Unit, string Description, TelemetrySource Source, Tag[] Tags, ulong Start, double Time, bool IsDelta, double[] Values, double[] Bounds)
{
    public void AddTo(Series series)
    {
        if (Instrument.Kind is InstrumentKind.Gauge or InstrumentKind.UpDownCounter)
            series.SetLevel(Time, Values[0], IsDelta);
        else if (IsDelta)
            series.AddAmounts(Start == 0 ? Time : UnixTime.Seconds(Start), Time, Values);
        else
            series.AddTotals(Start, Time, Values);
    }
}
