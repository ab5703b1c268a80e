using CloudTab.Relay;

namespace CloudTab.Janitor;

/// <summary>
/// Removes what a process that died has left of resumable uploads that live on: pieces and parts that it had sent to S3 and not yet
/// recorded. An upload is locked meanwhile, as by a request that adds to it, so that nothing is put that this would take for a leftover; a
/// client that comes back waits for a moment.
/// </summary>
internal sealed class TidyUploads(Uploads uploads, ObjectStore store, TimeProvider clock)
{
    // They are tidied while one lease lasts.
    private const int MostAtOnce = 20;

    private static readonly TimeSpan Limit = 0.8 * Uploads.Lease;

    private readonly Guid _holder = Guid.NewGuid();

    public async Task<Batch> RunOnceAsync(CancellationToken cancellationToken)
    {
        using var limit = clock.Limit(Limit, cancellationToken);
        var lapsed = await uploads.AcquireLapsedAsync(_holder, MostAtOnce, limit.Token);
        if (lapsed.Count > 0)
            RelayTelemetry.FoundWork();
        await Parallel.ForEachAsync(lapsed, limit.Token, async (upload, token) =>
        {
            await store.AbortUploadsAsync(upload.ObjectKey, kept: upload.MultipartId, token);
            await store.DeletePiecesAsync(upload.ObjectKey, kept: upload.TailKeys, token);
            await uploads.ReleaseAsync(upload.Id, upload.Generation, token);
        });
        return new(lapsed.Count, More: lapsed.Count == MostAtOnce);
    }
}
