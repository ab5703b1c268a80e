using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace CloudTab.ServiceDefaults;

/// <summary>
/// /health/live: the process answers. /health/ready: so does what it depends on. Both are for orchestrators; the answer is kept
/// for a second, so that asking often costs nothing.
/// </summary>
internal static class Health
{
    private static readonly TimeSpan CheckLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan KeptFor = TimeSpan.FromSeconds(1);

    internal static void AddHealth(this IHostApplicationBuilder builder)
    {
        builder.Services.AddHealthChecks();
        builder.Services.AddOutputCache(cache => cache.AddBasePolicy(policy => policy.NoCache()));
        // After all the checks that a service adds.
        builder.Services.PostConfigure<HealthCheckServiceOptions>(checks =>
        {
            foreach (var check in checks.Registrations)
                check.Timeout = CheckLimit;
        });
    }

    /// <summary>With a routing of their own: what may be kept is known by the endpoint, and a service may route its requests only behind this.</summary>
    internal static void MapHealth(this WebApplication app) => app.UseWhen(
        context => context.Request.Path.StartsWithSegments("/health", StringComparison.OrdinalIgnoreCase),
        health =>
        {
            health.UseRouting();
            health.UseOutputCache();
            health.UseEndpoints(endpoints =>
            {
                endpoints.MapHealthChecks("/health/live", new HealthCheckOptions { Predicate = _ => false })
                    .CacheOutput(cache => cache.Expire(KeptFor));
                endpoints.MapHealthChecks("/health/ready", new HealthCheckOptions { ResponseWriter = WriteFailingChecksAsync })
                    .CacheOutput(cache => cache.Expire(KeptFor));
            });
        });

    private static Task WriteFailingChecksAsync(Microsoft.AspNetCore.Http.HttpContext context, HealthReport report)
    {
        context.Response.ContentType = "text/plain; charset=utf-8";
        return Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(context.Response, report.Describe(), context.RequestAborted);
    }
}

public static class HealthReportExtensions
{
    /// <summary>In words: `Healthy`, or `Unhealthy` and the names of the checks that fail.</summary>
    public static string Describe(this HealthReport report)
    {
        var failing = report.Entries.Where(entry => entry.Value.Status != HealthStatus.Healthy).Select(entry => entry.Key);
        return report.Status == HealthStatus.Healthy ? "Healthy" : $"Unhealthy: {string.Join(", ", failing)}";
    }
}
