using System.Globalization;

namespace CloudTab.Relay;

/// <summary>
/// Reads events so that none is skipped, though a transaction may commit after one with a later id. The reader keeps the snapshot of its
/// last read (`pg_current_snapshot()`): which transactions had ended, and which were running. New are the rows of transactions that began
/// after it or were running then, as far as the next snapshot shows them. Both are looked up in an index, however many events were
/// delivered while an old transaction stays open, and nothing has to be remembered of them.
///
/// After a fail-over to a standby the numbers of transactions may begin again where that standby was. The reader notices by the timeline,
/// or by a snapshot that lies before its own, and takes a new place.
/// Each user has its own instance; not for concurrent use.
/// </summary>
public sealed class EventReader(Database database)
{
    /// <summary>Most events that one read returns.</summary>
    public const int BatchSize = 1_000;

    /// <summary>
    /// Files of whose sessions a read tells: it ends with the event that reaches so many. What is told of a file can take 3 KB, and a thousand
    /// events of full sessions 150 MB.
    /// </summary>
    public const int MostFiles = 1_000;

    private Snapshot? _read;
    private Snapshot? _reading;
    private (ulong Transaction, long Id) _last;

    /// <summary>How many transactions have begun since the oldest that was still open at the last read.</summary>
    public long BehindHorizon { get; private set; }

    /// <summary>Whether there is more to be read at once.</summary>
    public bool HasMore => _reading is not null;

    /// <summary>How often the reader had to take a new place: what was written in between is for the pending list to tell.</summary>
    public int Restarts { get; private set; }

    /// <summary>
    /// The next events of submitted sessions, at most 1,000, those of one transaction in their order; empty when there are none, or
    /// <see cref="HasMore"/>. The first
    /// read only takes the reader's place: what was before is for the pending list to tell. A batch is returned once, so its caller must
    /// not fail to deliver it.
    /// </summary>
    public async Task<IReadOnlyList<SessionEvent>> ReadAsync(CancellationToken cancellationToken)
    {
        const string select = $"""
            SELECT {SessionEvent.Columns}, {Snapshot.OfRead} AS Snapshot, events.files_read AS FilesRead
            FROM (
                SELECT events.*, sum(sessions.file_count) OVER (ORDER BY unread.transaction_id, unread.id) AS files_read, sessions.file_count AS files
                FROM unread JOIN events ON events.id = unread.id JOIN sessions ON sessions.id = events.session
            ) AS events JOIN sessions ON sessions.id = events.session {JobTotals.From}
            WHERE events.files_read - events.files < @mostFiles
            """;
        var batch = await ReadAsync<SessionEvent>(select, cancellationToken);
        batch.RemoveAll(one => one.SubmittedAt is null);
        return batch;
    }

    /// <summary>As <see cref="ReadAsync(CancellationToken)"/>, but of every session, and only which one it was.</summary>
    public async Task<IReadOnlyList<ChangedSession>> ReadChangesAsync(CancellationToken cancellationToken)
    {
        const string select = $"""
            SELECT events.id, events.transaction_id::text AS TransactionId, events.shop_id AS Shop, events.session, {Snapshot.OfRead} AS Snapshot
            FROM unread JOIN events ON events.id = unread.id
            """;
        return await ReadAsync<ChangedSession>(select, cancellationToken);
    }

    /// <summary>Gives the reader's place up: the next read is a first one.</summary>
    public void Forget() => (_read, _reading) = (null, null);

