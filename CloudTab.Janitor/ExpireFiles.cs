using CloudTab.Relay;
using Microsoft.Extensions.Options;

namespace CloudTab.Janitor;

/// <summary>Removes files past their lifetime from sessions that are still alive: their customers kept them so.</summary>
internal sealed class ExpireFiles(Expiry expiry, RemoveFiles removeFiles, IOptions<JanitorOptions> options)
{
    public async Task<Batch> RunOnceAsync(CancellationToken cancellationToken)
    {
        var expired = await expiry.ExpireFilesAsync(options.Value.BatchSize, cancellationToken);
        if (expired > 0)
            await removeFiles.TryRunAsync(cancellationToken);
        return new(expired, More: expired == options.Value.BatchSize);
    }
}
