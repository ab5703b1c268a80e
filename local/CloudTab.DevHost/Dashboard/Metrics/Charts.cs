using CloudTab.DevHost.Dashboard.Otlp;

namespace CloudTab.DevHost.Dashboard.Metrics;

/// <summary>
/// What a chart of an instrument shows: counters as rates per second, levels added up over the series (gauges, which are no sums, averaged),
/// histograms as percentiles, beside them how many measurements there were per second.
/// </summary>
internal static class Charts
{
    /// <summary>Exports come every second and take a moment: the last step to be shown is one that all have reported.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(2);

    /// <summary>Which replica: an attribute of the resource in OTLP, and the way to tell replicas apart here.</summary>
    private const string Instance = "service.instance.id";

    private static readonly (string Name, double Share)[] Percentiles = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)];

    public static IEnumerable<Tag> TagsOf(Series series) => series.Source.Instance.Length == 0 ? series.Tags : [.. series.Tags, new Tag(Instance, series.Source.Instance)];

    public static Chart Of(Instrument instrument, ChartQuery query, DateTimeOffset now)
    {
        var (step, isRecent) = query.Minutes <= 5 ? (Resolution.Recent.Step, true) : (Resolution.Hour.Step, false);
        var end = (long)Math.Floor(UnixTime.Milliseconds(now - Settling) / 1000 / step);
        long[] bins = [.. Enumerable.Range(0, query.Minutes * 60 / step).Select(i => end - (query.Minutes * 60 / step) + i)];
        var groups = instrument.Series.Values
            .Where(series => query.Where.All(wanted => TagsOf(series).Contains(wanted)))
            .GroupBy(series => query.By is null ? "" : TagsOf(series).FirstOrDefault(tag => tag.Key == query.By).Value ?? "", StringComparer.Ordinal)
            .OrderBy(group => group.Key, StringComparer.Ordinal).ToList();

        var lines = new List<ChartLine>();
        var rates = new List<ChartLine>();
        foreach (var group in groups)
        {
            var window = new Window([.. group], isRecent, step);
            switch (instrument.Key.Kind)
            {
                case InstrumentKind.Counter:
                    lines.Add(new(group.Key, Values(bin => window.Amounts(bin)?.Sum() / step)));
                    break;
                case InstrumentKind.UpDownCounter:
                    lines.Add(new(group.Key, Values(bin => window.Levels(bin) is { Count: > 0 } levels ? levels.Sum() : null)));
                    break;
                case InstrumentKind.Gauge:
                    lines.Add(new(group.Key, Values(bin => window.Levels(bin) is { Count: > 0 } levels ? levels.Average() : null)));
                    break;
                case InstrumentKind.Histogram:
                    foreach (var (name, share) in Percentiles)
                        lines.Add(new($"{group.Key} {name}".TrimStart(), Values(bin => window.Amounts(bin) is { } counts ? Percentile.Of(window.Bounds, counts, share) : null)));
                    rates.Add(new(group.Key, Values(bin => window.Amounts(bin)?.Sum() / step)));
                    break;
            }
        }

        return new Chart(instrument.Unit, instrument.Key.Kind, [.. bins.Select(bin => bin * step)], [.. lines], [.. rates]);

        double?[] Values(Func<long, double?> value) => [.. bins.Select(value)];
    }

    /// <summary>The series behind one line of the chart, at one resolution.</summary>
    private sealed class Window(Series[] all, bool isRecent, int step)
    {
        public double[] Bounds { get; } = all[0].Bounds;

        /// <summary>What all series together counted in the step; null where none is known to its end.</summary>
        public double[]? Amounts(long bin)
        {
            double[]? sum = null;
            foreach (var series in all)
            {
                var amounts = Bins(series)[bin];
                if (amounts.IsEmpty || series.LastTime < (bin + 1) * step)
                    continue;
                sum ??= new double[Bounds.Length + 1];
                Percentile.Merge(Bounds, sum, series.Bounds, amounts);
            }

            return sum;
        }

        public List<double> Levels(long bin)
        {
            var levels = new List<double>();
            foreach (var series in all)
            {
                if (Bins(series)[bin] is [var level])
                    levels.Add(level);
            }

            return levels;
        }

        private Bins Bins(Series series) => isRecent ? series.Recent : series.Hour;
    }
}

/// <param name="By">The attribute whose values get a line each; null: one for all.</param>
internal sealed record ChartQuery(int Minutes, string? By, Tag[] Where);

/// <param name="Times">Unix seconds, the beginning of each step.</param>
/// <param name="Series">The lines: one for each value of the chosen attribute; for a histogram three, its percentiles.</param>
/// <param name="Rates">For a histogram: measurements per second; empty for others.</param>
internal sealed record Chart(string Unit, InstrumentKind Kind, long[] Times, ChartLine[] Series, ChartLine[] Rates);

internal sealed record ChartLine(string Label, double?[] Values);
