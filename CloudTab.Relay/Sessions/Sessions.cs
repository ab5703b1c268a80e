using Npgsql;

namespace CloudTab.Relay;

/// <summary>
/// The customer's half of the session state machine: open → pending, and any live state → cancelled. (docs/sessions.md has the
/// chart; the shop's half is <see cref="Claims"/>, the half of time <see cref="Expiry"/>.)
/// </summary>
public sealed class Sessions(Database database, StateChanges changes, RelayTelemetry telemetry, Lifetimes lifetimes)
{
    /// <summary>Opens a session in a shop.</summary>
    /// <param name="shop">Id of the shop.</param>
    /// <param name="customerName">
    /// 1 to 200 characters, or null; kept in NFC, which only the database can make (.NET cannot without ICU).
    /// </param>
    /// <param name="printOptions">How its files are to be printed, unless the customer says otherwise; null: as is usual in the shop.</param>
    /// <returns>The session, or null if there is no such shop or it takes no uploads now.</returns>
    public async Task<OpenedSession?> OpenAsync(string shop, string? customerName, PrintOptions? printOptions, CancellationToken cancellationToken)
    {
        const string sql = """
            INSERT INTO sessions (id, shop_id, session_id, pickup_code, customer_name, status, created_at, expires_at, print_options)
            SELECT @id, id, @sessionId, @pickupCode, left(normalize(@customerName, NFC), 200), 'open', @now, @expiresAt,
                   coalesce(@printOptions::jsonb, print_options)
            FROM shops
            WHERE id = @shop AND accepts_uploads
            RETURNING id, session_id AS SessionId, pickup_code AS PickupCode, expires_at AS ExpiresAt
            """;
        while (true)
        {
            try
            {
                var opened = await database.ChangeSingleOrDefaultAsync<OpenedSession>(
                    sql,
                    new
                    {
                        id = Guid.CreateVersion7(new(lifetimes.Now)),
                        shop,
                        sessionId = SessionId.Create(),
                        pickupCode = PickupCode.Create(),
                        customerName,
                        printOptions = printOptions?.ToJson(),
                        now = lifetimes.Now,
                        expiresAt = lifetimes.NextExpiry,
                    },
                    cancellationToken);
                if (opened is null)
                    return null;
                RelayTelemetry.TagSession(opened.Id);
                telemetry.Moved(Transition.Opened);
                return opened;
            }
            catch (PostgresException taken) when (taken.ConstraintName == "sessions_live_pickup_code")
            {
                // Another live session of the shop has this code: one in 729 million for each of them. Draw again.
            }
        }
    }

    /// <summary>
    /// Submits a session whose files are all there. Submitting again changes nothing, also once the shop has completed the session: a client whose
    /// answer was lost hears that the shop was told, and does not send its files once more.
    /// </summary>
    public async Task<Outcome> SubmitAsync(string shop, string sessionId, CancellationToken cancellationToken)
    {
        const string sql = $"""
            WITH before AS (
                SELECT id, status FROM sessions
                WHERE shop_id = @shop AND session_id = @sessionId AND expires_at > @now
                    AND status IN ('open', 'pending', 'processing') AND (status <> 'open' OR file_count > 0)
                FOR UPDATE
            ), submitted AS (
                UPDATE sessions
                SET status = CASE WHEN sessions.status = 'open' THEN 'pending' ELSE sessions.status END,
                    submitted_at = coalesce(submitted_at, @now),
                    expires_at = @expiresAt
                FROM before
                WHERE sessions.id = before.id
                RETURNING sessions.*, before.status <> 'open' AS announced
            ), changed AS (
                SELECT * FROM submitted WHERE NOT announced
            ), event AS (
                {StateChanges.Event}
            )
            SELECT id AS Session, NOT announced AS Moved, NULL AS Origin FROM submitted
            """;
        var parameters = new { shop, sessionId, expiresAt = lifetimes.NextExpiry };
        return await changes.MakeAsync(Transition.Submitted, sql, parameters, cancellationToken) is [] && await FindAsync(shop, sessionId, "completed", cancellationToken) is null
            ? await RefusalForAsync(shop, sessionId, cancellationToken)
            : Outcome.Done;
    }

