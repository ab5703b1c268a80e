using System.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace CloudTab.ServiceDefaults;

/// <summary>OpenTelemetry logs, traces and metrics, exported over OTLP if OTEL_EXPORTER_OTLP_ENDPOINT is set.</summary>
internal static class Telemetry
{
    private const string Ours = "CloudTab.";

    internal static void AddTelemetry(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<Refusals>();

        // Below warnings these write addresses, which carry session ids. For the same reason scopes stay out: the framework's own holds
        // the request's path.
        foreach (var category in (string[])["Microsoft.AspNetCore", "System.Net.Http.HttpClient", "Yarp"])
            builder.Logging.AddFilter(category, LogLevel.Warning);

        // If nothing is exported nothing is recorded: instrumentation costs a tenth of a small request. Another tenth of one through the gateway
        // are the activities that ASP.NET Core and HttpClient begin for nobody, as long as this category may log anything.
        if (string.IsNullOrEmpty(builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]))
        {
            builder.Logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);
            return;
        }

        // A collector that is gone or hangs delays the end of a service by this much for each signal: by default 10 s.
        builder.Configuration["OTEL_EXPORTER_OTLP_TIMEOUT"] ??= "1000";
        builder.Logging.AddOpenTelemetry(logging => logging.IncludeFormattedMessage = true);
        builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource
                .AddService(builder.Environment.ApplicationName, serviceNamespace: "cloudtab", serviceVersion: Extensions.Version)
                .AddEnvironmentVariableDetector()) // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES have the last word
            .WithMetrics(metrics => metrics
                .AddAspNetCoreInstrumentation()
                .AddHttpClientInstrumentation()
                .AddRuntimeInstrumentation()
                .AddMeter($"{Ours}*")
                // Without the names that were looked up: those of shops' webhooks are nobody else's business, and there is no end of them.
                .AddView("dns.lookup.duration", new MetricStreamConfiguration { TagKeys = ["error.type"] })
                .SetExemplarFilter(ExemplarFilterType.TraceBased))
            .WithTracing(tracing => tracing
                .AddSource($"{Ours}*")
                .AddHttpClientInstrumentation(client =>
                {
                    // A call of S3 is a span already, which says more.
                    client.FilterHttpRequestMessage = _ => Activity.Current?.Parent is not { Kind: ActivityKind.Client };
                    client.EnrichWithHttpRequestMessage = (span, request) =>
                        span.SetTag("url.full", request.RequestUri?.GetLeftPart(UriPartial.Authority));
                })
                .AddAspNetCoreInstrumentation(server =>
                {
                    server.Filter = context => !context.Request.Path.StartsWithSegments("/health", StringComparison.Ordinal);
                    server.EnrichWithHttpRequest = (span, _) =>
                    {
                        // Paths and queries carry session ids, which no trace may hold; the route says which endpoint it was.
                        span.SetTag("url.path", null);
                        span.SetTag("url.query", null);
                    };
                    server.EnrichWithHttpResponse = (span, response) => span.SetTag("url.path", RouteOf(response.HttpContext));
                })
                .AddProcessor<CallsOfNobody>())
            .UseOtlpExporter();
    }

    private static string? RouteOf(HttpContext context) => (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText;

    /// <summary>
    /// Leaves out calls that belong to no work: health checks, polls that found nothing, the pump's NOTIFY. Each would be a trace of its own,
    /// a dozen a second from a relay that idles. A metric or the span of the work that they served tells all that matters.
    /// </summary>
    private sealed class CallsOfNobody : BaseProcessor<Activity>
    {
        public override void OnStart(Activity data)
        {
            // The sampler asks only for flags; a filtered request's own calls come with a parent that nobody records.
            if (data is not ({ Kind: ActivityKind.Client, ParentId: null } or { Parent.IsAllDataRequested: false }))
                return;
            data.IsAllDataRequested = false;
            data.ActivityTraceFlags &= ~ActivityTraceFlags.Recorded;
        }
    }
}
