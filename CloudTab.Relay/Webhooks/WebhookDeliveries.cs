namespace CloudTab.Relay;

/// <summary>
/// Events that webhooks have not accepted yet, for the replicas that send them. One replica at a time sends for a webhook, one event after
/// the other, so that they arrive in their order. Those of one session keep it whatever fails; those of others overtake an event that failed. After
/// a failure the event waits for longer each time, and so does its webhook, but not for as long: an event that its receiver cannot digest
/// hardly delays the others. If nothing is accepted any more the receiver is away: it is not asked once for each event, and no event waits for
/// longer than it.
///
/// A statement that locks both locks the webhook before its deliveries, as the trigger on deleted events does.
/// </summary>
public sealed class WebhookDeliveries(Database database, TimeProvider clock) : IDisposable
{
    /// <summary>The time that an attempt and its record may take.</summary>
    public static readonly TimeSpan LongestAttempt = WebhookClient.Limit + TimeSpan.FromSeconds(5);

    // Others wait for their turn here and not in the pool, which claims and events need too.
    private const int MostStatements = 3;

    // What a row of `webhooks` is sent next: an event that no earlier one of its session is in front of, and of those one that has failed least.
    // An index has them in this order, so what waits behind it is not read.
    private const string Next = """
        SELECT due.event, due.attempts FROM webhook_deliveries AS due
        WHERE due.webhook = webhooks.id AND due.due_at <= @now
            AND NOT EXISTS (
                SELECT FROM webhook_deliveries AS earlier
                WHERE earlier.webhook = due.webhook AND earlier.session = due.session AND earlier.event < due.event
            )
        ORDER BY due.attempts, due.event
        LIMIT 1
        """;

    // The replica of a lease that has ended may be in the middle of an attempt: it began none that could last longer.
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan ShortestPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan LongestWait = TimeSpan.FromHours(1);

    private readonly SemaphoreSlim _turns = new(MostStatements);

    private DateTime Now => clock.Now().UtcDateTime;

    /// <summary>Acquires webhooks that something is due for, those first that have waited longest.</summary>
    /// <param name="failing">Those whose last attempt has failed, or the others.</param>
    public Task<List<HeldWebhook>> AcquireAsync(bool failing, int most, CancellationToken cancellationToken)
    {
        // Goes from one webhook that something waits for to the next, past all else that waits for it. New events lock their webhooks FOR KEY
        // SHARE: a stronger lock than this one would skip those of busy shops, and have their customers wait.
        const string sql = $"""
            WITH RECURSIVE waiting AS (
                (SELECT webhook FROM webhook_deliveries ORDER BY webhook LIMIT 1)
                UNION ALL
                SELECT following.webhook FROM waiting CROSS JOIN LATERAL (
                    SELECT webhook FROM webhook_deliveries WHERE webhook_deliveries.webhook > waiting.webhook ORDER BY webhook LIMIT 1
                ) AS following
            ), due AS (
                SELECT webhooks.id
                FROM waiting JOIN webhooks ON webhooks.id = waiting.webhook JOIN shops ON shops.id = webhooks.shop_id CROSS JOIN LATERAL ({Next}) AS next
                WHERE webhooks.due_at <= @now AND webhooks.disabled_at IS NULL AND shops.suspended_at IS NULL AND (webhooks.failures > 0) = @failing
                ORDER BY webhooks.due_at
                LIMIT @most
                FOR NO KEY UPDATE OF webhooks SKIP LOCKED
            )
            UPDATE webhooks SET due_at = @until FROM due WHERE webhooks.id = due.id
            RETURNING webhooks.id, webhooks.shop_id AS Shop, webhooks.due_at AS Until
            """;
        var now = Now;
        return InTurnAsync(() => database.ChangeAsync<HeldWebhook>(sql, new { now, until = now + Lease, failing, most }, cancellationToken), cancellationToken);
    }

    /// <summary>
    /// What is to be sent next; null if nothing is, or the lease will not last for it, or the webhook or its shop has nothing sent to it any
    /// more.
    /// </summary>
    public Task<Delivery?> NextAsync(HeldWebhook held, CancellationToken cancellationToken)
    {
        const string sql = $"""
            SELECT webhooks.id, webhooks.url, webhooks.secret, CASE WHEN webhooks.former_until > @now THEN webhooks.former_secret END AS FormerSecret,
                   webhooks.failures, next.event, next.attempts
            FROM webhooks JOIN shops ON shops.id = webhooks.shop_id CROSS JOIN LATERAL ({Next}) AS next
            WHERE webhooks.id = @Id AND webhooks.due_at = @Until AND webhooks.disabled_at IS NULL AND shops.suspended_at IS NULL
            """;
        var now = Now;
        return now + LongestAttempt > held.Until
            ? Task.FromResult<Delivery?>(null)
            : InTurnAsync(() => database.QuerySingleOrDefaultAsync<Delivery>(sql, new { held.Id, held.Until, now }, cancellationToken), cancellationToken);
    }

    /// <summary>The event of a delivery, as sockets are told of it. Null if it is gone, or if the shop is told of no such event.</summary>
    public async Task<SessionEvent?> ReadAsync(Delivery delivery, CancellationToken cancellationToken)
    {
        const string sql = $"""
            SELECT {SessionEvent.Columns}, '' AS Snapshot, 0::bigint AS FilesRead
            FROM events JOIN sessions ON sessions.id = events.session {JobTotals.From}
            WHERE events.id = @Event
            """;
        var read = await InTurnAsync(
            () => database.QuerySingleOrDefaultAsync<SessionEvent>(sql, new { delivery.Event, ofShop = true }, cancellationToken), cancellationToken);
        return read?.SubmittedAt is null ? null : read;
    }

