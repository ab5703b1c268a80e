using CloudTab.Relay;
using Microsoft.Extensions.Options;

namespace CloudTab.Janitor;

/// <summary>Ends sessions past their time, and removes their files from S3 in the same round.</summary>
internal sealed class ExpireSessions(Expiry expiry, RemoveFiles removeFiles, IOptions<JanitorOptions> options)
{
    public async Task<Batch> RunOnceAsync(CancellationToken cancellationToken)
    {
        var expired = await expiry.ExpireSessionsAsync(options.Value.BatchSize, cancellationToken);
        if (expired > 0)
            await removeFiles.TryRunAsync(cancellationToken);
        return new(expired, More: expired == options.Value.BatchSize);
    }
}
