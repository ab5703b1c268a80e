using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.IO.Compression;
using System.Net;
using CloudTab.DevHost.Dashboard.Otlp;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace CloudTab.DevHost.Tests.Dashboard;

/// <summary>OTLP in: what the official SDK sends, and what nobody should.</summary>
public sealed class Receiving
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(OtlpExportProtocol.HttpProtobuf)]
    [InlineData(OtlpExportProtocol.Grpc)]
    public async Task What_the_official_exporter_sends_is_understood(OtlpExportProtocol protocol)
    {
        await using var dashboard = await RunningDashboard.StartAsync();
        var resource = ResourceBuilder.CreateEmpty().AddService("sender", serviceInstanceId: "first");
        using var source = new ActivitySource($"Test.{protocol}");
        using var meter = new Meter($"Test.{protocol}");
        using var tracing = Sdk.CreateTracerProviderBuilder().SetResourceBuilder(resource).AddSource(source.Name).AddOtlpExporter(options => To(options, "/v1/traces")).Build();
        using var metrics = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(resource).AddMeter(meter.Name).AddOtlpExporter(options => To(options, "/v1/metrics")).Build();
        using var logging = LoggerFactory.Create(builder => builder.AddOpenTelemetry(options => options.SetResourceBuilder(resource).AddOtlpExporter(exporter => To(exporter, "/v1/logs"))));

        string traceId;
        using (var span = source.StartActivity("print", ActivityKind.Consumer)!)
        {
            traceId = span.TraceId.ToHexString();
            span.SetTag("pages", 3).SetTag("colours", (string[])["red", "blue"]).AddException(new InvalidOperationException("jam"));
            logging.CreateLogger("Printer").LogWarning(new InvalidOperationException("jam"), "Tray {Tray} is empty", 2);
            meter.CreateCounter<long>("pages", "{page}", "Pages printed").Add(3, new KeyValuePair<string, object?>("tray", 2));
        }

        Assert.True(tracing.ForceFlush() && metrics.ForceFlush());
        logging.Dispose();

        var trace = await dashboard.GetAsync($"/api/traces/{traceId}");
        var read = Assert.Single(trace.GetProperty("spans").EnumerateArray());
        Assert.Equal(("print", "Consumer", "sender", "first"), (Text(read, "name"), Text(read, "kind"), Text(read, "service"), Text(read, "instance")));
        Assert.Equal("3", Text(read.GetProperty("attributes"), "pages"));
        Assert.Equal("""["red","blue"]""", Text(read.GetProperty("attributes"), "colours"));
        Assert.Equal("exception", Text(Assert.Single(read.GetProperty("events").EnumerateArray()), "name"));

        var log = Assert.Single(trace.GetProperty("logs").EnumerateArray());
        Assert.Equal(("Warning", "Printer", "Tray {Tray} is empty"), (Text(log, "level"), Text(log, "category"), Text(log, "message")));
        Assert.Contains("jam", Text(log, "exception"), StringComparison.Ordinal);
        Assert.Equal("2", Text(log.GetProperty("attributes"), "Tray"));

        var instrument = Assert.Single((await dashboard.GetAsync("/api/metrics")).GetProperty("instruments").EnumerateArray());
        Assert.Equal(("sender", "pages", "{page}", "counter"), (Text(instrument, "resource"), Text(instrument, "name"), Text(instrument, "unit"), Text(instrument, "kind")));

        void To(OtlpExporterOptions options, string path)
        {
            options.Protocol = protocol;
            options.Endpoint = protocol == OtlpExportProtocol.Grpc ? dashboard.Server.GrpcAddress! : new Uri(dashboard.Server.Address!, path);
            options.Headers = $"x-otlp-api-key={RunningDashboard.OtlpKey}";
        }
    }

    [Fact]
    public async Task A_body_may_be_packed()
    {
        await using var dashboard = await RunningDashboard.StartAsync();
        using var answer = await dashboard.ExportAsync("/v1/traces", Packed(Telemetry.Spans("sender", Telemetry.Span()).ToByteArray()), encoding: "gzip");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(RunningDashboard.Protobuf, answer.Content.Headers.ContentType?.MediaType);
        Assert.Equal(1, (await dashboard.GetAsync("/api/traces")).GetProperty("total").GetInt32());
    }

    [Fact]
    public async Task What_is_no_OTLP_is_refused_with_a_status_that_says_why()
    {
        await using var dashboard = await RunningDashboard.StartAsync("Dashboard:TelemetryLimits:MaxRequestSize=65536");
        var fine = Telemetry.Spans("sender", Telemetry.Span()).ToByteArray();
        var large = Telemetry.Spans(new string('x', 100_000)).ToByteArray();

        await RefusesAsync(HttpStatusCode.BadRequest, dashboard.ExportAsync("/v1/traces", "garbage"u8.ToArray()));
        await RefusesAsync(HttpStatusCode.BadRequest, dashboard.ExportAsync("/v1/traces", fine[..^1]));
        await RefusesAsync(HttpStatusCode.BadRequest, dashboard.ExportAsync("/v1/logs", fine, encoding: "gzip"));
        await RefusesAsync(HttpStatusCode.Unauthorized, dashboard.ExportAsync("/v1/traces", fine, key: "wrong"));
        await RefusesAsync(HttpStatusCode.Unauthorized, dashboard.ExportAsync("/v1/metrics", fine, key: null));
        await RefusesAsync(HttpStatusCode.RequestEntityTooLarge, dashboard.ExportAsync("/v1/traces", large));
        await RefusesAsync(HttpStatusCode.RequestEntityTooLarge, dashboard.ExportAsync("/v1/traces", Packed(large), encoding: "gzip"));
        await RefusesAsync(HttpStatusCode.UnsupportedMediaType, dashboard.ExportAsync("/v1/traces", "{}"u8.ToArray(), "application/json"));
        await RefusesAsync(HttpStatusCode.UnsupportedMediaType, dashboard.ExportAsync("/v1/traces", fine, encoding: "br"));
        Assert.Equal(0, (await dashboard.GetAsync("/api/traces")).GetProperty("total").GetInt32());
    }

    [Fact]
    public async Task What_cannot_be_kept_is_told_as_a_partial_success()
    {
        await using var dashboard = await RunningDashboard.StartAsync();
        var nameless = Telemetry.Span();
        nameless.SpanId = ByteString.Empty;
        Assert.Equal(1, await RejectedAsync(dashboard.ExportAsync("/v1/traces", Telemetry.Spans("sender", nameless, Telemetry.Span()))));
        Assert.Equal(0, await RejectedAsync(dashboard.ExportAsync("/v1/traces", Telemetry.Spans("sender", Telemetry.Span()))));

        var summary = new CloudTab.DevHost.Dashboard.Otlp.Metric { Name = "summary", Summary = new Unsupported { DataPoints = { new Nothing(), new Nothing() } } };
        Assert.Equal(2, await RejectedAsync(dashboard.ExportAsync("/v1/metrics", Telemetry.Metrics("sender", summary))));
    }

    private static async Task<long> RejectedAsync(Task<HttpResponseMessage> sent)
    {
        using var answer = await sent;
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return ExportResponse.Parser.ParseFrom(await answer.Content.ReadAsByteArrayAsync(Token)).PartialSuccess?.Rejected ?? 0;
    }

    private static async Task RefusesAsync(HttpStatusCode status, Task<HttpResponseMessage> sent)
    {
        using var answer = await sent;
        Assert.Equal(status, answer.StatusCode);
        Assert.Equal(RunningDashboard.Protobuf, answer.Content.Headers.ContentType?.MediaType);
        Assert.NotEmpty(RpcStatus.Parser.ParseFrom(await answer.Content.ReadAsByteArrayAsync(Token)).Message);
    }

    private static byte[] Packed(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
            gzip.Write(bytes);
        return packed.ToArray();
    }

    private static string? Text(System.Text.Json.JsonElement json, string member) => json.GetProperty(member).GetString();
}
