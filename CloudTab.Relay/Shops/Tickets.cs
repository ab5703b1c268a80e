namespace CloudTab.Relay;

/// <summary>
/// What a shop's page authenticates its socket with: a browser adds no header to a socket, and the page does not know the key. A ticket is
/// good once, for <see cref="Lifetime"/>, on any replica.
/// </summary>
public sealed class Tickets(Database database, TimeProvider clock)
{
    /// <summary>How long a ticket is good.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(30);

    /// <summary>A new ticket for what the key opens.</summary>
    public async Task<string> CreateAsync(ShopKey key, CancellationToken cancellationToken)
    {
        const string sql = "INSERT INTO tickets (sha256, key_id, sign_in, made_at) VALUES (@sha256, @key, @signIn, @now)";
        var ticket = BearerToken.Create();
        await database.ExecuteAsync(
            sql, new { sha256 = BearerToken.Hash(ticket), key = key.Id, signIn = key.SignIn, now = clock.Now().UtcDateTime }, cancellationToken);
        return ticket;
    }

    /// <summary>Uses a ticket up.</summary>
    /// <returns>The key that it was made for; null if it is unknown, used or too old, or if the key opens nothing any more.</returns>
    public Task<ShopKey?> TakeAsync(string ticket, CancellationToken cancellationToken)
    {
        const string sql = """
            WITH taken AS (
                DELETE FROM tickets WHERE sha256 = @sha256 RETURNING key_id, sign_in, made_at
            )
            SELECT api_keys.id, api_keys.name, shops.id AS Shop, shops.name AS ShopName, taken.sign_in AS SignIn, api_keys.device AS IsDevice
            FROM taken
                JOIN api_keys ON api_keys.id = taken.key_id
                JOIN shops ON shops.id = api_keys.shop_id
            WHERE taken.made_at > @madeAfter AND api_keys.revoked_at IS NULL AND shops.suspended_at IS NULL
            """;
        return database.ChangeSingleOrDefaultAsync<ShopKey>(
            sql, new { sha256 = BearerToken.Hash(ticket), madeAfter = (clock.Now() - Lifetime).UtcDateTime }, cancellationToken);
    }
}
