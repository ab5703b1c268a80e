using CloudTab.Relay;
using Microsoft.Extensions.Options;

namespace CloudTab.Janitor;

/// <summary>
/// Marks what is due by the clock, each kind as a duty of its own, and removes the files that this ended from S3 in the same round.
/// </summary>
internal sealed class MarkDue(
    Expiry expiry, UploadingFiles uploadingFiles, Uploads uploads, RemoveFiles removeFiles, IOptions<JanitorOptions> options)
{
    /// <summary>Ends sessions past their time.</summary>
    public Task<Batch> ExpireSessionsAsync(CancellationToken cancellationToken) => RunOnceAsync(expiry.ExpireSessionsAsync, cancellationToken);

    /// <summary>Gives sessions back to their shop whose claim was not renewed in time: the PC that held it is gone.</summary>
    public Task<Batch> LapseClaimsAsync(CancellationToken cancellationToken) => RunOnceAsync(expiry.LapseClaimsAsync, cancellationToken);

    /// <summary>Takes files past their lifetime out of sessions that are still alive, because their customers stayed active.</summary>
    public Task<Batch> ExpireFilesAsync(CancellationToken cancellationToken) => RunOnceAsync(expiry.ExpireFilesAsync, cancellationToken);

    /// <summary>Gives up files that were coming in and whose process no longer renews their lease: it died, or it cannot reach Postgres.</summary>
    public Task<Batch> AbandonUploadsAsync(CancellationToken cancellationToken) => RunOnceAsync(uploadingFiles.AbandonAsync, cancellationToken);

    /// <summary>
    /// Ends resumable uploads that began a file's lifetime ago and were never finished, in sessions that are still alive. (Those of a
    /// session that ends go with it.)
    /// </summary>
    public Task<Batch> ExpireUploadsAsync(CancellationToken cancellationToken) => RunOnceAsync(uploads.ExpireAsync, cancellationToken);

    private async Task<Batch> RunOnceAsync(Func<int, CancellationToken, Task<int>> mark, CancellationToken cancellationToken)
    {
        var marked = await mark(options.Value.BatchSize, cancellationToken);
        if (marked > 0)
            await removeFiles.TryRunAsync(cancellationToken);
        return new(marked, More: marked == options.Value.BatchSize);
    }
}
