using System.ComponentModel.DataAnnotations;
using Aspire.Hosting;
using Microsoft.Extensions.Configuration;

namespace CloudTab.DevHost.Dashboard;

/// <summary>
/// How much telemetry the dashboard keeps, all of it in memory: <c>Dashboard:TelemetryLimits:MaxSpanCount</c> and so on. Where Aspire's
/// dashboard has the same limit it has the same name.
/// </summary>
internal sealed class TelemetryLimits
{
    /// <summary>Spans of all services together; a full ring of the relay's spans is about 25 MB. With too few a trace loses its first spans.</summary>
    [Range(100, 1_000_000)]
    public int MaxSpanCount { get; set; } = 25_000;

    /// <summary>Log records of all services together.</summary>
    [Range(100, 1_000_000)]
    public int MaxLogCount { get; set; } = 10_000;

    /// <summary>
    /// Series (an instrument with one set of attributes, of one process) of all services together: 2 kB each, a histogram 25 kB. Those beyond
    /// are refused until one has been silent for an hour.
    /// </summary>
    [Range(10, 100_000)]
    public int MaxSeriesCount { get; set; } = 4_000;

    /// <summary>Attributes of one span, event, link, log record or point; the rest is dropped.</summary>
    [Range(1, 10_000)]
    public int MaxAttributeCount { get; set; } = 128;

    /// <summary>Characters of one attribute or message; the rest is cut off.</summary>
    [Range(16, 1_000_000)]
    public int MaxAttributeLength { get; set; } = 8_192;

    /// <summary>Events, and links, of one span; the rest is dropped.</summary>
    [Range(1, 10_000)]
    public int MaxSpanEventCount { get; set; } = 128;

    /// <summary>Bytes of one OTLP request once unpacked; a larger one is answered with 413.</summary>
    [Range(1 << 16, 1 << 30)]
    public int MaxRequestSize { get; set; } = 16 << 20;

    /// <exception cref="DistributedApplicationException">A limit is no number, or out of its range.</exception>
    public static TelemetryLimits From(IConfiguration configuration)
    {
        const string section = "Dashboard:TelemetryLimits";
        var limits = new TelemetryLimits();
        try
        {
            configuration.GetSection(section).Bind(limits);
            Validator.ValidateObject(limits, new ValidationContext(limits), validateAllProperties: true);
            return limits;
        }
        catch (Exception e) when (e is InvalidOperationException or ValidationException)
        {
            throw new DistributedApplicationException($"{section}: {e.Message}", e);
        }
    }
}
