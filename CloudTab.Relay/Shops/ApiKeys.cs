using System.Net;
using System.Security.Cryptography;
using Microsoft.Extensions.Options;

namespace CloudTab.Relay;

/// <summary>A shopkeeper's API key and the shop that it speaks for.</summary>
/// <param name="Id">Internal id of the key; a claim belongs to it.</param>
/// <param name="Name">The key's name, e.g. the PC it is used on.</param>
/// <param name="Shop">Id of the shop that the key belongs to.</param>
/// <param name="ShopName">The shop's name.</param>
/// <param name="SignIn">The sign-in of the browser that uses the key; null if the key itself was shown.</param>
/// <param name="IsDevice">Whether it is for a device, such as a print agent, and no person.</param>
public sealed record ShopKey(Guid Id, string Name, string Shop, string ShopName, Guid? SignIn = null, bool IsDevice = false);

/// <summary>What may be shown of a key.</summary>
/// <param name="Prefix">The beginning of its text.</param>
/// <param name="LastUsedAt">By the minute; null if it was never used.</param>
/// <param name="Device">Whether it is for a device, such as a print agent, and no person.</param>
public sealed record ListedKey(Guid Id, string Name, string Prefix, DateTime CreatedAt, DateTime? RevokedAt, DateTime? LastUsedAt, bool Device);

/// <summary>What became of a key that a shop wanted to revoke.</summary>
public enum KeyRevocation
{
    /// <summary>It opens nothing any more.</summary>
    Revoked,

    /// <summary>The shop has no such key.</summary>
    NotFound,

    /// <summary>It is the shop's last one that is for no device, and stays.</summary>
    Last,

    /// <summary>The key of whoever asks was revoked meanwhile.</summary>
    CallerRevoked,
}

/// <summary>What a key that somebody sent is: good, wrong (neither is set), or not looked at.</summary>
/// <param name="Key">The key, if it is good.</param>
/// <param name="Wait">How long the address has to wait because too many wrong keys came from it.</param>
public readonly record struct KeyAnswer(ShopKey? Key, TimeSpan? Wait);

/// <summary>
/// API keys: `ctk_` + an 8-character prefix + `_` + 256 random bits in base64url. Only the SHA-256 of the text is stored; the text is
/// shown once. Any other text of 20 to 512 characters may be imported as a key; in Development it may be shorter, and an example.
/// </summary>
public sealed class ApiKeys(Database database, TimeProvider clock, IOptions<KeyOptions> options)
{
    /// <summary>Fewest characters that a key may have outside Development.</summary>
    public const int ShortestKey = 20;

    /// <summary>Most characters that a key may have.</summary>
    public const int LongestKey = 512;

    /// <summary>Keys that a shop may have by itself, without those that were revoked; of those it may make ten times as many in a day.</summary>
    public const int MostKeys = 100;

    /// <summary>A new key's text; it means nothing before <see cref="ImportAsync"/>.</summary>
    public static string Create() =>
        $"ctk_{RandomNumberGenerator.GetString("0123456789abcdefghjkmnpqrstvwxyz", 8)}_{BearerToken.Create()}";

    /// <summary>What a key of ours looks like, in the API's document.</summary>
    public const string ExampleKey = "ctk_4f7k2m9x_q3R0aWNrZXQtb2YtMjU2LXJhbmRvbS1iaXRzLWluLWI";

    // Values that stand in examples and in public source code. A relay that anybody can look into is worse than one that does not start.
    private static readonly string[] Examples =
    [
        "SHOP_DEFAULT_KEY_12345", "your-secret-api-key", "your-secret-api-key-here", "your-api-key-here", "shopkeeper-secret-key",
        "test-shopkeeper-key", "change-me-please-now", ExampleKey,
    ];

    /// <summary>Why a text cannot be a key here, or null.</summary>
    public string? WeaknessOf(string key)
    {
        var shortest = options.Value.ShortestKey;
        if (key.Length < shortest || key.Length > LongestKey)
            return $"must have {shortest} to {LongestKey} characters";
        return shortest == ShortestKey && Examples.Contains(key, StringComparer.OrdinalIgnoreCase) ? "has the value of an example" : null;
    }

