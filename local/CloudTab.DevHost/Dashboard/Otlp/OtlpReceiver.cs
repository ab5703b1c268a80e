using System.Security.Cryptography;
using System.Text;
using CloudTab.DevHost.Dashboard.Logs;
using CloudTab.DevHost.Dashboard.Metrics;
using CloudTab.DevHost.Dashboard.Traces;

namespace CloudTab.DevHost.Dashboard.Otlp;

/// <summary>Takes in telemetry, whichever way it came.</summary>
internal sealed class OtlpReceiver(SpanReader spans, LogReader logs, MetricReader metrics, TelemetryLimits limits, OtlpKey key)
{
    /// <summary>Aspire's dashboard has the same.</summary>
    public const string KeyHeader = "x-otlp-api-key";

    private static readonly ExportResponse Complete = new();

    private readonly byte[] _apiKey = Encoding.UTF8.GetBytes(key.Value);

    public int MaxRequestSize => limits.MaxRequestSize;

    /// <summary>Any page that a browser shows can send to a port of this machine: it must know the key that the resources were given.</summary>
    public bool Admits(string? given) => CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(given ?? ""), _apiKey);

    public ExportResponse Receive(ExportTraceServiceRequest request) => Answer(spans.Receive(request), "A span needs a trace id of 16 bytes and a span id of 8.");

    public ExportResponse Receive(ExportLogsServiceRequest request)
    {
        logs.Receive(request);
        return Complete;
    }

    public ExportResponse Receive(ExportMetricsServiceRequest request) => Answer(
        metrics.Receive(request),
        "Refused: exponential histograms, summaries, histograms without buckets, points older than an hour or from the future, series beyond the limit.");

    private static ExportResponse Answer(long refused, string why) => refused == 0
        ? Complete
        : new ExportResponse { PartialSuccess = new PartialSuccess { Rejected = refused, ErrorMessage = why } };
}

/// <summary>What the resources were given to send with.</summary>
internal sealed record OtlpKey(string Value);