    /// <summary>There is nothing to send of an event.</summary>
    public Task DropAsync(Delivery delivery, CancellationToken cancellationToken) => ExecuteAsync(
        "DELETE FROM webhook_deliveries WHERE webhook = @Id AND event = @Event", new { delivery.Id, delivery.Event }, cancellationToken);

    /// <summary>An event was accepted. If several attempts before had failed, the receiver was away: what waits for it is due at once.</summary>
    public Task AcceptedAsync(Delivery delivery, CancellationToken cancellationToken)
    {
        const string sql = """
            WITH held AS (
                SELECT id FROM webhooks WHERE id = @Id FOR NO KEY UPDATE
            ), accepted AS (
                DELETE FROM webhook_deliveries USING held WHERE webhook = held.id AND event = @Event RETURNING webhook
            ), due AS (
                UPDATE webhook_deliveries SET due_at = @now FROM held
                WHERE webhook = held.id AND event <> @Event AND attempts > 0 AND due_at > @now AND @Failures > 1
            )
            UPDATE webhooks SET failures = 0, delivered_at = @now FROM accepted WHERE id = accepted.webhook
            """;
        return ExecuteAsync(sql, new { delivery.Id, delivery.Event, delivery.Failures, now = Now }, cancellationToken);
    }

    /// <summary>An event was not accepted: it is tried again, and its webhook released for after a pause.</summary>
    public Task FailedAsync(HeldWebhook held, Delivery delivery, string reason, CancellationToken cancellationToken)
    {
        const string sql = """
            WITH held AS (
                SELECT id FROM webhooks WHERE id = @Id FOR NO KEY UPDATE
            ), failed AS (
                UPDATE webhook_deliveries SET attempts = attempts + 1, due_at = @again FROM held
                WHERE webhook = held.id AND event = @Event
                RETURNING webhook
            )
            UPDATE webhooks SET failures = failures + 1, failure = @reason, failed_at = @now, due_at = @next
            FROM failed
            WHERE id = failed.webhook AND due_at = @Until
            """;
        var now = Now;
        var parameters = new
        {
            held.Id,
            held.Until,
            delivery.Event,
            reason,
            now,
            again = now + PauseAfter(delivery.Attempts + 1, delivery.Failures > 1 ? LongestPause : LongestWait),
            next = now + PauseAfter(delivery.Failures + 1, LongestPause),
        };
        return ExecuteAsync(sql, parameters, cancellationToken);
    }

    /// <summary>The receiver wants no more: its webhook stays for the operator to see, and gets nothing.</summary>
    public Task DisableAsync(Delivery delivery, string reason, CancellationToken cancellationToken)
    {
        const string sql = """
            WITH disabled AS (
                UPDATE webhooks SET disabled_at = @now, failures = failures + 1, failure = @reason, failed_at = @now WHERE id = @Id RETURNING id
            )
            DELETE FROM webhook_deliveries USING disabled WHERE webhook = disabled.id
            """;
        return ExecuteAsync(sql, new { delivery.Id, reason, now = Now }, cancellationToken);
    }

    /// <summary>Lets another replica have it.</summary>
    public Task ReleaseAsync(HeldWebhook held, CancellationToken cancellationToken) => ExecuteAsync(
        "UPDATE webhooks SET due_at = @now WHERE id = @Id AND due_at = @Until", new { held.Id, held.Until, now = Now }, cancellationToken);

    /// <inheritdoc/>
    public void Dispose() => _turns.Dispose();

    private Task<int> ExecuteAsync(string sql, object parameters, CancellationToken cancellationToken) =>
        InTurnAsync(() => database.ExecuteAsync(sql, parameters, cancellationToken), cancellationToken);

    private async Task<T> InTurnAsync<T>(Func<Task<T>> statement, CancellationToken cancellationToken)
    {
        await _turns.WaitAsync(cancellationToken);
        try
        {
            return await statement();
        }
        finally
        {
            _turns.Release();
        }
    }

    /// <summary>Twice as long each time, and half as long to one and a half times by chance.</summary>
    private static TimeSpan PauseAfter(int failures, TimeSpan longest) =>
        TimeSpan.FromTicks(Math.Min(ShortestPause.Ticks << Math.Min(failures - 1, 20), longest.Ticks)) * (0.5 + Random.Shared.NextDouble());
}

/// <summary>A webhook that this process alone sends for.</summary>
/// <param name="Until">When the lease ends.</param>
public sealed record HeldWebhook(Guid Id, string Shop, DateTime Until);

/// <summary>An event that is due to be sent to a webhook.</summary>
/// <param name="Id">The webhook's.</param>
/// <param name="Failures">Attempts of the webhook in a row that have failed.</param>
/// <param name="Attempts">Attempts to send this event that have failed.</param>
public sealed record Delivery(Guid Id, string Url, byte[] Secret, byte[]? FormerSecret, int Failures, long Event, int Attempts)
{
    /// <summary>The same for each attempt, and no other's.</summary>
    public string MessageId => $"msg_{Id:N}_{Event}";

    public WebhookTarget Target => new(Id, Url, Secret, FormerSecret);
}