    /// <summary>
    /// Looks a key up. The wrong ones of each address are counted, in one table for all replicas, and the same statement that looks a key up
    /// takes the permit: without one, nothing is said of the key. A key that was right from this address lately needs none and writes
    /// nothing, except when it was used, once a minute.
    /// </summary>
    /// <param name="client">What wrong keys are counted by.</param>
    public async Task<KeyAnswer> FindAsync(string key, IPAddress client, CancellationToken cancellationToken)
    {
        const string sql = """
            WITH found AS MATERIALIZED (
                SELECT api_keys.id, api_keys.name, shops.id AS shop, shops.name AS shop_name, api_keys.device, key_uses.used_at,
                       coalesce(key_uses.used_at > now() - interval '7 days', false) AS is_known
                FROM api_keys
                    JOIN shops ON shops.id = api_keys.shop_id
                    LEFT JOIN key_uses ON key_uses.key_id = api_keys.id AND key_uses.address = @client::inet
                WHERE api_keys.sha256 = @sha256 AND api_keys.revoked_at IS NULL AND shops.suspended_at IS NULL
            ), permit AS (
                INSERT INTO key_guesses AS guesses (address, began_at, wrong)
                SELECT @client::inet, now(), CASE WHEN EXISTS (SELECT FROM found) THEN 0 ELSE 1 END
                WHERE NOT EXISTS (SELECT FROM found WHERE is_known)
                ON CONFLICT (address) DO UPDATE
                SET began_at = CASE WHEN guesses.began_at > now() - interval '1 minute' THEN guesses.began_at ELSE now() END,
                    wrong = CASE WHEN guesses.began_at > now() - interval '1 minute' THEN guesses.wrong ELSE 0 END + excluded.wrong
                WHERE guesses.wrong < @limit OR guesses.began_at <= now() - interval '1 minute'
                RETURNING address
            ), noted AS (
                INSERT INTO key_uses (key_id, address, used_at)
                SELECT id, @client::inet, now() FROM found
                WHERE is_known AND used_at < now() - interval '1 minute' OR EXISTS (SELECT FROM permit)
                ON CONFLICT (key_id, address) DO UPDATE SET used_at = excluded.used_at
                RETURNING key_id
            ), used AS (
                UPDATE api_keys SET last_used_at = now() FROM noted WHERE api_keys.id = noted.key_id
            )
            SELECT found.id, found.name, found.shop AS Shop, found.shop_name AS ShopName, found.device AS IsDevice,
                   coalesce(found.is_known, false) OR EXISTS (SELECT FROM permit) AS IsPermitted,
                   extract(epoch FROM guesses.began_at + interval '1 minute' - now())::float8 AS Wait
            FROM (VALUES (@client::inet)) AS asked (address)
                LEFT JOIN found ON true
                LEFT JOIN key_guesses AS guesses ON guesses.address = asked.address
            """;
        var sha256 = WeaknessOf(key) is null ? BearerToken.Hash(key) : []; // which no key has
        var parameters = new { client = client.ToString(), sha256, limit = options.Value.FailuresPerMinute ?? int.MaxValue };
        // As a read, though it writes: repeated on a new connection, it takes one permit more at most.
        var found = (await database.QuerySingleOrDefaultAsync<FoundKey>(sql, parameters, cancellationToken))!;
        if (!found.IsPermitted)
            return new(null, TimeSpan.FromSeconds(Math.Clamp(found.Wait ?? 0, 1, 60)));
        return new(found.Id is { } id ? new ShopKey(id, found.Name!, found.Shop!, found.ShopName!, IsDevice: found.IsDevice!.Value) : null, null);
    }

    /// <summary>Stores a key for a shop. A key that is stored already stays as it is, also when revoked.</summary>
    /// <param name="isDevice">Whether it is for a device, such as a print agent, and no person.</param>
    /// <returns>Whether it was new.</returns>
    public async Task<bool> ImportAsync(string shop, string name, string key, CancellationToken cancellationToken, bool isDevice = false)
    {
        const string sql = """
            INSERT INTO api_keys (id, shop_id, name, prefix, sha256, created_at, device)
            VALUES (@id, @shop, @name, @prefix, @sha256, @now, @isDevice)
            ON CONFLICT (sha256) DO NOTHING
            """;
        var now = clock.Now();
        var rows = await database.ExecuteAsync(
            sql,
            new { id = Guid.CreateVersion7(now), shop, name, prefix = PrefixOf(key), sha256 = BearerToken.Hash(key), now = now.UtcDateTime, isDevice },
            cancellationToken);
        return rows == 1;
    }

    /// <summary>Makes a key for the shop of another one.</summary>
    /// <param name="name">1 to 200 characters.</param>
    /// <param name="isDevice">Whether it is for a device, such as a print agent, and no person.</param>
    /// <returns>Its text and what may be shown of it; null if the shop has <see cref="MostKeys"/>, or if the caller's key was revoked.</returns>
    public async Task<(string Text, ListedKey Key)?> AddAsync(ShopKey caller, string name, bool isDevice, CancellationToken cancellationToken)
    {
        const string sql = """
            INSERT INTO api_keys (id, shop_id, name, prefix, sha256, created_at, device)
            SELECT @id, @shop, left(normalize(@name, NFC), 200), @prefix, @sha256, @now, @isDevice
            WHERE key_is_valid(@caller)
                AND (SELECT count(*) FROM api_keys WHERE shop_id = @shop AND revoked_at IS NULL) < @most
                AND (SELECT count(*) FROM api_keys WHERE shop_id = @shop AND created_at > @now - interval '1 day') < 10 * @most
            RETURNING id, name, prefix, created_at AS CreatedAt, revoked_at AS RevokedAt, last_used_at AS LastUsedAt, device
            """;
        var text = Create();
        var now = clock.Now();
        var parameters = new
        {
            id = Guid.CreateVersion7(now),
            shop = caller.Shop,
            name,
            prefix = PrefixOf(text),
            sha256 = BearerToken.Hash(text),
            now = now.UtcDateTime,
            caller = caller.Id,
            isDevice,
            most = MostKeys,
        };
        return await database.ChangeSingleOrDefaultAsync<ListedKey>(sql, parameters, cancellationToken) is { } added ? (text, added) : null;
    }

