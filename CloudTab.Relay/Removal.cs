using Microsoft.Extensions.Logging;

namespace CloudTab.Relay;

/// <summary>
/// Takes files that are marked `deleting` out of S3, then marks their rows `deleted` (or drops the rows of files that were never
/// stored). Both steps can be repeated: whoever marks calls it at once, and the Janitor calls it for what was left over.
/// </summary>
public sealed class Removal(Database database, ObjectStore store, ILogger<Removal> logger)
{
    /// <summary>Most objects that S3 deletes in one request.</summary>
    public const int BatchSize = 1_000;

    /// <summary>
    /// Removes the files of one ended session now. Where that does not work, or not before the token is cancelled, the Janitor will:
    /// the caller's answer stays true.
    /// </summary>
    public async Task TryRemoveAsync(Guid session, CancellationToken cancellationToken)
    {
        const string sql = """
            SELECT id, object_key AS ObjectKey FROM files
            WHERE session = @session AND status = 'deleting'
            LIMIT @limit
            """;
        try
        {
            await RemoveAsync(await database.QueryAsync<DeletedFile>(sql, new { session, limit = BatchSize }, cancellationToken), cancellationToken);
        }
        catch (Exception postponed)
        {
            logger.RemovalPostponed(session, postponed);
        }
    }

    /// <summary>Removes one batch of whatever is marked.</summary>
    /// <returns>How many files were removed.</returns>
    public async Task<int> RemoveBatchAsync(CancellationToken cancellationToken)
    {
        const string sql = """
            SELECT id, object_key AS ObjectKey FROM files
            WHERE status = 'deleting'
            ORDER BY created_at
            LIMIT @limit
            """;
        var files = await database.QueryAsync<DeletedFile>(sql, new { limit = BatchSize }, cancellationToken);
        await RemoveAsync(files, cancellationToken);
        return files.Count;
    }

    private async Task RemoveAsync(List<DeletedFile> files, CancellationToken cancellationToken)
    {
        if (files.Count == 0)
            return;
        await store.DeleteAsync([.. files.Select(file => file.ObjectKey)], cancellationToken);

        const string sql = """
            WITH dropped AS (
                DELETE FROM files WHERE id = ANY(@ids) AND status = 'deleting' AND stored_at IS NULL
            )
            UPDATE files SET status = 'deleted' WHERE id = ANY(@ids) AND status = 'deleting' AND stored_at IS NOT NULL
            """;
        await database.ExecuteAsync(sql, new { ids = files.Select(file => file.Id).ToArray() }, cancellationToken);
    }

    private sealed record DeletedFile(Guid Id, string ObjectKey);
}
