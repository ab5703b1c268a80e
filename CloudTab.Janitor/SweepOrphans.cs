using CloudTab.Relay;

namespace CloudTab.Janitor;

/// <summary>
/// Removes objects that no row knows: a put that arrived after its upload was given up, or a database restored from a backup. A batch
/// is a page of the bucket; the next one, also in the next round, goes on behind it.
/// </summary>
internal sealed class SweepOrphans(Database database, ObjectStore store, Lifetimes lifetimes)
{
    /// <summary>
    /// Younger objects are left alone. Every object's row is there before the object, so that this guards only against clocks that
    /// differ, and gives an operator who points two databases at one bucket an hour to notice.
    /// </summary>
    public static readonly TimeSpan Age = TimeSpan.FromHours(1);

    private string? _last;

    public async Task<Batch> RunOnceAsync(CancellationToken cancellationToken)
    {
        var page = await store.ListAsync(_last, cancellationToken);
        var orphans = await OrphansAsync(page, cancellationToken);
        if (orphans.Count > 0)
            RelayTelemetry.FoundWork();
        var refused = (await store.TryDeleteAsync(orphans, cancellationToken)).Count;
        _last = page.Count > 0 ? page[^1].Key : null;
        return new(orphans.Count - refused, More: page.Count > 0, refused);
    }

    private async Task<List<string>> OrphansAsync(IReadOnlyList<ListedObject> page, CancellationToken cancellationToken)
    {
        const string sql = """
            SELECT key
            FROM unnest(@keys) AS key
            WHERE NOT EXISTS (
                SELECT FROM files
                WHERE object_key IN (key, split_part(key, '.', 1)) -- behind the dot is which piece of an unfinished upload it is
                    AND (status IN ('uploading', 'deleting') OR status = 'stored' AND object_key = key)
            )
            """;
        var before = lifetimes.Now - Age;
        var keys = page.Where(found => found.LastModified <= before).Select(found => found.Key).ToArray();
        return keys.Length == 0 ? [] : await database.QueryAsync<string>(sql, new { keys }, cancellationToken);
    }
}