    /// <summary>The keys of a shop, oldest first; also the hundred that were revoked last.</summary>
    public Task<List<ListedKey>> ListAsync(string shop, CancellationToken cancellationToken)
    {
        const string sql = """
            SELECT id, name, prefix, created_at AS CreatedAt, revoked_at AS RevokedAt, last_used_at AS LastUsedAt, device
            FROM api_keys
            WHERE shop_id = @shop AND (revoked_at IS NULL OR id IN (
                SELECT id FROM api_keys WHERE shop_id = @shop AND revoked_at IS NOT NULL ORDER BY revoked_at DESC LIMIT 100))
            ORDER BY created_at, id
            """;
        return database.QueryAsync<ListedKey>(sql, new { shop }, cancellationToken);
    }

    /// <summary>Revokes a key, whichever shop has it.</summary>
    /// <returns>Whether there was such a key that was not revoked yet.</returns>
    public async Task<bool> RevokeAsync(Guid id, CancellationToken cancellationToken)
    {
        const string sql = "UPDATE api_keys SET revoked_at = now() WHERE id = @id AND revoked_at IS NULL";
        return await database.ExecuteAsync(sql, new { id }, cancellationToken) == 1;
    }

    /// <summary>Revokes a key of the caller's shop; revoking it again changes nothing. The last one that is for no device stays: nobody could sign in any more.
    /// So keys that revoke each other at the same moment go one by one.</summary>
    public async Task<KeyRevocation> RevokeAsync(ShopKey caller, Guid id, CancellationToken cancellationToken)
    {
        const string sql = """
            WITH live AS MATERIALIZED (
                SELECT id, device FROM api_keys WHERE shop_id = @shop AND revoked_at IS NULL ORDER BY id FOR NO KEY UPDATE
            ), caller AS (
                SELECT id FROM live WHERE id = @caller AND key_is_valid(@caller)
            ), revoked AS (
                UPDATE api_keys SET revoked_at = @now
                WHERE id = @id AND id IN (SELECT id FROM live) AND EXISTS (SELECT FROM live WHERE id <> @id AND NOT device) AND EXISTS (SELECT FROM caller)
                RETURNING id
            )
            SELECT CASE
                WHEN NOT EXISTS (SELECT FROM caller) THEN 'CallerRevoked'
                WHEN NOT EXISTS (SELECT FROM live WHERE id = @id) OR EXISTS (SELECT FROM revoked) THEN 'Revoked'
                ELSE 'Last'
            END
            FROM api_keys
            WHERE id = @id AND shop_id = @shop
            """;
        var parameters = new { id, shop = caller.Shop, caller = caller.Id, now = clock.Now().UtcDateTime };
        var result = await database.ChangeSingleOrDefaultAsync<string>(sql, parameters, cancellationToken);
        return result is null ? KeyRevocation.NotFound : Enum.Parse<KeyRevocation>(result);
    }

    /// <summary>Revokes the other keys of this name that a shop has: this one takes their place.</summary>
    /// <returns>What may be shown of them.</returns>
    public Task<List<string>> RevokeOthersAsync(string shop, string name, string key, CancellationToken cancellationToken)
    {
        const string sql = """
            UPDATE api_keys SET revoked_at = now()
            WHERE shop_id = @shop AND name = @name AND sha256 <> @sha256 AND revoked_at IS NULL
            RETURNING prefix
            """;
        return database.ChangeAsync<string>(sql, new { shop, name, sha256 = BearerToken.Hash(key) }, cancellationToken);
    }

    /// <summary>Whether a key is a shop's, and was not revoked.</summary>
    public Task<bool> IsOfAsync(string shop, string key, CancellationToken cancellationToken) => database.QuerySingleOrDefaultAsync<bool>(
        "SELECT shop_id = @shop AND revoked_at IS NULL FROM api_keys WHERE sha256 = @sha256", new { shop, sha256 = BearerToken.Hash(key) }, cancellationToken);

    // What may be shown of a key: of ours the part before the secret, of an imported one nearly nothing.
    private static string PrefixOf(string key) => key is ['c', 't', 'k', '_', ..] && key.Length > 50 ? key[..12] : key[..Math.Min(2, key.Length / 4)] + "…";

    private sealed record FoundKey(Guid? Id, string? Name, string? Shop, string? ShopName, bool? IsDevice, bool IsPermitted, double? Wait);
}
