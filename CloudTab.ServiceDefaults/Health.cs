using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace CloudTab.ServiceDefaults;

/// <summary>
/// /health/live: the process answers. /health/ready: so does what it depends on. Both are for orchestrators. In the standalone process
/// anybody can ask, here or at /health: the checks run once a second at most, whoever asks, however, and whatever they say.
/// </summary>
internal static class Health
{
    private static readonly TimeSpan CheckLimit = TimeSpan.FromSeconds(5);

    internal static void AddHealth(this IHostApplicationBuilder builder)
    {
        builder.Services.AddHealthChecks();
        builder.Services.AddSingleton(services => new KeptAnswer<HealthReport>(
            () => services.GetRequiredService<HealthCheckService>().CheckHealthAsync(), TimeProvider.System));
        // After all the checks that a service adds.
        builder.Services.PostConfigure<HealthCheckServiceOptions>(checks =>
        {
            foreach (var check in checks.Registrations)
                check.Timeout = CheckLimit;
        });
    }

    internal static void MapHealth(this WebApplication app)
    {
        app.MapHealthChecks("/health/live", new HealthCheckOptions { Predicate = _ => false });
        app.MapMethods("/health/ready", [HttpMethods.Get, HttpMethods.Head], AnswerAsync).ExcludeFromDescription();
    }

    private static async Task<IResult> AnswerAsync(KeptAnswer<HealthReport> checks, HttpResponse response, CancellationToken cancellationToken)
    {
        var report = await checks.GetAsync().WaitAsync(cancellationToken);
        response.Headers.CacheControl = "no-store";
        return Results.Text(
            report.Describe(), statusCode: report.Status == HealthStatus.Unhealthy ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK);
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
