namespace CloudTab.Relay;

/// <summary>
/// The shop's half of the session state machine: pending → processing by a claim, back by a release, → completed. A claim belongs
/// to the API key that made it and holds for a lease, which claiming again or downloading renews. The session does not expire meanwhile
/// (trigger sessions_outlive_claims). Nor does the claim lapse while a file is at the printer (<see cref="Prints"/>). A key that was revoked changes
/// nothing any more.
/// </summary>
public sealed class Claims(Database database, StateChanges changes, Lifetimes lifetimes)
{
    /// <summary>Claims a pending session, or renews the claim that this key has.</summary>
    public Task<(Outcome Outcome, Guid Session)> ClaimAsync(ShopKey key, SessionName name, CancellationToken cancellationToken) =>
        ClaimAsync(key, name, renewsOnly: false, cancellationToken);

    /// <summary>
    /// Renews the claim that this key has. A program does so by itself, so it says nothing of whether anybody has seen the files that came in
    /// since the claim: completing still leaves them.
    /// </summary>
    public Task<(Outcome Outcome, Guid Session)> RenewAsync(ShopKey key, SessionName name, CancellationToken cancellationToken) =>
        ClaimAsync(key, name, renewsOnly: true, cancellationToken);

    private async Task<(Outcome Outcome, Guid Session)> ClaimAsync(ShopKey key, SessionName name, bool renewsOnly, CancellationToken cancellationToken)
    {
        const string sql = $"""
            WITH before AS (
                SELECT id, status = 'processing' AND claimed_by = @key AS renewed FROM sessions
                WHERE id = ({SessionName.Sql}) AND expires_at > @now AND key_is_valid(@key)
                    AND (status = 'processing' AND claimed_by = @key
                        OR NOT @renewsOnly AND (status = 'pending' OR status = 'processing' AND claimed_until <= @now AND NOT printing))
                FOR UPDATE
            ), claimed AS (
                UPDATE sessions
                SET status = 'processing', claimed_by = @key, claimed_until = greatest(sessions.claimed_until, @leaseEnd), claims = claims + CASE WHEN @renewsOnly THEN 0 ELSE 1 END
                FROM before
                WHERE sessions.id = before.id
                RETURNING sessions.*, true AS announced, before.renewed
            ), changed AS (
                SELECT * FROM claimed WHERE NOT renewed
            ), event AS (
                {StateChanges.Event}
            )
            SELECT id AS Session, NOT renewed AS Moved, ({StateChanges.Origin}) AS Origin FROM claimed AS sessions
            """;
        return await ChangeAsync(Transition.Claimed, sql, key, name, cancellationToken, renewsOnly);
    }

    /// <summary>
    /// Gives a claimed session back; releasing one that is pending changes nothing. While a file is at the printer that takes a reason, and any person
    /// of the shop may: nobody knows then what will come out, so the attempts are unknown.
    /// </summary>
    /// <param name="reason">Why a session is given back that is being printed: 1 to 200 characters.</param>
    public async Task<(Outcome Outcome, Guid Session)> ReleaseAsync(
        ShopKey key, SessionName name, CancellationToken cancellationToken, string? reason = null)
    {
        // Attempts that were begun while this statement waited for the session are updated only by an insert that runs into them.
        const string sql = $"""
            WITH held AS MATERIALIZED (
                SELECT id FROM sessions
                WHERE id = ({SessionName.Sql}) AND status = 'processing' AND key_is_valid(@key)
                    AND CASE WHEN printing THEN @reason IS NOT NULL AND (claimed_by = @key OR @isPerson) ELSE claimed_by = @key END
                FOR UPDATE
            ), given_back AS (
                INSERT INTO prints (file, attempt, key_id, printer, print_options, state, reasons, given_back, changed_at)
                SELECT file, attempt, key_id, printer, print_options, 'unknown', '["given-back"]', @reason, @now
                FROM held, prints_of(held.id)
                WHERE state IN ('sent', 'printing')
                ON CONFLICT (file, attempt) DO UPDATE
                SET state = excluded.state, reasons = excluded.reasons, given_back = excluded.given_back, changed_at = excluded.changed_at
                RETURNING *
            ), changed AS (
                UPDATE sessions
                SET status = 'pending', claimed_by = NULL, claimed_until = NULL, printing = false,
                    expires_at = CASE WHEN printing THEN @expiresAt ELSE expires_at END -- it was prolonged with the claim
                FROM held
                WHERE sessions.id = held.id
                RETURNING sessions.*, true AS announced
            ), event AS (
                {StateChanges.Event}
            ), prints_events AS (
                {Prints.Event} given_back AS prints
            )
            SELECT id AS Session, true AS Moved, ({StateChanges.Origin}) AS Origin FROM changed AS sessions
            """;
        var released = await ChangeAsync(Transition.Released, sql, key, name, cancellationToken, reason: reason);
        return released.Outcome == Outcome.NotClaimed ? (Outcome.Done, released.Session) : released;
    }

