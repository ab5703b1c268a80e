using System.Net;
using System.Text.Json;
using CloudTab.DevHost.Dashboard.Otlp;

namespace CloudTab.DevHost.Tests.Dashboard;

/// <summary>Charts, held against values that are known.</summary>
public sealed class Metrics
{
    /// <summary>Half a minute ago, at the beginning of one of the chart's steps of two seconds.</summary>
    private readonly DateTimeOffset _start = DateTimeOffset.FromUnixTimeSeconds((TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() - 30) / 2 * 2);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_cumulative_counter_is_a_rate_that_survives_a_reset()
    {
        await using var dashboard = await RunningDashboard.StartAsync();
        await SendAsync(dashboard, Counter(AggregationTemporality.Cumulative, Point(0, 2, 100), Point(0, 4, 100), Point(0, 6, 130)));

        // The process has started anew, four seconds later.
        await SendAsync(dashboard, Counter(AggregationTemporality.Cumulative, Point(10, 12, 40)));
        Assert.Equal([50, 0, 15, null, null, 20, null], await RatesAsync(dashboard));
    }

    [Fact]
    public async Task Deltas_are_spread_over_their_time()
    {
        await using var dashboard = await RunningDashboard.StartAsync();
        await SendAsync(dashboard, Counter(AggregationTemporality.Delta, Point(0, 8, 80), Point(8, 10, 6)));
        Assert.Equal([10, 10, 10, 10, 3, null, null], await RatesAsync(dashboard));
    }

    [Fact]
    public async Task Replicas_and_attributes_are_added_up_or_told_apart()
    {
        await using var dashboard = await RunningDashboard.StartAsync();
        await SendAsync(dashboard, Counter(AggregationTemporality.Delta, Point(0, 2, 20, "GET"), Point(0, 2, 2, "PUT")));
        await SendAsync(dashboard, Counter(AggregationTemporality.Delta, Point(0, 2, 40, "GET")), instance: "two");

        Assert.Equal(31, (await RatesAsync(dashboard))[0]);
        Assert.Equal(30, (await RatesAsync(dashboard, "&where=method:GET"))[0]);
        Assert.Equal(20, (await RatesAsync(dashboard, "&where=method:GET&where=service.instance.id:two"))[0]);
        var chart = await ChartAsync(dashboard, "counted", "&by=method");
        Assert.Equal(["GET", "PUT"], chart.GetProperty("series").EnumerateArray().Select(series => series.GetProperty("label").GetString()));
        var offered = (await dashboard.GetAsync("/api/metrics")).GetProperty("instruments")[0].GetProperty("attributes");
        Assert.Equal("""{"method":["GET","PUT"],"service.instance.id":["one","two"]}""", offered.GetRawText());
    }

    [Fact]
    public async Task Levels_hold_between_reports_and_sum_up_where_they_are_sums()
    {
        await using var dashboard = await RunningDashboard.StartAsync();
        foreach (var instance in (string[])["one", "two"])
        {
            await SendAsync(dashboard, new Metric { Name = "open", Sum = new Sum { AggregationTemporality = AggregationTemporality.Cumulative, DataPoints = { Point(0, 1, 3), Point(0, 7, 5) } } }, instance);
            await SendAsync(dashboard, new Metric { Name = "heat", Gauge = new Gauge { DataPoints = { Point(0, 1, instance == "one" ? 10 : 30) } } }, instance);
        }

        Assert.Equal([6, 10, 10, 10, null], (await ValuesAsync(dashboard, "open", 0)).Take(5));
        Assert.Equal([20, null], (await ValuesAsync(dashboard, "heat", 0)).Take(2));
    }

    [Theory]
    [InlineData(new ulong[] { 0, 100, 0, 0 }, 15, 19, 19.9)]
    [InlineData(new ulong[] { 50, 40, 10, 0 }, 10, 20, 29)]
    [InlineData(new ulong[] { 0, 0, 0, 7 }, 30, 30, 30)]
    [InlineData(new ulong[] { 1, 0, 0, 0 }, 5, 9, 9.9)]
    public async Task A_histogram_is_its_percentiles(ulong[] counts, double p50, double p90, double p99)
    {
        await using var dashboard = await RunningDashboard.StartAsync();
        await SendAsync(dashboard, Histogram(counts, 0, 2));
        Assert.Equal(p50, (await ValuesAsync(dashboard, "took", 0))[0]!.Value, 1e-4);
        Assert.Equal(p90, (await ValuesAsync(dashboard, "took", 1))[0]!.Value, 1e-4);
        Assert.Equal(p99, (await ValuesAsync(dashboard, "took", 2))[0]!.Value, 1e-4);
        Assert.Null((await ValuesAsync(dashboard, "took", 0))[1]);
        Assert.Equal(counts.Sum(count => (double)count) / 2, Values(await ChartAsync(dashboard, "took"), "rates", 0)[0]!.Value, 1e-4);
    }

