using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace CloudTab.Relay;

/// <summary>A shopkeeper's API key and the shop that it speaks for.</summary>
/// <param name="Id">Internal id of the key; a claim belongs to it.</param>
/// <param name="Name">The key's name, e.g. the PC it is used on.</param>
/// <param name="Shop">Id of the shop that the key belongs to.</param>
/// <param name="ShopName">The shop's name.</param>
public sealed record ShopKey(Guid Id, string Name, string Shop, string ShopName);

/// <summary>
/// API keys: `ctk_` + an 8-character prefix + `_` + 256 random bits in base64url. Only the SHA-256 of the text is stored; the text is
/// shown once. Any other text of 1 to 512 characters may be imported as a key; a short one can be guessed.
/// </summary>
public sealed class ApiKeys(Database database, TimeProvider clock)
{
    /// <summary>Fewest characters that a key may have.</summary>
    public const int ShortestKey = 1;

    /// <summary>Most characters that a key may have.</summary>
    public const int LongestKey = 512;

    /// <summary>A new key's text; it means nothing before <see cref="ImportAsync"/>.</summary>
    public static string Create() =>
        $"ctk_{RandomNumberGenerator.GetString("0123456789abcdefghjkmnpqrstvwxyz", 8)}_{Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32))}";

    /// <summary>The key of this text, or null if it is unknown or revoked.</summary>
    public async Task<ShopKey?> FindAsync(string key, CancellationToken cancellationToken)
    {
        const string sql = """
            SELECT api_keys.id, api_keys.name, shops.id AS Shop, shops.name AS ShopName
            FROM api_keys JOIN shops ON shops.id = api_keys.shop_id
            WHERE api_keys.sha256 = @sha256 AND api_keys.revoked_at IS NULL
            """;
        if (key.Length is 0 or > LongestKey)
            return null;
        return await database.QuerySingleOrDefaultAsync<ShopKey>(sql, new { sha256 = Hash(key) }, cancellationToken);
    }

    /// <summary>Stores a key for a shop. A key that is stored already stays as it is, also when revoked.</summary>
    /// <returns>Whether it was new.</returns>
    public async Task<bool> ImportAsync(string shop, string name, string key, CancellationToken cancellationToken)
    {
        const string sql = """
            INSERT INTO api_keys (id, shop_id, name, prefix, sha256, created_at)
            VALUES (@id, @shop, @name, @prefix, @sha256, @now)
            ON CONFLICT (sha256) DO NOTHING
            """;
        var now = clock.GetUtcNow();
        var rows = await database.ExecuteAsync(
            sql,
            new { id = Guid.CreateVersion7(now), shop, name, prefix = PrefixOf(key), sha256 = Hash(key), now = now.UtcDateTime },
            cancellationToken);
        return rows == 1;
    }

    // What may be shown of a key: of ours the part before the secret, of an imported one nearly nothing.
    private static string PrefixOf(string key) => key is ['c', 't', 'k', '_', ..] && key.Length > 50 ? key[..12] : key[..Math.Min(2, key.Length / 4)] + "…";

    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
