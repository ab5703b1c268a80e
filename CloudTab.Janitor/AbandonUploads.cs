using CloudTab.Relay;
using Microsoft.Extensions.Options;

namespace CloudTab.Janitor;

/// <summary>Gives up uploads whose process no longer renews their lease: it died, or it cannot reach Postgres.</summary>
internal sealed class AbandonUploads(UploadingFiles uploadingFiles, RemoveFiles removeFiles, IOptions<JanitorOptions> options)
{
    public async Task<Batch> RunOnceAsync(CancellationToken cancellationToken)
    {
        var abandoned = await uploadingFiles.AbandonAsync(options.Value.BatchSize, cancellationToken);
        if (abandoned > 0)
            await removeFiles.TryRunAsync(cancellationToken);
        return new(abandoned, More: abandoned == options.Value.BatchSize);
    }
}
