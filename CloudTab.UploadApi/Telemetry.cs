using System.Diagnostics;
using System.Diagnostics.Metrics;
using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>
/// Traces and metrics of uploads; names and units follow https://opentelemetry.io/docs/specs/semconv/general/metrics/. None of them
/// contains a session id or the name of a file.
/// </summary>
internal sealed class Telemetry
{
    private const string Name = "CloudTab.UploadApi";

    private static readonly ActivitySource Activities = new(Name);

    private readonly Histogram<long> _size;
    private readonly Histogram<double> _duration;
    private readonly Counter<long> _pdfs;
    private readonly Counter<long> _scans;
    private readonly UpDownCounter<long> _streams;

    public Telemetry(IMeterFactory meters, UploadMemory memory)
    {
        var meter = meters.Create(Name);
        _size = meter.CreateHistogram("cloudtab.upload.size", "By", "Sizes of stored files.", tags: null, RelayTelemetry.FileSizes);
        _duration = meter.CreateHistogram<double>(
            "cloudtab.upload.duration",
            "s",
            "From a file's first byte until it is complete in S3.",
            tags: null,
            new() { HistogramBucketBoundaries = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900] });
        meter.CreateObservableUpDownCounter("cloudtab.upload.memory.usage", () => memory.InUse, "By", "Buffers that uploads use now.");
        meter.CreateObservableUpDownCounter("cloudtab.upload.memory.limit", () => memory.Limit, "By", "Buffers that uploads may use.");
        _pdfs = meter.CreateCounter<long>("cloudtab.upload.pdfs", "{file}", "PDFs received, by whether they could be counted.");
        _scans = meter.CreateCounter<long>("cloudtab.upload.scans", "{file}", "Files that the virus scanner was asked about, by what it said.");
        _streams = meter.CreateUpDownCounter<long>("cloudtab.watch.streams", "{stream}", "Event streams that customers have open.");
    }

    /// <summary>A span over one file while it is received.</summary>
    public static Activity? StartFile(Guid file) => Activities.StartActivity("receive file")?.SetTag("cloudtab.file.id", file);

    /// <summary>A span over the reading of a PDF's pages.</summary>
    public static Activity? StartPdf(Guid file) => Activities.StartActivity("read PDF")?.SetTag("cloudtab.file.id", file);

    /// <summary>A span over the virus scan of a file.</summary>
    public static Activity? StartScan(Guid file) => Activities.StartActivity("scan file")?.SetTag("cloudtab.file.id", file);

    public void FileStored(long size, string type, TimeSpan duration)
    {
        var tag = new KeyValuePair<string, object?>("cloudtab.file.type", type);
        _size.Record(size, tag);
        _duration.Record(duration.TotalSeconds, tag);
    }

    /// <param name="scan">One of <see cref="Scan"/>.</param>
    public void FileScanned(string scan) => _scans.Add(1, new KeyValuePair<string, object?>("cloudtab.scan.outcome", scan));

    public void StreamsChanged(int by) => _streams.Add(by);

    /// <param name="facts">What was found out, or null if nothing was.</param>
    public void PdfRead(PdfFacts? facts)
    {
        var outcome = facts is null ? "unknown" : facts.Locked ? "locked" : "counted";
        _pdfs.Add(1, new KeyValuePair<string, object?>("cloudtab.pdf.outcome", outcome));
    }
}
