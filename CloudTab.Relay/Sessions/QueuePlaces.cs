namespace CloudTab.Relay;

/// <summary>Where sessions stand in their shops' queues.</summary>
public sealed class QueuePlaces(Database database, Lifetimes lifetimes)
{
    /// <summary>What <see cref="QueuePlace.Before"/> is at most: a place further back costs no more to find.</summary>
    public const int MostBefore = 999;

    private const string IsQueued = "queue_number IS NOT NULL AND status IN ('pending', 'processing') AND file_count > 0 AND expires_at > @now";

    /// <summary>
    /// How many are before a row of `sessions`, or null if it has no place. Needs the parameters now and mostBefore. In the order of the queue's
    /// index: otherwise Postgres may look for those whose time is not up among the sessions of all shops.
    /// </summary>
    public const string BeforeOne = $"""
        CASE WHEN {IsQueued}
        THEN (SELECT count(*)::integer
              FROM (SELECT FROM sessions AS earlier
                    WHERE earlier.shop_id = sessions.shop_id AND earlier.queue_number < sessions.queue_number AND {IsQueued}
                    ORDER BY earlier.queue_number
                    LIMIT @mostBefore) AS earlier)
        END
        """;

    /// <summary>
    /// The places of many sessions, as rows of session, token and before: each shop's queue is read once, up to the last of them. Needs the parameters
    /// sessions, now and mostBefore.
    /// </summary>
    public const string OfMany = $"""
        WITH asked AS (
            SELECT id, shop_id, token, queue_number FROM sessions WHERE id = ANY(@sessions) AND {IsQueued}
        ), queue AS (
            SELECT first.id, first.before
            FROM (SELECT shop_id, max(queue_number) AS number FROM asked GROUP BY shop_id) AS last CROSS JOIN LATERAL (
                SELECT id, (row_number() OVER (ORDER BY queue_number) - 1)::integer AS before
                FROM sessions
                WHERE shop_id = last.shop_id AND queue_number <= last.number AND {IsQueued}
                ORDER BY queue_number
                LIMIT @mostBefore
            ) AS first
        )
        SELECT asked.id AS Session, asked.token, coalesce(queue.before, @mostBefore) AS Before
        FROM asked LEFT JOIN queue ON queue.id = asked.id
        """;

    /// <summary>The places of sessions, in one statement. A session that is not submitted, has ended or holds no file has none.</summary>
    /// <param name="sessions">Internal ids.</param>
    public async Task<Dictionary<Guid, QueuePlace>> FindAsync(Guid[] sessions, CancellationToken cancellationToken)
    {
        var rows = await database.QueryAsync<Row>(OfMany, new { sessions, now = lifetimes.Now, mostBefore = MostBefore }, cancellationToken);
        return rows.ToDictionary(row => row.Session, row => new QueuePlace(row.Token, row.Before));
    }

    private sealed record Row(Guid Session, int Token, int Before);
}

/// <summary>A session's place in its shop's queue.</summary>
/// <param name="Token">1 to 999, given at the first submission and the next for each session that is submitted in the shop; 1 follows 999.</param>
/// <param name="Before">How many sessions were submitted earlier and are not finished; 999 if there are more.</param>
public sealed record QueuePlace(int Token, int Before);
