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
        var refused = 0L;
        foreach (var resource in request.ResourceMetrics)
        {
            var source = tags.Source(resource.Resource);
            foreach (var scope in resource.ScopeMetrics)
            {
                foreach (var metric in scope.Metrics)
                    refused += Read(source, scope.Scope?.Name ?? "", metric, points);
            }
        }

        return refused + store.Add(points);
    }

    private int Read(TelemetrySource source, string meter, Metric metric, List<MetricPoint> points)
    {
        switch (metric.DataCase)
        {
            case Metric.DataOneofCase.Gauge:
                AddNumbers(InstrumentKind.Gauge, isDelta: false, metric.Gauge.DataPoints);
                return 0;
            case Metric.DataOneofCase.Sum:
                AddNumbers(metric.Sum.IsMonotonic ? InstrumentKind.Counter : InstrumentKind.UpDownCounter, IsDelta(metric.Sum.AggregationTemporality), metric.Sum.DataPoints);
                return 0;
            case Metric.DataOneofCase.Histogram:
                return AddHistograms(IsDelta(metric.Histogram.AggregationTemporality), metric.Histogram.DataPoints);
            case Metric.DataOneofCase.ExponentialHistogram:
                return metric.ExponentialHistogram.DataPoints.Count;
            case Metric.DataOneofCase.Summary:
                return metric.Summary.DataPoints.Count;
            default:
                return 0;
        }

        void AddNumbers(InstrumentKind kind, bool isDelta, RepeatedField<NumberDataPoint> numbers)
        {
            var instrument = Key(kind);
            foreach (var point in numbers)
            {
                var value = point.ValueCase == NumberDataPoint.ValueOneofCase.AsInt ? point.AsInt : point.AsDouble;
                if ((point.Flags & NoRecordedValue) == 0 && double.IsFinite(value))
                    points.Add(new(instrument, metric.Unit, metric.Description, source, tags.Read(point.Attributes), point.StartTimeUnixNano, UnixTime.Seconds(point.TimeUnixNano), isDelta, [value], []));
            }
        }

        int AddHistograms(bool isDelta, RepeatedField<HistogramDataPoint> histograms)
        {
            var instrument = Key(InstrumentKind.Histogram);
            var malformed = 0;
            foreach (var point in histograms)
            {
                if ((point.Flags & NoRecordedValue) != 0)
                    continue;

                // Without buckets (two counts and no bound are none either) there is nothing to take a percentile of.
                if (point.BucketCounts.Count != point.ExplicitBounds.Count + 1)
                    malformed++;
                else
                    points.Add(new(instrument, metric.Unit, metric.Description, source, tags.Read(point.Attributes), point.StartTimeUnixNano, UnixTime.Seconds(point.TimeUnixNano), isDelta, [.. point.BucketCounts.Select(count => (double)count)], [.. point.ExplicitBounds]));
            }

            return malformed;
        }

        InstrumentKey Key(InstrumentKind kind) => new(source.Service, tags.Pooled(meter), tags.Pooled(metric.Name), kind);
    }

    private static bool IsDelta(AggregationTemporality temporality) => temporality == AggregationTemporality.Delta;
}
