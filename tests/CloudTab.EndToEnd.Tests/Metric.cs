namespace CloudTab.EndToEnd.Tests;

/// <summary>A metric as a service exported it.</summary>
/// <param name="IsCounter">Whether it is a sum that only grows.</param>
/// <param name="Points">The attributes of each of its points.</param>
public sealed record Metric(
    string Service, string Name, string Unit, bool IsHistogram, bool IsCounter, IReadOnlyList<IReadOnlyDictionary<string, object?>> Points)
{
    /// <summary>
    /// What Prometheus calls its series, as its OTLP receiver and the OpenTelemetry collector translate by default (UnderscoreEscapingWithSuffixes):
    /// https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/.
    /// </summary>
    public IEnumerable<string> PrometheusNames
    {
        get
        {
            var unit = Unit switch
            {
                "By" => "_bytes",
                "s" => "_seconds",
                "ms" => "_milliseconds",
                "1" when !IsCounter && !IsHistogram => "_ratio",
                _ => "", // in braces: a note, no unit
            };
            var name = Label(Name) + unit;
            return IsHistogram ? [$"{name}_bucket", $"{name}_count", $"{name}_sum"] : [IsCounter ? $"{name}_total" : name];
        }
    }

    /// <summary>What Prometheus calls an attribute.</summary>
    public static string Label(string attribute) => attribute.Replace('.', '_');

    /// <summary>All metrics of all exports. The numbers are those of opentelemetry/proto/metrics/v1/metrics.proto.</summary>
    public static IEnumerable<Metric> Of(IEnumerable<Export> exports) =>
        from export in exports
        where export.Signal == "metrics"
        from service in export.Services()
        from metric in service.Sent
        let gauge = metric.Messages(5).SingleOrDefault()
        let sum = metric.Messages(7).SingleOrDefault()
        let histogram = metric.Messages(9).SingleOrDefault()
        select new Metric(
            service.Service,
            metric.Text(1),
            metric.Text(3),
            histogram is not null,
            sum?.Number(3) == 1,
            histogram is not null
                ? [.. histogram.Messages(1).Select(point => Attributes.Of(point, 9))]
                : [.. (gauge ?? sum)!.Messages(1).Select(point => Attributes.Of(point, 7))]);
}
