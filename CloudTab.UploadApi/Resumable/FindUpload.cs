using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>Finds an upload, and the file that it has become.</summary>
internal sealed class FindUpload(UploadLocks locks, AppendToUpload appendToUpload, Database database)
{
    /// <summary>
    /// How far an upload is. A request that is adding to it stores what it has first, so that the next one can continue at the offset
    /// told here. If all bytes are there, but the process died before it stored the file, the upload is completed now; a concatenation
    /// is completed when its creation is repeated. Clients ask for its partial uploads before they repeat it: those that are used up
    /// still tell that they had all their bytes.
    /// </summary>
    public async Task<UploadAttempt> FindAsync(RequestedUpload requested, CancellationToken cancellationToken)
    {
        var found = await locks.WaitUntilFreeAsync(requested.Shop.Id, requested.Id, cancellationToken);
        if (found is { IsUsedUp: true })
            return found;
        if (Problems.RefusalFor(found) is { } refused)
            return refused;
        if (found!.IsComplete || found.IsFinal || found.Received != found.Length)
            return found;
        var completed = await appendToUpload.AppendAsync(requested.Shop.Id, requested.Id, RequestBody.Empty(requested.Client, cancellationToken), cancellationToken);
        // tus clients start over on any failure of HEAD except 423, which they retry.
        return completed.Refused == Problems.UploadInterrupted || completed.Refused == Problems.TooManyBytes ? Problems.UploadLocked : completed;
    }

    /// <summary>The file of a complete upload; null for a partial upload, which becomes no file by itself, and once the file is gone.</summary>
    public Task<UploadedFile?> FindFileAsync(Upload upload, CancellationToken cancellationToken)
    {
        const string sql = "SELECT id, name, type, size, sha256, pages, locked, scan FROM files WHERE id = @File AND stored_at IS NOT NULL";
        return database.QuerySingleOrDefaultAsync<UploadedFile>(sql, new { upload.File }, cancellationToken);
    }
}
