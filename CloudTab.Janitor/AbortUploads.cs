using CloudTab.Relay;

namespace CloudTab.Janitor;

/// <summary>
/// Aborts multipart uploads in S3 that belong to nobody: their parts take space and are in no listing of objects. A batch is a page of
/// the listing.
/// </summary>
internal sealed class AbortUploads(Database database, ObjectStore store, Lifetimes lifetimes)
{
    private ListedUpload? _last;

    public async Task<Batch> RunOnceAsync(CancellationToken cancellationToken)
    {
        var page = await store.ListUploadsAsync(_last, cancellationToken);
        var (aborted, refused) = (0, 0);
        foreach (var upload in await OwnerlessAsync(page, cancellationToken))
        {
            RelayTelemetry.FoundWork();
            try
            {
                await store.AbortUploadAsync(upload.Key, upload.UploadId, cancellationToken);
                aborted++;
            }
            catch (Exception refusal) when (ObjectStore.IsRefusal(refusal))
            {
                refused++;
            }
        }

        _last = page.Count > 0 ? page[^1] : null;
        return new(aborted, More: page.Count > 0, refused);
    }

    // The row of an upload is there before S3 hears of it, but its lease was renewed by another clock than S3's: what was begun less
    // than a lease ago is left alone.
    private async Task<IReadOnlyList<ListedUpload>> OwnerlessAsync(IReadOnlyList<ListedUpload> page, CancellationToken cancellationToken)
    {
        const string sql = """
            SELECT object_key FROM files
            WHERE object_key = ANY(@keys) AND status = 'uploading' AND lease_until > @now
            """;
        var now = lifetimes.Now;
        var old = page.Where(upload => upload.Initiated <= now - lifetimes.OfUploadLease).ToList();
        if (old.Count == 0)
            return [];
        var keys = old.Select(upload => upload.Key).Distinct(StringComparer.Ordinal).ToArray();
        var owned = (await database.QueryAsync<string>(sql, new { keys, now }, cancellationToken)).ToHashSet(StringComparer.Ordinal);
        return [.. old.Where(upload => !owned.Contains(upload.Key))];
    }
}
