using System.Diagnostics.Metrics;
using CloudTab.Relay;

namespace CloudTab.ShopApi;

/// <summary>
/// What the shopkeepers' API measures beside its requests. Names as in https://opentelemetry.io/docs/specs/semconv/general/metrics/.
/// </summary>
internal sealed class Telemetry
{
    private readonly Histogram<long> _downloads;

    public Telemetry(IMeterFactory meters)
    {
        var meter = meters.Create("CloudTab.ShopApi");
        _downloads = meter.CreateHistogram("cloudtab.download.size", "By", "Bytes sent in a download.", tags: null, RelayTelemetry.FileSizes);
    }

    public void RecordDownload(long bytes) => _downloads.Record(bytes);
}
