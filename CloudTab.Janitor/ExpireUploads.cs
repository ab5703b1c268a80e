using CloudTab.Relay;
using Microsoft.Extensions.Options;

namespace CloudTab.Janitor;

/// <summary>
/// Removes resumable uploads that were begun a file's lifetime ago and never finished, from sessions that are still alive. (Those of a
/// session that ends go with it.)
/// </summary>
internal sealed class ExpireUploads(Uploads uploads, RemoveFiles removeFiles, IOptions<JanitorOptions> options)
{
    public async Task<Batch> RunOnceAsync(CancellationToken cancellationToken)
    {
        var expired = await uploads.ExpireAsync(options.Value.BatchSize, cancellationToken);
        if (expired > 0)
            await removeFiles.TryRunAsync(cancellationToken);
        return new(expired, More: expired == options.Value.BatchSize);
    }
}
