using System.Globalization;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace CloudTab.DevHost;

/// <summary>Asks each replica for its health: often until it is well the first time, then now and then.</summary>
internal sealed class HealthMonitor(TimeProvider time, Terminal terminal) : IDisposable
{
    private static readonly TimeSpan WhileStarting = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan WhileRunning = TimeSpan.FromSeconds(5);

    /// <summary>When a start has become slow enough to say what it waits for, and how often it is said again.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(5) };

    /// <summary>Runs until the token ends, and calls back whenever all checks pass that did not pass before.</summary>
    public async Task RunAsync(ProjectInstance instance, Func<Task> becameHealthy, CancellationToken run)
    {
        var checks = instance.Resource.Annotations.OfType<HttpHealthCheckAnnotation>().ToList();
        if (checks.Count == 0)
        {
            await becameHealthy();
            return;
        }

        var isHealthy = false;
        var hasBeenHealthy = false;
        var silentSince = time.GetTimestamp();
        while (!run.IsCancellationRequested)
        {
            var reports = await Task.WhenAll(checks.Select(check => CheckAsync(instance, check, run)));
            var failing = reports.FirstOrDefault(report => report.Status != HealthStatus.Healthy);
            run.ThrowIfCancellationRequested();
            var now = time.GetUtcNow().UtcDateTime;
            await instance.PublishAsync(snapshot => snapshot with { HealthReports = [.. reports.Select(report => report with { LastRunAt = now })] });

            if (failing is null && !isHealthy)
            {
                if (hasBeenHealthy)
                    terminal.Write(instance.DisplayName, "is healthy again");
                hasBeenHealthy = true;
                await becameHealthy();
            }
            else if (failing is not null && (isHealthy || time.GetElapsedTime(silentSince) > Patience))
            {
                terminal.Write(instance.DisplayName, $"is not healthy: {failing.Description}");
                silentSince = time.GetTimestamp();
            }

            isHealthy = failing is null;
            await Task.Delay(hasBeenHealthy ? WhileRunning : WhileStarting, time, run);
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<HealthReportSnapshot> CheckAsync(ProjectInstance instance, HttpHealthCheckAnnotation check, CancellationToken run)
    {
        var endpoint = new EndpointReference(instance.Resource, check.EndpointName);
        var port = endpoint.Ports.TargetPorts[instance.Index].ToString(CultureInfo.InvariantCulture);
        try
        {
            using var response = await _http.GetAsync(new Uri($"{endpoint.Scheme}://127.0.0.1:{port}{check.Path}"), run);
            if ((int)response.StatusCode == check.Status)
                return new HealthReportSnapshot(check.Key, HealthStatus.Healthy, null, null);

            var text = await response.Content.ReadAsStringAsync(run);
            return Unhealthy($"{check.Path} answers {(int)response.StatusCode}: {(text.Length > 300 ? text[..300] : text)}", null);
        }
        catch (HttpRequestException e)
        {
            return Unhealthy($"{check.Path} does not answer", e.Message);
        }
        catch (OperationCanceledException e) when (!run.IsCancellationRequested)
        {
            return Unhealthy($"{check.Path} does not answer within {_http.Timeout.TotalSeconds} s", e.Message);
        }

        HealthReportSnapshot Unhealthy(string description, string? exception) =>
            new(check.Key, HealthStatus.Unhealthy, description, exception);
    }
}
