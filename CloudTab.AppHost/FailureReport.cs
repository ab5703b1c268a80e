using Microsoft.Extensions.Hosting;

namespace CloudTab.AppHost;

/// <summary>Says on the terminal which resource ended with a failure, and its last words: otherwise only the dashboard would show them.</summary>
internal sealed class FailureReport(ResourceNotificationService notifications, ResourceLoggerService logs) : BackgroundService
{
    private const int Lines = 3;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var told = new HashSet<(string Resource, DateTime? Started)>();
        await foreach (var update in notifications.WatchAsync(stoppingToken))
        {
            var (state, exitCode) = (update.Snapshot.State?.Text, update.Snapshot.ExitCode);
            var failed = state == KnownResourceStates.FailedToStart || (state == KnownResourceStates.Exited || state == KnownResourceStates.Finished) && exitCode is not (null or 0);
            if (failed && told.Add((update.ResourceId, update.Snapshot.StartTimeStamp)))
                await Console.Error.WriteLineAsync($"{update.ResourceId} {(exitCode is null ? "did not start" : $"ended with exit code {exitCode}")}: {await LastLinesAsync(update.ResourceId, stoppingToken)}");
        }
    }

    private async Task<string> LastLinesAsync(string resource, CancellationToken cancellationToken)
    {
        var lines = new List<string>();
        await foreach (var batch in logs.GetAllAsync(resource).WithCancellation(cancellationToken))
            lines.AddRange(batch.Select(line => line.Content));
        return string.Join(" / ", lines.TakeLast(Lines));
    }
}
