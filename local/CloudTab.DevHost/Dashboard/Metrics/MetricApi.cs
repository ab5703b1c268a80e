using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace CloudTab.DevHost.Dashboard.Metrics;

internal static class MetricApi
{
    /// <summary>Values of one attribute that are offered to choose from.</summary>
    private const int MostValues = 200;

    public static void MapMetrics(this IEndpointRouteBuilder api)
    {
        api.MapGet("/metrics", List);
        api.MapGet("/metrics/series", Get);
    }

    private static Ok<InstrumentList> List(MetricStore metrics) => TypedResults.Ok(metrics.Use(instruments => new InstrumentList(
        [.. instruments.OrderBy(all => all.Key.Service, StringComparer.Ordinal).ThenBy(all => all.Key.Meter, StringComparer.Ordinal).ThenBy(all => all.Key.Name, StringComparer.Ordinal)
            .Select(instrument => new InstrumentView(
                instrument.Key.Service, instrument.Key.Meter, instrument.Key.Name, instrument.Unit, instrument.Description, instrument.Key.Kind,
                AttributesOf(instrument)))])));

    private static Results<Ok<Chart>, NotFound> Get(
        MetricStore metrics, TimeProvider time, string resource, string meter, string name, int? minutes, string? by, string[]? where)
    {
        var query = new ChartQuery(Math.Clamp(minutes ?? 5, 1, 60), string.IsNullOrEmpty(by) ? null : by, [.. (where ?? []).Select(KeyValueQuery.Parse)]);
        var chart = metrics.Use(instruments => instruments
            .FirstOrDefault(instrument => instrument.Key.Service == resource && instrument.Key.Meter == meter && instrument.Key.Name == name) is { } found
                ? Charts.Of(found, query, time.GetUtcNow())
                : null);
        return chart is null ? TypedResults.NotFound() : TypedResults.Ok(chart);
    }

    private static SortedDictionary<string, string[]> AttributesOf(Instrument instrument) => new(
        instrument.Series.Values.SelectMany(Charts.TagsOf).GroupBy(tag => tag.Key, StringComparer.Ordinal)
            .ToDictionary(
                key => key.Key,
                key => key.Select(tag => tag.Value).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).Take(MostValues).ToArray(),
                StringComparer.Ordinal),
        StringComparer.Ordinal);
}

internal sealed record InstrumentList(InstrumentView[] Instruments);

internal sealed record InstrumentView(
    string Resource, string Meter, string Name, string Unit, string Description, InstrumentKind Kind, SortedDictionary<string, string[]> Attributes);
