using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace CloudTab.Relay;

/// <summary>
/// The keys that receipts are signed with. They are in the database, since every replica signs: who can read them there can also change what
/// is signed. The newest signs; all are published.
/// </summary>
public sealed class SigningKeys(Database database)
{
    private const string Columns = "id, private_key AS PrivateKey, created_at AS CreatedAt";

    /// <summary>Makes the first key if there is none.</summary>
    /// <returns>Its id, or null if there was one.</returns>
    public Task<string?> EnsureAsync(CancellationToken cancellationToken)
    {
        // Two that run at once may both make one, which does no harm.
        const string sql = """
            INSERT INTO signing_keys (id, private_key, created_at)
            SELECT @Id, @PrivateKey, now() WHERE NOT EXISTS (SELECT FROM signing_keys)
            RETURNING id
            """;
        return database.ChangeSingleOrDefaultAsync<string>(sql, NewKey(), cancellationToken);
    }

    /// <summary>Makes another key, which signs from now on.</summary>
    /// <returns>Its id.</returns>
    public async Task<string> AddAsync(CancellationToken cancellationToken)
    {
        const string sql = "INSERT INTO signing_keys (id, private_key, created_at) VALUES (@Id, @PrivateKey, now())";
        var key = NewKey();
        await database.ExecuteAsync(sql, key, cancellationToken);
        return key.Id;
    }

    /// <summary>Forgets a key, so that nothing that it has signed is right any more. The last one stays.</summary>
    /// <returns>Whether there was such a key beside another.</returns>
    public async Task<bool> RemoveAsync(string id, CancellationToken cancellationToken)
    {
        const string sql = "DELETE FROM signing_keys WHERE id = @id AND EXISTS (SELECT FROM signing_keys WHERE id <> @id)";
        return await database.ExecuteAsync(sql, new { id }, cancellationToken) == 1;
    }

    /// <summary>All keys, newest first.</summary>
    public Task<List<SigningKey>> AllAsync(CancellationToken cancellationToken)
    {
        const string sql = $"SELECT {Columns} FROM signing_keys ORDER BY created_at DESC, id";
        return database.QueryAsync<SigningKey>(sql, null, cancellationToken);
    }

    /// <summary>The key that signs, or null before the Migrator has run.</summary>
    internal Task<SigningKey?> NewestAsync(CancellationToken cancellationToken)
    {
        const string sql = $"SELECT {Columns} FROM signing_keys ORDER BY created_at DESC, id LIMIT 1";
        return database.QuerySingleOrDefaultAsync<SigningKey>(sql, null, cancellationToken);
    }

    private static NewSigningKey NewKey()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new(JsonWebKey.Of(key).Kid, key.ExportPkcs8PrivateKey());
    }

    private sealed record NewSigningKey(string Id, byte[] PrivateKey);
}

/// <summary>A key pair on the curve P-256.</summary>
/// <param name="Id">The public key's thumbprint (RFC 7638).</param>
/// <param name="PrivateKey">PKCS #8.</param>
public sealed record SigningKey(string Id, byte[] PrivateKey, DateTime CreatedAt)
{
    /// <summary>The public key as JSON Web Key.</summary>
    public JsonWebKey Public
    {
        get
        {
            using var key = Open();
            return JsonWebKey.Of(key);
        }
    }

    internal ECDsa Open()
    {
        var key = ECDsa.Create();
        key.ImportPkcs8PrivateKey(PrivateKey, out _);
        return key;
    }
}

/// <summary>A public key on the curve P-256 (RFC 7517; RFC 7518, section 6.2).</summary>
/// <param name="Kty">Key type: `EC`.</param>
/// <param name="Crv">Curve: `P-256`.</param>
/// <param name="X">Coordinate, base64url of 32 bytes.</param>
/// <param name="Y">Coordinate, base64url of 32 bytes.</param>
/// <param name="Kid">The key's id: its thumbprint (RFC 7638).</param>
/// <param name="Use">What it is for: `sig`.</param>
/// <param name="Alg">The algorithm: `ES256`.</param>
public sealed record JsonWebKey(string Kty, string Crv, string X, string Y, string Kid, string Use, string Alg)
{
    internal static JsonWebKey Of(ECDsa key)
    {
        var point = key.ExportParameters(includePrivateParameters: false).Q;
        var (x, y) = (Base64Url.EncodeToString(point.X), Base64Url.EncodeToString(point.Y));
        // RFC 7638, section 3.2: these members, in this order.
        var members = $$"""{"crv":"P-256","kty":"EC","x":"{{x}}","y":"{{y}}"}""";
        return new("EC", "P-256", x, y, Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(members))), "sig", "ES256");
    }
}