    /// <param name="select">What is read of each row of `unread`.</param>
    private async Task<List<T>> ReadAsync<T>(string select, CancellationToken cancellationToken)
        where T : ReadEvent
    {
        if (_read is null)
        {
            See(_read = await CurrentAsync(cancellationToken));
            return [];
        }

        // Ordered by the index, and with one lower bound each: of two, Postgres may begin to read the index at the lesser one.
        const string unread = """
            AND pg_visible_in_snapshot(transaction_id, coalesce(@reading::pg_snapshot, pg_current_snapshot()))
            ORDER BY transaction_id, id
            LIMIT @limit
            """;
        var sql = $"""
            WITH unread AS (
                (SELECT transaction_id, id FROM events WHERE (transaction_id, id) > (@begunAfter::xid8, @begunId) {unread})
                UNION ALL
                (SELECT transaction_id, id FROM events WHERE transaction_id = ANY (@running::xid8[]) AND (transaction_id, id) > (@lastTransaction::xid8, @lastId) {unread})
                ORDER BY transaction_id, id
                LIMIT @limit
            )
            {select}
            ORDER BY events.transaction_id, events.id
            """;
        var last = _reading is null ? default : _last;
        var begun = last.Transaction >= _read.End ? last : (Transaction: _read.End, Id: 0);
        var parameters = new
        {
            begunAfter = begun.Transaction.ToString(CultureInfo.InvariantCulture),
            begunId = begun.Id,
            running = _read.Running,
            reading = _reading?.Text,
            lastTransaction = last.Transaction.ToString(CultureInfo.InvariantCulture),
            lastId = last.Id,
            limit = BatchSize,
            mostFiles = MostFiles,
            ofShop = true,
        };
        var batch = await database.QueryAsync<T>(sql, parameters, cancellationToken);
        // Without events there is no hurry. This one is no place to read on from: it may show some that the statement before it did not.
        var seen = batch is [var first, ..] ? Snapshot.Parse(first.Snapshot) : await CurrentAsync(cancellationToken);
        See(seen);
        if (!seen.Follows(_read))
        {
            Restarts++;
            (_reading, _read) = (null, seen);
            return [];
        }

        if (batch.Count == BatchSize || batch is [.., { FilesRead: >= MostFiles }])
            (_reading, _last) = (seen, (ulong.Parse(batch[^1].TransactionId, CultureInfo.InvariantCulture), batch[^1].Id));
        else
            (_reading, _read) = (null, batch.Count > 0 ? seen : _reading ?? _read);
        return batch;
    }

    private void See(Snapshot snapshot) => BehindHorizon = (long)(snapshot.End - snapshot.Start);

    private async Task<Snapshot> CurrentAsync(CancellationToken cancellationToken)
    {
        const string sql = $"SELECT pg_current_snapshot()::text || {Snapshot.CurrentTimeline}";
        return Snapshot.Parse((await database.QuerySingleOrDefaultAsync<string>(sql, null, cancellationToken))!);
    }

    /// <summary>Which transactions had ended at a moment.</summary>
    /// <param name="Text">As Postgres writes it.</param>
    /// <param name="Timeline">Of the cluster: each fail-over begins another one.</param>
    /// <param name="Start">The oldest that was running; all before had ended.</param>
    /// <param name="End">The first that had not begun.</param>
    /// <param name="Running">Those in between that were running.</param>
    private sealed record Snapshot(string Text, string Timeline, ulong Start, ulong End, string[] Running)
    {
        /// <summary>A space and the timeline, as SQL.</summary>
        public const string CurrentTimeline = "' ' || left(pg_walfile_name(pg_current_wal_lsn()), 8)";

        /// <summary>
        /// The snapshot that a read goes by, as SQL: that of the statement itself, which so needs no other one before it, or that of the read
        /// that it continues.
        /// </summary>
        public const string OfRead = $"(SELECT coalesce(@reading, pg_current_snapshot()::text) || {CurrentTimeline})";

        /// <summary>Reads `start:end:running,running timeline`.</summary>
        public static Snapshot Parse(string written)
        {
            var (text, timeline) = (written[..written.IndexOf(' ', StringComparison.Ordinal)], written[(written.IndexOf(' ', StringComparison.Ordinal) + 1)..]);
            var parts = text.Split(':');
            return new(
                text,
                timeline,
                ulong.Parse(parts[0], CultureInfo.InvariantCulture),
                ulong.Parse(parts[1], CultureInfo.InvariantCulture),
                parts[2].Split(',', StringSplitOptions.RemoveEmptyEntries));
        }

        public bool Follows(Snapshot earlier) => Timeline == earlier.Timeline && End >= earlier.End;
    }
}

/// <summary>An event that was read.</summary>
/// <param name="Id">Counts up; tells repeats of a delivery apart.</param>
/// <param name="TransactionId">The transaction that wrote it (xid8, as text).</param>
/// <param name="Snapshot">What the read was able to see, and Postgres' timeline.</param>
/// <param name="FilesRead">Files of its session and of those of the events before it in its batch, if the read tells of files.</param>
public abstract record ReadEvent(long Id, string TransactionId, string Snapshot, long FilesRead = 0);

