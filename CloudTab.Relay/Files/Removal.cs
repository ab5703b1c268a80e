using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace CloudTab.Relay;

/// <summary>
/// Deletes files that are marked `deleting` from S3, then marks their rows `deleted` (or drops the rows of files that were never
/// stored). If that was the last of a session that has ended, its receipt is made. Each step can be repeated: the code that marks files
/// calls it at once, and the Janitor calls it for what was left over. A batch is claimed for a moment before S3 hears of it, so that several
/// processes share the work, and what S3 refuses to delete is retried later without holding up the rest. While a process may still be
/// putting something, its file's row stays, and what came in the meantime is removed in another round.
/// </summary>
public sealed class Removal(Database database, ObjectStore store, Receipts receipts, Lifetimes lifetimes, ILogger<Removal> logger)
{
    /// <summary>Most objects that S3 deletes in one request.</summary>
    public const int BatchSize = 1_000;

    /// <summary>How long a claimed file is left alone by others, and by everybody after a failure.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(15);

    /// <summary>How long after the end of its lease something that a dead process has sent may still arrive at S3.</summary>
    internal static readonly TimeSpan Arrival = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Removes the marked files of one session now. If Postgres or S3 is away or too slow for the token, the Janitor will do it: the
    /// caller's answer stays true.
    /// </summary>
    public async Task TryRemoveAsync(Guid session, CancellationToken cancellationToken)
    {
        try
        {
            while (await RemoveAsync(session, cancellationToken) is { IsFull: true })
            {
            }

            await receipts.IssueAsync(session, cancellationToken);
        }
        catch (Exception postponed) when (Outage.IsOrRefusal(postponed) || postponed is OperationCanceledException)
        {
            logger.RemovalPostponed(session, postponed);
        }
    }

    /// <summary>Removes one batch of whatever is marked.</summary>
    public async Task<RemovedFiles> RemoveBatchAsync(CancellationToken cancellationToken)
    {
        var removed = await RemoveAsync(session: null, cancellationToken);
        if (removed.Removed > 0)
            await receipts.IssueAsync(session: null, cancellationToken);
        return removed;
    }

    private async Task<RemovedFiles> RemoveAsync(Guid? session, CancellationToken cancellationToken)
    {
        var files = await ClaimAsync(session, cancellationToken);
        if (files.Count == 0)
            return new(0, 0);
        RelayTelemetry.FoundWork();
        var refused = await DiscardPartsAsync(files, cancellationToken);
        refused.UnionWith(await store.TryDeleteAsync([.. files.Select(file => file.ObjectKey).Except(refused, StringComparer.Ordinal)], cancellationToken));

        const string sql = """
            WITH dropped AS (
                DELETE FROM files WHERE id = ANY(@ids) AND status = 'deleting' AND stored_at IS NULL AND id <> ALL (@held)
            ), again AS (
                UPDATE files SET lease_until = @now -- others come first
                WHERE id = ANY(@held) AND id = ANY(@ids) AND status = 'deleting'
            )
            UPDATE files SET status = 'deleted', lease_until = NULL, deleted_at = @now
            WHERE id = ANY(@ids) AND status = 'deleting' AND stored_at IS NOT NULL AND id <> ALL (@held)
            """;
        var ids = files.Where(file => !refused.Contains(file.ObjectKey)).Select(file => file.Id).ToArray();
        var held = files.Where(file => file.IsHeld).Select(file => file.Id).ToArray();
        await database.ExecuteAsync(sql, new { ids, held, now = lifetimes.Now }, cancellationToken);
        return new(ids.Except(held).Count(), refused.Count);
    }

    private Task<List<MarkedFile>> ClaimAsync(Guid? session, CancellationToken cancellationToken)
    {
        const string sql = """
            WITH due AS (
                SELECT id FROM files
                WHERE status = 'deleting' AND (lease_until IS NULL OR lease_until <= @now) AND (@session::uuid IS NULL OR session = @session)
                ORDER BY lease_until NULLS FIRST
                LIMIT @limit
                FOR UPDATE SKIP LOCKED
            )
            UPDATE files SET lease_until = @leaseEnd
            FROM due LEFT JOIN uploads ON uploads.file = due.id
            WHERE files.id = due.id
            RETURNING files.id, files.object_key AS ObjectKey, files.stored_at IS NULL OR uploads.multipart_id IS NOT NULL AS MayHaveParts,
                coalesce(uploads.generation > 0 AND uploads.part_sha256 IS NULL, false) AS MayHavePieces,
                coalesce(uploads.held_until > @arrived, false) AS IsHeld
            """;
        var now = lifetimes.Now;
        return database.ChangeAsync<MarkedFile>(sql, new { session, now, leaseEnd = now + Lease, arrived = now - Arrival, limit = BatchSize }, cancellationToken);
    }

    /// <returns>The keys of files whose parts S3 would not discard.</returns>
    private async Task<HashSet<string>> DiscardPartsAsync(IReadOnlyList<MarkedFile> files, CancellationToken cancellationToken)
    {
        var refused = new ConcurrentBag<string>();
        await Parallel.ForEachAsync(files.Where(file => file.MayHaveParts || file.MayHavePieces), cancellationToken, async (file, token) =>
        {
            try
            {
                await DiscardPartsAsync(file, token);
            }
            catch (Exception refusal) when (ObjectStore.IsRefusal(refusal))
            {
                refused.Add(file.ObjectKey);
            }
        });
        return refused.ToHashSet(StringComparer.Ordinal);
    }

    // Before the object: a multipart upload that is completed after the object was deleted would bring it back.
    private async Task DiscardPartsAsync(MarkedFile file, CancellationToken cancellationToken)
    {
        if (file.MayHaveParts)
            await store.AbortUploadsAsync(file.ObjectKey, kept: null, cancellationToken);
        if (file.MayHavePieces)
            await store.DeletePiecesAsync(file.ObjectKey, kept: [], cancellationToken);
    }

    private sealed record MarkedFile(Guid Id, string ObjectKey, bool MayHaveParts, bool MayHavePieces, bool IsHeld);
}

/// <summary>What became of a batch of marked files.</summary>
/// <param name="Removed">Files that are gone.</param>
/// <param name="Refused">Files whose objects S3 would not delete; they are tried again after a while.</param>
public readonly record struct RemovedFiles(int Removed, int Refused)
{
    /// <summary>Whether there may be more to remove at once: not if something of it has to be looked at again later.</summary>
    public bool IsFull => Removed + Refused == Removal.BatchSize;
}
