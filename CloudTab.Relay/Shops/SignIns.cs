namespace CloudTab.Relay;

/// <summary>
/// Browsers that a key has signed in, so that they need not hold the key itself. A sign-in ends when its browser signs out, with its key or
/// its shop's suspension, and after <see cref="IdleLimit"/>.
/// </summary>
public sealed class SignIns(Database database, TimeProvider clock)
{
    /// <summary>How long a sign-in lasts without being used.</summary>
    public static readonly TimeSpan IdleLimit = TimeSpan.FromDays(30);

    private static readonly TimeSpan NoteInterval = TimeSpan.FromMinutes(1);

    /// <summary>Signs a browser in.</summary>
    /// <returns>The secret (<see cref="BearerToken"/>) that the browser has to show.</returns>
    public async Task<string> CreateAsync(ShopKey key, CancellationToken cancellationToken)
    {
        const string sql = "INSERT INTO sign_ins (id, key_id, sha256, created_at, used_at) VALUES (@id, @key, @sha256, @now, @now)";
        var secret = BearerToken.Create();
        var now = clock.Now();
        await database.ExecuteAsync(
            sql, new { id = Guid.CreateVersion7(now), key = key.Id, sha256 = BearerToken.Hash(secret), now = now.UtcDateTime }, cancellationToken);
        return secret;
    }

    /// <summary>The key that a browser is signed in with, or null if it is signed out.</summary>
    public Task<ShopKey?> FindAsync(string secret, CancellationToken cancellationToken)
    {
        const string sql = """
            WITH found AS MATERIALIZED (
                SELECT api_keys.id, api_keys.name, shops.id AS shop, shops.name AS shop_name, sign_ins.id AS sign_in, api_keys.device, sign_ins.used_at
                FROM sign_ins
                    JOIN api_keys ON api_keys.id = sign_ins.key_id
                    JOIN shops ON shops.id = api_keys.shop_id
                WHERE sign_ins.sha256 = @sha256 AND sign_ins.used_at > @usedAfter
                    AND api_keys.revoked_at IS NULL AND shops.suspended_at IS NULL
            ), noted AS (
                UPDATE sign_ins SET used_at = @now
                FROM found
                WHERE sign_ins.id = found.sign_in AND found.used_at < @notedBefore
                RETURNING sign_ins.key_id
            ), used AS (
                UPDATE api_keys SET last_used_at = @now FROM noted WHERE api_keys.id = noted.key_id
            )
            SELECT id, name, shop AS Shop, shop_name AS ShopName, sign_in AS SignIn, device AS IsDevice FROM found
            """;
        var now = clock.Now().UtcDateTime;
        var parameters = new { sha256 = BearerToken.Hash(secret), now, usedAfter = now - IdleLimit, notedBefore = now - NoteInterval };
        // As a read, though it writes when it was used: to repeat that changes nothing.
        return database.QuerySingleOrDefaultAsync<ShopKey>(sql, parameters, cancellationToken);
    }

    /// <summary>Signs a browser out. Its sockets are closed within a second.</summary>
    public Task EndAsync(Guid signIn, CancellationToken cancellationToken) =>
        database.ExecuteAsync("DELETE FROM sign_ins WHERE id = @signIn", new { signIn }, cancellationToken);
}
