namespace CloudTab.Relay;

/// <summary>The addresses that a shop's events are posted to. The operator keeps them; Postgres tells the time, as the operator's machine may be wrong.</summary>
public sealed class Webhooks(Database database)
{
    /// <summary>Adds one, which gets what happens from now on.</summary>
    /// <param name="url">Up to 2,000 characters.</param>
    /// <exception cref="Npgsql.PostgresException">There is no such shop.</exception>
    public async Task<NewWebhook> AddAsync(string shop, string url, CancellationToken cancellationToken)
    {
        const string sql = "INSERT INTO webhooks (id, shop_id, url, secret, created_at, due_at) VALUES (@Id, @shop, @url, @Secret, now(), now())";
        var added = new NewWebhook(Guid.CreateVersion7(), WebhookSecret.Create());
        await database.ExecuteAsync(sql, new { added.Id, shop, url, added.Secret }, cancellationToken);
        return added;
    }

    /// <summary>Those of a shop, the oldest first.</summary>
    public Task<List<ListedWebhook>> ListAsync(string shop, CancellationToken cancellationToken)
    {
        const string sql = """
            SELECT id, url, created_at AS CreatedAt, disabled_at AS DisabledAt, delivered_at AS DeliveredAt, failures, failure, failed_at AS FailedAt,
                   (SELECT count(*) FROM webhook_deliveries WHERE webhook = webhooks.id) AS Waiting, given_up AS GivenUp
            FROM webhooks
            WHERE shop_id = @shop
            ORDER BY created_at, id
            """;
        return database.QueryAsync<ListedWebhook>(sql, new { shop }, cancellationToken);
    }

    /// <summary>Where one of a shop's leads, and what signs for it; null if there is no such one.</summary>
    public Task<WebhookTarget?> FindAsync(string shop, Guid id, CancellationToken cancellationToken)
    {
        const string sql = """
            SELECT id, url, secret, CASE WHEN former_until > now() THEN former_secret END AS FormerSecret
            FROM webhooks
            WHERE id = @id AND shop_id = @shop
            """;
        return database.QuerySingleOrDefaultAsync<WebhookTarget>(sql, new { shop, id }, cancellationToken);
    }

    /// <summary>Gives one another secret. The one before signs along for a day.</summary>
    /// <returns>The new one, or null if there is no such webhook.</returns>
    public async Task<byte[]?> RotateAsync(string shop, Guid id, CancellationToken cancellationToken)
    {
        const string sql = """
            UPDATE webhooks SET secret = @secret, former_secret = secret, former_until = now() + interval '1 day'
            WHERE id = @id AND shop_id = @shop
            """;
        var secret = WebhookSecret.Create();
        return await database.ExecuteAsync(sql, new { shop, id, secret }, cancellationToken) == 1 ? secret : null;
    }

    /// <summary>Removes one, with what it has not accepted yet.</summary>
    /// <returns>Whether there was such a one.</returns>
    public async Task<bool> RemoveAsync(string shop, Guid id, CancellationToken cancellationToken) =>
        await database.ExecuteAsync("DELETE FROM webhooks WHERE id = @id AND shop_id = @shop", new { shop, id }, cancellationToken) == 1;
}

/// <summary>A webhook that was added.</summary>
public sealed record NewWebhook(Guid Id, byte[] Secret);

/// <summary>Where a webhook leads, and what signs for it.</summary>
/// <param name="FormerSecret">It signs too while the secret is rotated.</param>
public sealed record WebhookTarget(Guid Id, string Url, byte[] Secret, byte[]? FormerSecret)
{
    /// <summary>All that sign, the newest first.</summary>
    public IEnumerable<byte[]> Secrets => FormerSecret is { } former ? [Secret, former] : [Secret];
}

/// <summary>A webhook as its operator sees it.</summary>
/// <param name="DisabledAt">When its receiver said that it wants no more.</param>
/// <param name="DeliveredAt">When an event was last accepted.</param>
/// <param name="Failures">Attempts in a row that have failed.</param>
/// <param name="Failure">Why the last one did.</param>
/// <param name="Waiting">Events that it has not accepted yet.</param>
/// <param name="GivenUp">Events that it never accepted.</param>
public sealed record ListedWebhook(
    Guid Id,
    string Url,
    DateTime CreatedAt,
    DateTime? DisabledAt,
    DateTime? DeliveredAt,
    int Failures,
    string? Failure,
    DateTime? FailedAt,
    long Waiting,
    long GivenUp);
