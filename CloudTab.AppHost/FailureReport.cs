using Aspire.Hosting.Eventing;
using Aspire.Hosting.Lifecycle;
using Microsoft.Extensions.Hosting;

namespace CloudTab.AppHost;

/// <summary>Says on the terminal which resource ended with a failure, with its last lines: otherwise only the dashboard would show them.</summary>
internal sealed class FailureReport(ResourceNotificationService notifications, ResourceLoggerService logs, IHostApplicationLifetime lifetime) : IDistributedApplicationEventingSubscriber
{
    private const int Lines = 3;

    // Not a hosted service: those start one after another, and Aspire's own first waits for all resources.
    public Task SubscribeAsync(IDistributedApplicationEventing eventing, DistributedApplicationExecutionContext executionContext, CancellationToken cancellationToken)
    {
        eventing.Subscribe<BeforeStartEvent>((_, _) =>
        {
            _ = WatchAsync(lifetime.ApplicationStopping);
            return Task.CompletedTask;
        });
        return Task.CompletedTask;
    }

    private async Task WatchAsync(CancellationToken stopping)
    {
        var reported = new HashSet<(string Resource, DateTime? Started)>();
        await foreach (var update in notifications.WatchAsync(stopping))
        {
            var exitCode = update.Snapshot.ExitCode;
            var failed = update.Snapshot.State?.Text == KnownResourceStates.FailedToStart || exitCode is not (null or 0);
            if (failed && !stopping.IsCancellationRequested && reported.Add((update.ResourceId, update.Snapshot.StartTimeStamp)))
                await Console.Error.WriteLineAsync($"{update.Resource.Name} {(exitCode is null ? "did not start" : $"ended with exit code {exitCode}")}: {await LastLinesAsync(update.ResourceId, stopping)}");
        }
    }

    /// <summary>What it wrote to standard error last, each line without the time that Aspire puts before it.</summary>
    private async Task<string> LastLinesAsync(string resource, CancellationToken cancellationToken)
    {
        var lines = new List<string>();
        await foreach (var batch in logs.GetAllAsync(resource).WithCancellation(cancellationToken))
            lines.AddRange(batch.Where(line => line.IsErrorMessage).Select(line => line.Content[(line.Content.IndexOf(' ', StringComparison.Ordinal) + 1)..]));
        return string.Join(" / ", lines.TakeLast(Lines));
    }
}
