using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using OpenTelemetry.Trace;

namespace CloudTab.ServiceDefaults;

/// <summary>
/// Which traces are recorded. A request may come with the trace of its client, and goes on in it; but whoever can write a header must not
/// decide that we record. So a trace that the client calls sampled is sampled as if it began here, by a number that the client has not
/// chosen. Behind the entrance the entrance's word counts.
/// </summary>
public static class Sampling
{
    internal static void AddSampling(this IHostApplicationBuilder builder) =>
        builder.Services.ConfigureOpenTelemetryTracerProvider(tracing => tracing.SetSampler(SamplerOf(builder.Configuration)));

    /// <summary>What samples here, by OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG.</summary>
    public static Sampler SamplerOf(IConfiguration configuration)
    {
        var name = configuration["OTEL_TRACES_SAMPLER"] ?? "";
        Sampler root = name.EndsWith("always_off", StringComparison.OrdinalIgnoreCase) ? new AlwaysOffSampler()
            : name.EndsWith("traceidratio", StringComparison.OrdinalIgnoreCase) ? new TraceIdRatioBasedSampler(RatioOf(configuration["OTEL_TRACES_SAMPLER_ARG"]))
            : new AlwaysOnSampler();
        var anew = new Anew(root);
        // Only a sampler of the specification's that is called parentbased_… obeys a client that does not want to be recorded.
        return new ParentBasedSampler(
            root, remoteParentSampled: anew, remoteParentNotSampled: name is "" || name.StartsWith("parentbased_", StringComparison.OrdinalIgnoreCase) ? new AlwaysOffSampler() : anew);
    }

    private static double RatioOf(string? text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var ratio) && ratio is >= 0 and <= 1 ? ratio : 1;

    private sealed class Anew(Sampler root) : Sampler
    {
        public override SamplingResult ShouldSample(in SamplingParameters samplingParameters) =>
            root.ShouldSample(new(default, ActivityTraceId.CreateRandom(), samplingParameters.Name, samplingParameters.Kind));
    }
}
