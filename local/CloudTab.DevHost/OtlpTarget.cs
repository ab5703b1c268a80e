using CloudTab.DevHost.Dashboard;
using Microsoft.Extensions.Configuration;

namespace CloudTab.DevHost;

/// <summary>
/// Where the resources send their telemetry, and which variables tell them: to this run's dashboard, unless
/// <c>ASPIRE_DASHBOARD_OTLP_HTTP_ENDPOINT_URL</c> names another receiver; without a dashboard nowhere, unless that or
/// <c>ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL</c> names one.
/// </summary>
internal sealed class OtlpTarget(IConfiguration configuration, Lazy<DashboardOptions> options, DashboardServer dashboard)
{
    /// <summary>The name and instance are given in any case: a process may have an exporter of its own.</summary>
    public IEnumerable<KeyValuePair<string, string>> VariablesFor(ProjectInstance instance)
    {
        yield return new("OTEL_SERVICE_NAME", instance.Resource.Name);
        yield return new("OTEL_RESOURCE_ATTRIBUTES", $"service.instance.id={instance.Suffix}");
        var (endpoint, protocol, apiKey) = Receiver();
        if (endpoint is null)
            yield break;

        yield return new("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
        yield return new("OTEL_EXPORTER_OTLP_PROTOCOL", protocol);
        if (apiKey is not null)
            yield return new("OTEL_EXPORTER_OTLP_HEADERS", $"x-otlp-api-key={apiKey}");

        // What a person waits for must not lie in a batch for the exporter's usual 5 s and 60 s.
        yield return new("OTEL_BLRP_SCHEDULE_DELAY", "1000");
        yield return new("OTEL_BSP_SCHEDULE_DELAY", "1000");
        yield return new("OTEL_METRIC_EXPORT_INTERVAL", "1000");
        yield return new("OTEL_TRACES_SAMPLER", "always_on");
        yield return new("OTEL_METRICS_EXEMPLAR_FILTER", "trace_based");
    }

    private (string? Endpoint, string Protocol, string? ApiKey) Receiver()
    {
        var foreignKey = configuration["AppHost:OtlpApiKey"];
        if (configuration["ASPIRE_DASHBOARD_OTLP_HTTP_ENDPOINT_URL"] is { Length: > 0 } overHttp)
            return (overHttp, "http/protobuf", foreignKey);
        if (dashboard.Address is { } own)
            return (own.ToString(), "http/protobuf", options.Value.OtlpApiKey);

        // The launch profile names the dashboard's own gRPC address, for Aspire: a run without the dashboard has nobody there.
        var overGrpc = configuration["ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL"];
        return overGrpc is not { Length: > 0 } || overGrpc == DashboardOptions.DefaultGrpcUrl ? (null, "", null) : (overGrpc, "grpc", foreignKey);
    }
}