/// <summary>That a session has changed.</summary>
/// <param name="Shop">Id of the shop.</param>
/// <param name="Session">Internal id of the session.</param>
public sealed record ChangedSession(long Id, string TransactionId, string Shop, Guid Session, string Snapshot) : ReadEvent(Id, TransactionId, Snapshot);

/// <summary>A state change of a session that its shop must hear of.</summary>
/// <param name="Shop">Id of the shop.</param>
/// <param name="Type">`new_session`, `session_updated` or `print_changed`.</param>
/// <param name="Session">Internal id of the session.</param>
/// <param name="SessionId">The customer's secret.</param>
/// <param name="PickupCode">What the customer says at the counter.</param>
/// <param name="CustomerName">The name the customer gave, if any.</param>
/// <param name="Token">The number that the customer was given when it was submitted.</param>
/// <param name="Status">The session's status after the change.</param>
/// <param name="FileCount">Its stored files after the change.</param>
/// <param name="TotalSize">Their bytes.</param>
/// <param name="Files">Its stored files at the time of the read, as a JSON array: of each its id, what the virus scanner said, its name, its pages, and how it is to be printed.</param>
/// <param name="CreatedAt">When it happened, UTC.</param>
/// <param name="TraceParent">W3C traceparent of the request that did it.</param>
/// <param name="TraceState">W3C tracestate of that request.</param>
/// <param name="Age">How long before the read its row was written, just before the commit; both by Postgres' clock.</param>
/// <param name="SubmittedAt">When its session was submitted first. The shop never hears of one that was not.</param>
/// <param name="Pages">Pages that come out of the printer, as far as they are known at the time of the read.</param>
/// <param name="UncountedFiles">Files whose pages are not known.</param>
/// <param name="PaidAt">When the shop marked it as paid.</param>
/// <param name="PaidAmount">What it cost then.</param>
/// <param name="File">The file that is printed, if the event is about a print.</param>
/// <param name="Print">That print after the change.</param>
/// <param name="Snapshot">What the read was able to see, and Postgres' timeline.</param>
/// <param name="FilesRead">Files of its session and of those of the events before it in its batch.</param>
public sealed record SessionEvent(
    long Id,
    string TransactionId,
    string Shop,
    string Type,
    Guid Session,
    string SessionId,
    string PickupCode,
    string? CustomerName,
    int? Token,
    string Status,
    int FileCount,
    long TotalSize,
    DateTime CreatedAt,
    string Files,
    string? TraceParent,
    string? TraceState,
    TimeSpan Age,
    DateTime? SubmittedAt,
    long Pages,
    int UncountedFiles,
    long? Amount,
    string Currency,
    bool IsPriceComplete,
    DateTime? PaidAt,
    long? PaidAmount,
    Guid? File,
    Print? Print,
    string Snapshot,
    long FilesRead) : ReadEvent(Id, TransactionId, Snapshot, FilesRead)
{
    /// <summary>
    /// All but the last two of them, as columns of a statement that reads an event as `events`, its session as `sessions`, and
    /// <see cref="JobTotals.From"/>.
    /// </summary>
    internal const string Columns = $"""
        events.id, events.transaction_id::text AS TransactionId, events.shop_id AS Shop, events.type, sessions.id AS Session,
        sessions.session_id AS SessionId, sessions.pickup_code AS PickupCode, sessions.customer_name AS CustomerName, sessions.token,
        events.status, events.file_count AS FileCount, events.total_size AS TotalSize, events.created_at AS CreatedAt,
        (SELECT coalesce(json_agg(json_build_object('id', id, 'scan', scan, 'name', name, 'pages', pages, 'printOptions', print_options) ORDER BY position), '[]')::text FROM files
         WHERE session = sessions.id AND status = 'stored') AS Files,
        events.trace_parent AS TraceParent, events.trace_state AS TraceState, clock_timestamp() - events.written_at AS Age,
        sessions.submitted_at AS SubmittedAt, {JobTotals.Columns},
        events.file AS File, events.print AS Print
        """;

    /// <summary>What it costs at the time of the read.</summary>
    public JobPrice Price => new(Amount, Currency, IsPriceComplete);
}
