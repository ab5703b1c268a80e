namespace CloudTab.Relay;

/// <summary>Where sessions stand in their shops' queues.</summary>
public sealed class QueuePlaces(Database database, Lifetimes lifetimes)
{
    /// <summary>
    /// The places of sessions, in one statement that reads each shop's queue once. A session that is not submitted, has ended or holds no
    /// file has none.
    /// </summary>
    /// <param name="shops">Ids of the sessions' shops.</param>
    /// <param name="sessions">Internal ids.</param>
    public async Task<Dictionary<Guid, QueuePlace>> FindAsync(string[] shops, Guid[] sessions, CancellationToken cancellationToken)
    {
        const string sql = """
            SELECT id AS Session, token, before
            FROM (
                SELECT id, token, (row_number() OVER (PARTITION BY shop_id ORDER BY queue_number) - 1)::integer AS before
                FROM sessions
                WHERE shop_id = ANY(@shops) AND queue_number IS NOT NULL
                    AND status IN ('pending', 'processing') AND file_count > 0 AND expires_at > @now
            ) AS queue
            WHERE id = ANY(@sessions)
            """;
        var rows = await database.QueryAsync<Row>(sql, new { shops, sessions, now = lifetimes.Now }, cancellationToken);
        return rows.ToDictionary(row => row.Session, row => new QueuePlace(row.Token, row.Before));
    }

    private sealed record Row(Guid Session, int Token, int Before);
}

/// <summary>A session's place in its shop's queue.</summary>
/// <param name="Token">1 to 999, given at the first submission and the next for each session that is submitted in the shop; 1 follows 999.</param>
/// <param name="Before">How many sessions were submitted earlier and are not finished.</param>
public sealed record QueuePlace(int Token, int Before);
