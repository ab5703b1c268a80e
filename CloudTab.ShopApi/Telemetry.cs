using System.Diagnostics.Metrics;
using CloudTab.Relay;

namespace CloudTab.ShopApi;

/// <summary>
/// What the shopkeepers' API measures beside its requests. Names as in https://opentelemetry.io/docs/specs/semconv/general/metrics/.
/// </summary>
internal sealed class Telemetry
{
    private readonly Counter<long> _claims;
    private readonly Counter<long> _wrongKeys;
    private readonly Histogram<long> _downloads;

    public Telemetry(IMeterFactory meters)
    {
        var meter = meters.Create("CloudTab.ShopApi");
        _claims = meter.CreateCounter<long>("cloudtab.claims", "{claim}", "Claims, by how they ended.");
        _wrongKeys = meter.CreateCounter<long>("cloudtab.keys.wrong", "{key}", "Calls with an unknown or revoked API key.");
        _downloads = meter.CreateHistogram<long>("cloudtab.download.size", "By", "Bytes sent in a download.");
    }

    public void CountClaim(Outcome outcome) =>
        _claims.Add(1, new KeyValuePair<string, object?>("cloudtab.claim.outcome", outcome.ToString()));

    public void CountWrongKey() => _wrongKeys.Add(1);

    public void RecordDownload(long bytes) => _downloads.Record(bytes);
}
