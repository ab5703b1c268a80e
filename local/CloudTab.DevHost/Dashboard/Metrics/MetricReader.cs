using CloudTab.DevHost.Dashboard.Otlp;
using Google.Protobuf.Collections;

namespace CloudTab.DevHost.Dashboard.Metrics;

/// <summary>From OTLP's metrics to the dashboard's points. Exponential histograms and summaries are refused: nothing here sends them.</summary>
internal sealed class MetricReader(TagReader tags, MetricStore store)
{
    /// <summary>DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK: the series has ended, and the value means nothing.</summary>
    private const uint NoRecordedValue = 1;

    /// <returns>How many points were refused.</returns>
    public long Receive(ExportMetricsServiceRequest request)
    {
        var points = new List<MetricPoint>();
        var refused = 0;
        foreach (var resource in request.ResourceMetrics)
        {
            var source = tags.Source(resource.Resource);
            foreach (var scope in resource.ScopeMetrics)
            {
                var meter = tags.Pooled(scope.Scope?.Name ?? "");
                foreach (var metric in scope.Metrics)
                    refused += Read(source, meter, metric, points);
            }
        }

        return refused + store.Add(points);
    }

    /// <returns>How many points were refused.</returns>
    private int Read(TelemetrySource source, string meter, Metric metric, List<MetricPoint> points)
    {
        switch (metric.DataCase)
        {
            case Metric.DataOneofCase.Gauge:
                AddNumbers(Stream(InstrumentKind.Gauge, AggregationTemporality.Unspecified), metric.Gauge.DataPoints, points);
                return 0;
            case Metric.DataOneofCase.Sum:
                var kind = metric.Sum.IsMonotonic ? InstrumentKind.Counter : InstrumentKind.UpDownCounter;
                AddNumbers(Stream(kind, metric.Sum.AggregationTemporality), metric.Sum.DataPoints, points);
                return 0;
            case Metric.DataOneofCase.Histogram:
                var stream = Stream(InstrumentKind.Histogram, metric.Histogram.AggregationTemporality);
                return AddHistograms(stream, metric.Histogram.DataPoints, points);
            case Metric.DataOneofCase.ExponentialHistogram:
                return metric.ExponentialHistogram.DataPoints.Count;
            case Metric.DataOneofCase.Summary:
                return metric.Summary.DataPoints.Count;
            default:
                return 0;
        }

        MetricStream Stream(InstrumentKind kind, AggregationTemporality temporality) => new(
            new InstrumentKey(source.Service, meter, tags.Pooled(metric.Name), kind), metric.Unit, metric.Description, source,
            IsDelta: temporality == AggregationTemporality.Delta);
    }

    private void AddNumbers(MetricStream stream, RepeatedField<NumberDataPoint> numbers, List<MetricPoint> points)
    {
        foreach (var point in numbers)
        {
            var value = point.ValueCase == NumberDataPoint.ValueOneofCase.AsInt ? point.AsInt : point.AsDouble;
            if ((point.Flags & NoRecordedValue) == 0 && double.IsFinite(value))
                points.Add(new(stream, tags.Read(point.Attributes), point.StartTimeUnixNano, UnixTime.Seconds(point.TimeUnixNano), [value], []));
        }
    }

    private int AddHistograms(MetricStream stream, RepeatedField<HistogramDataPoint> histograms, List<MetricPoint> points)
    {
        var refused = 0;
        foreach (var point in histograms)
        {
            if ((point.Flags & NoRecordedValue) != 0)
                continue;

            // Without buckets there is nothing to take a percentile of.
            if (point.BucketCounts.Count != point.ExplicitBounds.Count + 1)
            {
                refused++;
                continue;
            }

            var counts = new double[point.BucketCounts.Count];
            for (var i = 0; i < counts.Length; i++)
                counts[i] = point.BucketCounts[i];
            points.Add(new(
                stream, tags.Read(point.Attributes), point.StartTimeUnixNano, UnixTime.Seconds(point.TimeUnixNano), counts, [.. point.ExplicitBounds]));
        }

        return refused;
    }
}
