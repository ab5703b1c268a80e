namespace CloudTab.Relay;

/// <summary>
/// What a shop says of itself, and its relay's operator of it: its name, whether it takes uploads, and how much. Postgres tells the time: the
/// operator's machine may be wrong.
/// </summary>
public sealed class ShopSettings(Database database)
{
    // Behind `shop AS (UPDATE shops … RETURNING id, accepts_uploads)`. The shop has not heard of these sessions, so there are no events.
    private const string EndUnsubmitted = """
        UPDATE sessions SET status = 'cancelled', ended_at = now()
        FROM shop
        WHERE sessions.shop_id = shop.id AND NOT shop.accepts_uploads AND sessions.status = 'open'
        """;

    /// <summary>The shop of a key.</summary>
    public Task<OwnShop?> FindAsync(ShopKey key, CancellationToken cancellationToken) => database.QuerySingleOrDefaultAsync<OwnShop>(
        "SELECT id, name, accepts_uploads AS AcceptsUploads FROM shops WHERE id = @Shop", new { key.Shop }, cancellationToken);

    /// <summary>
    /// Changes what is given. A shop that takes no uploads any more ends its sessions that were not submitted, with their files (trigger
    /// files_of_ended_sessions); what was submitted can still be printed.
    /// </summary>
    /// <param name="name">1 to 200 characters.</param>
    /// <returns>The shop as it is now; null if the key was revoked.</returns>
    public Task<OwnShop?> ChangeAsync(ShopKey key, string? name, bool? acceptsUploads, CancellationToken cancellationToken)
    {
        const string sql = $"""
            WITH shop AS (
                UPDATE shops
                SET name = coalesce(left(normalize(@name, NFC), 200), name), accepts_uploads = coalesce(@acceptsUploads, accepts_uploads)
                WHERE id = @shop AND key_is_valid(@key)
                RETURNING id, name, accepts_uploads
            ), ended AS (
                {EndUnsubmitted}
            )
            SELECT id, name, accepts_uploads AS AcceptsUploads FROM shop
            """;
        return database.ChangeSingleOrDefaultAsync<OwnShop>(sql, new { shop = key.Shop, key = key.Id, name, acceptsUploads }, cancellationToken);
    }

    /// <summary>The limits of a shop, or null if there is no such shop.</summary>
    public Task<StoredLimits?> FindLimitsAsync(string shop, CancellationToken cancellationToken) => database.QuerySingleOrDefaultAsync<StoredLimits>(
        $"SELECT {ShopLimits.Columns} FROM shops WHERE id = @shop", new { shop }, cancellationToken);

    /// <summary>Sets how much the shop of a key itself allows.</summary>
    /// <param name="before">What it must still allow; null: whatever that is.</param>
    /// <returns>Done, <see cref="Outcome.ChangedMeanwhile"/> or <see cref="Outcome.KeyRevoked"/>.</returns>
    public async Task<Outcome> SetLimitsAsync(ShopKey key, OwnLimits limits, OwnLimits? before, CancellationToken cancellationToken)
    {
        // What a shop has never set is missing there, not null.
        const string sql = """
            WITH changed AS (
                UPDATE shops SET own_limits = @limits::jsonb
                WHERE id = @Shop AND key_is_valid(@Id) AND (@before::jsonb IS NULL OR jsonb_strip_nulls(own_limits) = jsonb_strip_nulls(@before::jsonb))
                RETURNING id
            )
            SELECT CASE WHEN EXISTS (SELECT FROM changed) THEN 'Done' WHEN key_is_valid(@Id) THEN 'ChangedMeanwhile' ELSE 'KeyRevoked' END
            """;
        var parameters = new { key.Shop, key.Id, before = before?.ToJson(), limits = limits.ToJson() };
        return Enum.Parse<Outcome>((await database.ChangeSingleOrDefaultAsync<string>(sql, parameters, cancellationToken))!);
    }

    /// <summary>The operator lets a shop take uploads, and its keys open it again.</summary>
    /// <returns>Whether there is such a shop.</returns>
    public async Task<bool> OpenAsync(string shop, CancellationToken cancellationToken)
    {
        const string sql = "UPDATE shops SET accepts_uploads = true, suspended_at = NULL WHERE id = @shop";
        return await database.ExecuteAsync(sql, new { shop }, cancellationToken) == 1;
    }

    /// <summary>The operator lets a shop take no uploads: sessions that were not submitted end, as when the shop itself does so.</summary>
    /// <param name="suspends">Whether its keys open it no more.</param>
    /// <returns>Whether there is such a shop.</returns>
    public async Task<bool> CloseAsync(string shop, bool suspends, CancellationToken cancellationToken)
    {
        const string sql = $"""
            WITH shop AS (
                UPDATE shops SET accepts_uploads = false, suspended_at = CASE WHEN @suspends THEN coalesce(suspended_at, now()) ELSE suspended_at END
                WHERE id = @shop
                RETURNING id, accepts_uploads
            ), ended AS (
                {EndUnsubmitted}
            )
            SELECT id FROM shop
            """;
        return await database.ChangeSingleOrDefaultAsync<string>(sql, new { shop, suspends }, cancellationToken) is not null;
    }
}

/// <summary>A shop as it sees itself.</summary>
/// <param name="Id">The id in addresses, e.g. `corner-print`.</param>
/// <param name="Name">The name to display.</param>
/// <param name="AcceptsUploads">Whether the shop takes uploads now.</param>
public sealed record OwnShop(string Id, string Name, bool AcceptsUploads);

/// <summary>What a shop's operator and the shop itself have set for it.</summary>
public sealed record StoredLimits(int? MaxFiles, long? MaxFileSize, long? MaxSessionSize, long? MaxOutstanding, OwnLimits OwnLimits)
{
    /// <summary>All of it together.</summary>
    public ShopLimits Limits => new(MaxFiles, MaxFileSize, MaxSessionSize, MaxOutstanding, OwnLimits);
}
