using CloudTab.Notifier;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace CloudTab.Standalone;

/// <summary>How this process is, which is the whole relay: the checks are those of /health/ready, and run for both.</summary>
internal sealed class OwnHealth(KeptAnswer<HealthReport> checks, ConnectedSockets sockets) : IRelayHealth
{
    private const string Name = "standalone";

    public async Task<RelayHealth> FindAsync(CancellationToken cancellationToken)
    {
        var connected = CountSocketsAsync(cancellationToken);
        return new(await FindProblemsAsync(cancellationToken), await connected);
    }

    private async Task<string[]> FindProblemsAsync(CancellationToken cancellationToken)
    {
        try
        {
            var report = await checks.GetAsync().WaitAsync(cancellationToken);
            return report.Status == HealthStatus.Healthy ? [] : [$"{Name}: {report.Describe()}"];
        }
        catch (OperationCanceledException)
        {
            return [$"{Name}: does not answer"];
        }
    }

    private async Task<long> CountSocketsAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await sockets.CountAsync(cancellationToken);
        }
        catch (Exception silent) when (Outage.Is(silent) || silent is OperationCanceledException)
        {
            return 0;
        }
    }
}