    /// <summary>
    /// Ends a claimed session and with it (trigger files_of_ended_sessions) its files; completing again changes nothing. If files came in
    /// since the claim that its holder neither claimed again for nor downloaded, the session is pending with these (trigger
    /// late_files_of_completed_claims), and the shop hears of it as of a new one.
    /// </summary>
    public async Task<(Outcome Outcome, Guid Session)> CompleteAsync(ShopKey key, SessionName name, CancellationToken cancellationToken)
    {
        const string sql = $"""
            WITH changed AS (
                UPDATE sessions
                SET status = 'completed', ended_at = @now, claimed_until = NULL, done_claim = claims
                WHERE id = ({SessionName.Sql}) AND status = 'processing' AND claimed_by = @key AND NOT printing AND key_is_valid(@key)
                RETURNING *, ended_at IS NOT NULL AS announced
            ), event AS (
                {StateChanges.Event}
            )
            SELECT id AS Session, true AS Moved, ({StateChanges.Origin}) AS Origin FROM changed AS sessions
            """;
        var completed = await ChangeAsync(Transition.Completed, sql, key, name, cancellationToken);
        return completed.Outcome is Outcome.Closed or Outcome.NotClaimed && await IsCompletedAsync(key, completed.Session, cancellationToken)
            ? (Outcome.Done, completed.Session)
            : completed;
    }

    /// <summary>Renews the claim that this key has on a session, if it has one: its holder is downloading this file, and so has seen it.</summary>
    public Task RenewAsync(ShopKey key, Guid session, Guid file, CancellationToken cancellationToken)
    {
        const string sql = """
            WITH renewed AS (
                UPDATE sessions SET claimed_until = greatest(claimed_until, @leaseEnd)
                WHERE id = @session AND status = 'processing' AND claimed_by = @key AND key_is_valid(@key)
                RETURNING id
            )
            UPDATE files SET added_in_claim = NULL
            FROM renewed
            WHERE files.session = renewed.id AND files.id = @file AND added_in_claim IS NOT NULL
            """;
        return database.ExecuteAsync(sql, new { session, file, key = key.Id, leaseEnd = lifetimes.NextClaimEnd }, cancellationToken);
    }

    private async Task<(Outcome Outcome, Guid Session)> ChangeAsync(
        Transition transition, string sql, ShopKey key, SessionName name, CancellationToken cancellationToken, bool renewsOnly = false, string? reason = null)
    {
        var parameters = new
        {
            shop = key.Shop,
            sessionId = name.SessionId,
            pickupCode = name.PickupCode,
            key = key.Id,
            leaseEnd = lifetimes.NextClaimEnd,
            expiresAt = lifetimes.NextExpiry,
            renewsOnly,
            reason,
            isPerson = !key.IsDevice,
        };
        return await changes.MakeAsync(transition, sql, parameters, cancellationToken) is [var changed]
            ? (Outcome.Done, changed.Session)
            : await RefusalForAsync(key, name, cancellationToken);
    }

    private Task<bool> IsCompletedAsync(ShopKey key, Guid session, CancellationToken cancellationToken)
    {
        const string sql = """
            SELECT status = 'completed' OR status = 'pending' AND claimed_by IS NOT DISTINCT FROM @key AND done_claim IS NOT DISTINCT FROM claims
            FROM sessions
            WHERE id = @session
            """;
        return database.QuerySingleOrDefaultAsync<bool>(sql, new { session, key = key.Id }, cancellationToken);
    }

    private async Task<(Outcome Outcome, Guid Session)> RefusalForAsync(ShopKey key, SessionName name, CancellationToken cancellationToken)
    {
        const string sql = $"""
            SELECT id AS Session, CASE
                WHEN NOT key_is_valid(@key) THEN 'KeyRevoked'
                WHEN ended_at IS NOT NULL OR expires_at <= @now THEN 'Closed'
                WHEN status = 'open' THEN 'NotSubmitted'
                WHEN status = 'pending' THEN 'NotClaimed'
                WHEN claimed_by = @key AND printing THEN 'StillPrinting'
                ELSE 'ClaimedByAnother'
            END AS Reason
            FROM sessions
            WHERE id = ({SessionName.Sql})
            """;
        var found = await database.QuerySingleOrDefaultAsync<Refusal>(
            sql, new { shop = key.Shop, sessionId = name.SessionId, pickupCode = name.PickupCode, key = key.Id, now = lifetimes.Now }, cancellationToken);
        return found is null ? (Outcome.NotFound, default) : (Enum.Parse<Outcome>(found.Reason), found.Session);
    }

    private sealed record Refusal(Guid Session, string Reason);
}

/// <summary>
/// How a shopkeeper names a session: by its id or by its pickup code, which means the live session of the shop that has it, else the
/// latest that had it. If the text can be neither, neither is set, and the name finds nothing.
/// </summary>
public readonly record struct SessionName(string? SessionId, string? PickupCode)
{
    /// <summary>A subquery for the internal id of the session so named. Needs the parameters shop, sessionId and pickupCode.</summary>
    public const string Sql = """
        SELECT id FROM sessions
        WHERE shop_id = @shop AND (session_id = @sessionId OR pickup_code = @pickupCode)
        ORDER BY ended_at IS NULL DESC, created_at DESC
        LIMIT 1
        """;

    public static SessionName Parse(string text) =>
        Relay.SessionId.IsWellFormed(text) ? new(text, null) : new(null, Relay.PickupCode.Parse(text));
}
