namespace CloudTab.Relay;

/// <summary>A shop marks its jobs as paid. Nobody else does: a link to pay, or a customer's word, is no payment.</summary>
public sealed class Payments(Database database, StateChanges changes)
{
    private const string Payable = "status IN ('pending', 'processing', 'completed')";

    private const string Due = "CASE WHEN totals.is_complete THEN totals.amount END";

    private const string IsOther = $"@amount::bigint IS NOT NULL AND @amount::bigint IS DISTINCT FROM {Due}";

    /// <summary>Marks a job as paid, at any counter of the shop and whoever has claimed it. Marking it again changes nothing, unless it costs more by now: then that is paid too.</summary>
    /// <param name="amount">
    /// What the shopkeeper was shown that it costs, in the smallest unit of the currency. If it costs something else by now, nothing is marked.
    /// Null: whatever it costs.
    /// </param>
    public Task<(Outcome Outcome, Guid Session)> MarkAsync(ShopKey key, SessionName name, long? amount, CancellationToken cancellationToken)
    {
        const string sql = $"""
            WITH due AS (
                SELECT sessions.id, {Due} AS amount
                FROM sessions {JobTotals.From}
                WHERE sessions.id = ({SessionName.Sql}) AND key_is_valid(@key) AND NOT ({IsOther})
            ), changed AS (
                UPDATE sessions SET paid_at = @now, paid_amount = due.amount
                FROM due
                WHERE sessions.id = due.id AND {Payable}
                    AND (paid_at IS NULL OR paid_amount IS NOT NULL AND coalesce(paid_amount < due.amount, true)) -- JobPrice.Exceeds
                RETURNING sessions.*, true AS announced
            ), event AS (
                {StateChanges.Event}
            )
            SELECT id AS Session, false AS Moved, ({StateChanges.Origin}) AS Origin FROM changed AS sessions
            """;
        return ChangeAsync(sql, key, name, amount, cancellationToken);
    }

    /// <summary>Takes that back; of a job that is not marked it changes nothing.</summary>
    public Task<(Outcome Outcome, Guid Session)> UnmarkAsync(ShopKey key, SessionName name, CancellationToken cancellationToken)
    {
        const string sql = $"""
            WITH changed AS (
                UPDATE sessions SET paid_at = NULL, paid_amount = NULL
                WHERE id = ({SessionName.Sql}) AND {Payable} AND paid_at IS NOT NULL AND key_is_valid(@key)
                RETURNING *, true AS announced
            ), event AS (
                {StateChanges.Event}
            )
            SELECT id AS Session, false AS Moved, ({StateChanges.Origin}) AS Origin FROM changed AS sessions
            """;
        return ChangeAsync(sql, key, name, amount: null, cancellationToken);
    }

    private async Task<(Outcome Outcome, Guid Session)> ChangeAsync(string sql, ShopKey key, SessionName name, long? amount, CancellationToken cancellationToken)
    {
        var parameters = new { shop = key.Shop, sessionId = name.SessionId, pickupCode = name.PickupCode, key = key.Id, ofShop = true, amount };
        return await changes.MakeAsync(transition: null, sql, parameters, cancellationToken) is [var changed]
            ? (Outcome.Done, changed.Session)
            : await ReasonAsync(parameters, cancellationToken);
    }

    private async Task<(Outcome Outcome, Guid Session)> ReasonAsync(object parameters, CancellationToken cancellationToken)
    {
        const string sql = $"""
            SELECT id AS Session, CASE
                WHEN NOT key_is_valid(@key) THEN 'KeyRevoked'
                WHEN {Payable} AND {IsOther} THEN 'PriceChanged'
                WHEN {Payable} THEN 'Done'
                WHEN status = 'open' THEN 'NotSubmitted'
                ELSE 'Closed'
            END AS Outcome
            FROM sessions {JobTotals.From}
            WHERE id = ({SessionName.Sql})
            """;
        var found = await database.QuerySingleOrDefaultAsync<Unchanged>(sql, parameters, cancellationToken);
        return found is null ? (Outcome.NotFound, default) : (Enum.Parse<Outcome>(found.Outcome), found.Session);
    }

    private sealed record Unchanged(Guid Session, string Outcome);
}
