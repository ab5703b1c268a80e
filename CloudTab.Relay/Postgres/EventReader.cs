using System.Globalization;

namespace CloudTab.Relay;

/// <summary>
/// Reads events so that none is skipped, though a transaction may commit after one with a later id. All transactions below the
/// horizon, `pg_snapshot_xmin(pg_current_snapshot())`, have ended: their rows are visible or never will be. The reader asks for the
/// new horizon, then takes all rows at or above its old one that it has not delivered yet, and then moves. A long transaction
/// anywhere in the cluster holds the horizon back, and lets the memory of what was delivered grow; it never holds back a delivery.
/// One reader per Notifier; not for concurrent use.
/// </summary>
public sealed class EventReader(Database database)
{
    /// <summary>Most events that one read returns.</summary>
    public const int BatchSize = 1_000;

    private readonly Dictionary<long, ulong> _delivered = [];
    private ulong? _horizon;

    /// <summary>How many delivered events the reader has to remember because a running transaction began before theirs.</summary>
    public int BehindHorizon => _delivered.Count;

    /// <summary>
    /// The next events, oldest first, at most 1,000; empty when there are none. The first read only takes the reader's place: what
    /// was before is for the pending list to tell. A batch is returned once, so its caller must not fail to deliver it.
    /// </summary>
    public async Task<IReadOnlyList<SessionEvent>> ReadAsync(CancellationToken cancellationToken)
    {
        var next = await CurrentHorizonAsync(cancellationToken);
        if (_horizon is null)
        {
            _horizon = next;
            return [];
        }

        // The shop never hears of a session that was not submitted.
        const string sql = """
            SELECT events.id, events.transaction_id::text AS TransactionId, events.shop_id AS Shop, events.type, sessions.id AS Session,
                   sessions.session_id AS SessionId, sessions.pickup_code AS PickupCode, sessions.customer_name AS CustomerName,
                   events.status, events.file_count AS FileCount, events.total_size AS TotalSize, events.created_at AS CreatedAt,
                   (SELECT coalesce(json_agg(json_build_object('id', id, 'scan', scan) ORDER BY position), '[]')::text FROM files
                    WHERE session = sessions.id AND status = 'stored') AS Files,
                   events.trace_parent AS TraceParent, events.trace_state AS TraceState, clock_timestamp() - events.written_at AS Age
            FROM events JOIN sessions ON sessions.id = events.session
            WHERE events.transaction_id >= @horizon::xid8 AND events.id <> ALL (@delivered) AND sessions.submitted_at IS NOT NULL
            ORDER BY events.id
            LIMIT @limit
            """;
        var batch = await database.QueryAsync<SessionEvent>(
            sql,
            new { horizon = _horizon.Value.ToString(CultureInfo.InvariantCulture), delivered = _delivered.Keys.ToArray(), limit = BatchSize },
            cancellationToken);

        foreach (var row in batch)
            _delivered.Add(row.Id, ulong.Parse(row.TransactionId, CultureInfo.InvariantCulture));
        if (batch.Count < BatchSize)
            MoveTo(next);
        return batch;
    }

    private async Task<ulong> CurrentHorizonAsync(CancellationToken cancellationToken)
    {
        const string sql = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text";
        var horizon = await database.QuerySingleOrDefaultAsync<string>(sql, null, cancellationToken);
        return ulong.Parse(horizon!, CultureInfo.InvariantCulture);
    }

    private void MoveTo(ulong horizon)
    {
        _horizon = horizon;
        foreach (var (id, transaction) in _delivered)
        {
            if (transaction < horizon)
                _delivered.Remove(id);
        }
    }
}

/// <summary>A state change of a session that its shop must hear of.</summary>
/// <param name="Id">Counts up; tells repeats of a delivery apart.</param>
/// <param name="TransactionId">What the reader's horizon is compared with (xid8, as text).</param>
/// <param name="Shop">Id of the shop.</param>
/// <param name="Type">`new_session` or `session_updated`.</param>
/// <param name="Session">Internal id of the session.</param>
/// <param name="SessionId">The customer's secret.</param>
/// <param name="PickupCode">What the customer says at the counter.</param>
/// <param name="CustomerName">The name the customer gave, if any.</param>
/// <param name="Status">The session's status after the change.</param>
/// <param name="FileCount">Its stored files after the change.</param>
/// <param name="TotalSize">Their bytes.</param>
/// <param name="Files">Its stored files at the time of the read, as a JSON array: of each its id, and what the virus scanner said.</param>
/// <param name="CreatedAt">When it happened, UTC.</param>
/// <param name="TraceParent">W3C traceparent of the request that did it.</param>
/// <param name="TraceState">W3C tracestate of that request.</param>
/// <param name="Age">How long before the read its row was written, just before the commit; both by Postgres' clock.</param>
public sealed record SessionEvent(
    long Id,
    string TransactionId,
    string Shop,
    string Type,
    Guid Session,
    string SessionId,
    string PickupCode,
    string? CustomerName,
    string Status,
    int FileCount,
    long TotalSize,
    DateTime CreatedAt,
    string Files,
    string? TraceParent,
    string? TraceState,
    TimeSpan Age);
