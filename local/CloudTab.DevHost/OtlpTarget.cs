using Microsoft.Extensions.Configuration;

namespace CloudTab.DevHost;

/// <summary>Where the resources send their telemetry, and which variables tell them; nowhere unless configured.</summary>
internal sealed record OtlpTarget(string? Endpoint, string Protocol, string? ApiKey)
{
    public static OtlpTarget From(IConfiguration configuration)
    {
        var overHttp = configuration["ASPIRE_DASHBOARD_OTLP_HTTP_ENDPOINT_URL"];
        return new OtlpTarget(
            overHttp ?? configuration["ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL"],
            overHttp is null ? "grpc" : "http/protobuf",
            configuration["AppHost:OtlpApiKey"]);
    }

    /// <summary>The name and instance are given in any case: a process may have an exporter of its own.</summary>
    public IEnumerable<KeyValuePair<string, string>> VariablesFor(ProjectInstance instance)
    {
        yield return new("OTEL_SERVICE_NAME", instance.Resource.Name);
        yield return new("OTEL_RESOURCE_ATTRIBUTES", $"service.instance.id={instance.Suffix}");
        if (Endpoint is null)
            yield break;

        yield return new("OTEL_EXPORTER_OTLP_ENDPOINT", Endpoint);
        yield return new("OTEL_EXPORTER_OTLP_PROTOCOL", Protocol);
        if (ApiKey is not null)
            yield return new("OTEL_EXPORTER_OTLP_HEADERS", $"x-otlp-api-key={ApiKey}");

        // What a person waits for must not lie in a batch for the exporter's usual 5 s and 60 s.
        yield return new("OTEL_BLRP_SCHEDULE_DELAY", "1000");
        yield return new("OTEL_BSP_SCHEDULE_DELAY", "1000");
        yield return new("OTEL_METRIC_EXPORT_INTERVAL", "1000");
        yield return new("OTEL_TRACES_SAMPLER", "always_on");
        yield return new("OTEL_METRICS_EXEMPLAR_FILTER", "trace_based");
    }
}