    /// <summary>The customer withdraws: the session ends, and with it (trigger files_of_ended_sessions) its files.</summary>
    /// <param name="onlyUnclaimed">Whether a session that the shop has claimed, and may have printed, stays.</param>
    /// <returns>Done with the session's internal id; cancelling again is Done too.</returns>
    public async Task<(Outcome Outcome, Guid Session)> CancelAsync(string shop, string sessionId, CancellationToken cancellationToken, bool onlyUnclaimed = false)
    {
        const string sql = $"""
            WITH changed AS (
                UPDATE sessions
                SET status = 'cancelled', ended_at = @now, claimed_until = NULL
                WHERE shop_id = @shop AND session_id = @sessionId AND expires_at > @now
                    AND (status IN ('open', 'pending') OR status = 'processing' AND NOT @onlyUnclaimed)
                RETURNING *, true AS announced
            ), event AS (
                {StateChanges.Event}
            )
            SELECT id AS Session, true AS Moved, NULL AS Origin FROM changed
            """;
        if (await changes.MakeAsync(Transition.Cancelled, sql, new { shop, sessionId, onlyUnclaimed }, cancellationToken) is [var cancelled])
            return (Outcome.Done, cancelled.Session);
        return await FindAsync(shop, sessionId, "cancelled", cancellationToken) is { } already
            ? (Outcome.Done, already)
            : (await RefusalForAsync(shop, sessionId, cancellationToken), default);
    }

    /// <summary>Takes back a session that was opened for an upload that then failed; one that holds files stays.</summary>
    public Task ForgetAsync(Guid session, CancellationToken cancellationToken)
    {
        const string sql = """
            DELETE FROM sessions
            WHERE id = @session AND status = 'open' AND NOT EXISTS (SELECT FROM files WHERE files.session = sessions.id)
            """;
        return database.ExecuteAsync(sql, new { session }, cancellationToken);
    }

    private Task<Guid?> FindAsync(string shop, string sessionId, string status, CancellationToken cancellationToken)
    {
        const string sql = "SELECT id FROM sessions WHERE shop_id = @shop AND session_id = @sessionId AND status = @status";
        return database.QuerySingleOrDefaultAsync<Guid?>(sql, new { shop, sessionId, status }, cancellationToken);
    }

    private async Task<Outcome> RefusalForAsync(string shop, string sessionId, CancellationToken cancellationToken)
    {
        const string sql = """
            SELECT CASE
                WHEN ended_at IS NOT NULL OR expires_at <= @now THEN 'Closed'
                WHEN status = 'processing' THEN 'ClaimedByAnother'
                ELSE 'NoFiles'
            END
            FROM sessions
            WHERE shop_id = @shop AND session_id = @sessionId
            """;
        var reason = await database.QuerySingleOrDefaultAsync<string>(sql, new { shop, sessionId, now = lifetimes.Now }, cancellationToken);
        return reason is null ? Outcome.NotFound : Enum.Parse<Outcome>(reason);
    }
}

/// <summary>What became of an attempted state change: done, or the one reason why not.</summary>
public enum Outcome
{
    /// <summary>The state is now what was asked for.</summary>
    Done,

    /// <summary>No such session in this shop.</summary>
    NotFound,

    /// <summary>The session has ended.</summary>
    Closed,

    /// <summary>The session holds no file yet.</summary>
    NoFiles,

    /// <summary>The session holds no such file.</summary>
    FileNotFound,

    /// <summary>Another key of the shop holds the claim.</summary>
    ClaimedByAnother,

    /// <summary>Nobody has claimed the session.</summary>
    NotClaimed,

    /// <summary>The key was revoked, or its shop suspended, since it was looked up.</summary>
    KeyRevoked,

    /// <summary>The customer has not submitted the session yet.</summary>
    NotSubmitted,

    /// <summary>The file is deleted.</summary>
    FileDeleted,

    /// <summary>A file of the session is at the printer.</summary>
    StillPrinting,

    /// <summary>The file is, or may be, on paper already.</summary>
    AlreadyPrinted,

    /// <summary>The file has as many attempts to print as it may have.</summary>
    TooManyPrints,

    /// <summary>The session costs something else than it was said to.</summary>
    PriceChanged,

    /// <summary>What is to be set is another value by now than its client has seen.</summary>
    ChangedMeanwhile,

    /// <summary>The session would hold more files than allowed.</summary>
    TooManyFiles,

    /// <summary>The session would hold more bytes than allowed.</summary>
    TooLarge,

    /// <summary>The shop's live files would take more bytes than allowed.</summary>
    ShopFull,

    /// <summary>The upload lost its lease: another process has begun to clean up behind it.</summary>
    LeaseLost,
}

/// <summary>A session just opened.</summary>
public sealed record OpenedSession(Guid Id, string SessionId, string PickupCode, DateTime ExpiresAt);
