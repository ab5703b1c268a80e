namespace CloudTab.Relay;

/// <summary>
/// The half of time in the session state machine: live → expired, processing → pending when a claim lapses, stored files past
/// their lifetime. Each call takes at most one batch, skips what another process has locked, and returns how many it moved.
/// </summary>
public sealed class Expiry(StateChanges changes, Lifetimes lifetimes)
{
    /// <summary>Ends sessions past their time and with them (trigger files_of_ended_sessions) their files.</summary>
    public Task<int> ExpireSessionsAsync(int limit, CancellationToken cancellationToken)
    {
        const string sql = $"""
            WITH due AS (
                SELECT id FROM sessions
                WHERE status IN ('open', 'pending', 'processing') AND expires_at <= @now
                ORDER BY expires_at
                LIMIT @limit
                FOR UPDATE SKIP LOCKED
            ), changed AS (
                UPDATE sessions
                SET status = 'expired', ended_at = @now, claimed_until = NULL
                FROM due
                WHERE sessions.id = due.id
                RETURNING sessions.*, true AS announced
            ), event AS (
                {StateChanges.Event}
            )
            SELECT id AS Session, true AS Moved, NULL AS Origin FROM changed
            """;
        return ChangeAsync(Transition.Expired, sql, limit, cancellationToken);
    }

    /// <summary>
    /// Gives back sessions whose claim was not renewed in time. While a file is at the printer the claim holds as long as that file lives
    /// (<see cref="Prints"/>); if nobody has said by then how it ended, nobody will, and the attempts are unknown.
    /// </summary>
    public Task<int> LapseClaimsAsync(int limit, CancellationToken cancellationToken)
    {
        const string sql = $"""
            WITH due AS (
                SELECT id FROM sessions
                WHERE status = 'processing' AND claimed_until <= @now AND expires_at > @now
                ORDER BY claimed_until
                LIMIT @limit
                FOR UPDATE SKIP LOCKED
            ), given_back AS (
                INSERT INTO prints (file, attempt, key_id, printer, print_options, state, reasons, changed_at)
                SELECT file, attempt, key_id, printer, print_options, 'unknown', '["given-back"]', @now
                FROM due, prints_of(due.id)
                WHERE state IN ('sent', 'printing')
                ON CONFLICT (file, attempt) DO UPDATE
                SET state = excluded.state, reasons = excluded.reasons, changed_at = excluded.changed_at
                RETURNING *
            ), changed AS (
                UPDATE sessions
                SET status = 'pending', claimed_by = NULL, claimed_until = NULL, printing = false
                FROM due
                WHERE sessions.id = due.id
                RETURNING sessions.*, true AS announced
            ), event AS (
                {StateChanges.Event}
            ), prints_events AS (
                {Prints.Event} given_back AS prints WHERE prints.file IN (SELECT id FROM files WHERE session = changed.id)
            )
            SELECT id AS Session, true AS Moved, NULL AS Origin FROM changed
            """;
        return ChangeAsync(Transition.Lapsed, sql, limit, cancellationToken);
    }

    /// <summary>Marks files past their lifetime for removal, whatever their session does, and tells the shop what is left.</summary>
    public Task<int> ExpireFilesAsync(int limit, CancellationToken cancellationToken)
    {
        const string sql = $"""
            WITH due AS (
                SELECT files.id
                FROM sessions JOIN files ON files.session = sessions.id
                WHERE files.status = 'stored' AND files.stored_at <= @storedBefore
                ORDER BY files.stored_at
                LIMIT @limit
                FOR UPDATE OF sessions, files SKIP LOCKED -- both: waiting for the second could be a deadlock with a transition
            ), marked AS (
                UPDATE files SET status = 'deleting', left_at = @now FROM due WHERE files.id = due.id RETURNING files.session, files.size
            ), lost AS (
                SELECT session, count(*) AS files, sum(size) AS bytes FROM marked GROUP BY session
            ), changed AS (
                UPDATE sessions
                SET file_count = file_count - lost.files, total_size = total_size - lost.bytes
                FROM lost
                WHERE sessions.id = lost.session
                RETURNING sessions.*, true AS announced
            ), event AS (
                {StateChanges.Event}
            )
            SELECT session AS Session, false AS Moved, NULL AS Origin FROM marked
            """;
        return ChangeAsync(transition: null, sql, limit, cancellationToken);
    }

    private async Task<int> ChangeAsync(Transition? transition, string sql, int limit, CancellationToken cancellationToken) =>
        (await changes.MakeAsync(transition, sql, new { storedBefore = lifetimes.Now - lifetimes.OfFile, limit }, cancellationToken)).Count;
}