    [Fact]
    public async Task An_hour_is_told_in_steps_of_a_quarter_of_a_minute()
    {
        await using var dashboard = await RunningDashboard.StartAsync();
        await SendAsync(dashboard, Counter(AggregationTemporality.Delta, Point(-1800, 0, 18_000)));
        var chart = await ChartAsync(dashboard, "counted", minutes: 60);
        Assert.Equal(240, chart.GetProperty("times").GetArrayLength());
        var rates = Values(chart, "series", 0, from: 0);
        Assert.InRange(rates.Count(rate => rate is > 9.99 and < 10.01), 118, 120);
    }

    [Fact]
    public async Task Series_beyond_the_limit_are_refused_and_counted()
    {
        await using var dashboard = await RunningDashboard.StartAsync("Dashboard:TelemetryLimits:MaxSeriesCount=10");
        var metric = Counter(AggregationTemporality.Delta, [.. Enumerable.Range(0, 12).Select(i => Point(0, 2, 1, $"{i}"))]);
        using var answer = await dashboard.ExportAsync("/v1/metrics", Telemetry.Metrics("sender", metric));
        Assert.Equal(2, ExportResponse.Parser.ParseFrom(await answer.Content.ReadAsByteArrayAsync(Token)).PartialSuccess.Rejected);
    }

    [Fact]
    public async Task A_sender_with_a_wrong_clock_cannot_push_out_what_is_known()
    {
        await using var dashboard = await RunningDashboard.StartAsync();
        await SendAsync(dashboard, Counter(AggregationTemporality.Delta, Point(0, 2, 20)));
        using var answer = await dashboard.ExportAsync("/v1/metrics", Telemetry.Metrics("sender", Counter(AggregationTemporality.Delta, Point(0, 86_400, 1), Point(-86_400, -80_000, 1))));
        Assert.Equal(2, ExportResponse.Parser.ParseFrom(await answer.Content.ReadAsByteArrayAsync(Token)).PartialSuccess.Rejected);
        Assert.Equal(10, (await RatesAsync(dashboard))[0]);
    }

    private static Metric Counter(AggregationTemporality temporality, params NumberDataPoint[] points) =>
        new() { Name = "counted", Sum = new Sum { IsMonotonic = true, AggregationTemporality = temporality, DataPoints = { points } } };

    private Metric Histogram(ulong[] counts, int from, int to) => new()
    {
        Name = "took",
        Histogram = new Histogram
        {
            AggregationTemporality = AggregationTemporality.Delta,
            DataPoints = { new HistogramDataPoint { StartTimeUnixNano = At(from), TimeUnixNano = At(to), ExplicitBounds = { 10, 20, 30 }, BucketCounts = { counts } } },
        },
    };

    private NumberDataPoint Point(int from, int to, double value, string? method = null)
    {
        var point = new NumberDataPoint { StartTimeUnixNano = At(from), TimeUnixNano = At(to), AsDouble = value };
        if (method is not null)
            point.Attributes.Add(Telemetry.Tag("method", method));
        return point;
    }

    private ulong At(int seconds) => Telemetry.Nanoseconds(_start.AddSeconds(seconds));

    private static async Task SendAsync(RunningDashboard dashboard, Metric metric, string instance = "one")
    {
        using var answer = await dashboard.ExportAsync("/v1/metrics", Telemetry.Metrics("sender", metric, instance));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    private static Task<JsonElement> ChartAsync(RunningDashboard dashboard, string name, string query = "", int minutes = 1) =>
        dashboard.GetAsync($"/api/metrics/series?resource=sender&meter=Test&name={name}&minutes={minutes}{query}");

    private async Task<double?[]> RatesAsync(RunningDashboard dashboard, string query = "") =>
        [.. Values(await ChartAsync(dashboard, "counted", query), "series", 0).Take(7).Select(rate => rate is { } value ? Math.Round(value, 3) : rate)];

    private async Task<double?[]> ValuesAsync(RunningDashboard dashboard, string name, int series) => Values(await ChartAsync(dashboard, name), "series", series);

    private double?[] Values(JsonElement chart, string lines, int line) =>
        Values(chart, lines, line, chart.GetProperty("times").EnumerateArray().ToList().FindIndex(time => time.GetInt64() == _start.ToUnixTimeSeconds()));

    private static double?[] Values(JsonElement chart, string lines, int line, int from) =>
        [.. chart.GetProperty(lines)[line].GetProperty("values").EnumerateArray().Skip(from).Select(value => value.ValueKind == JsonValueKind.Null ? (double?)null : value.GetDouble())];
}
