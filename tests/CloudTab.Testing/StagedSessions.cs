using System.Security.Cryptography;
using Dapper;
using Npgsql;

namespace CloudTab.Testing;

/// <summary>
/// Sessions that wait for nothing but POST …/submit, of shops that can authenticate: written straight into a migrated database, because tens of
/// thousands of uploads would take longer than what is to be looked at. There are no objects behind their files.
/// </summary>
public static class StagedSessions
{
    /// <summary>Adds shops, each with a key.</summary>
    public static async Task<List<StagedShop>> AddShopsAsync(NpgsqlConnection connection, int count, CancellationToken cancellationToken)
    {
        const string sql = """
            WITH added AS (
                INSERT INTO shops (id, name, created_at) SELECT id, id, now() FROM unnest(@ids) AS id
            )
            INSERT INTO api_keys (id, shop_id, name, prefix, sha256, created_at)
            SELECT gen_random_uuid(), id, 'a PC', left(key, 12), sha256(convert_to(key, 'UTF8')), now() FROM unnest(@ids, @keys) AS shop (id, key)
            """;
        var shops = Enumerable.Range(0, count).Select(_ => new StagedShop($"shop-{RandomNumberGenerator.GetHexString(8, lowercase: true)}", "ctk_" + RandomNumberGenerator.GetHexString(40))).ToList();
        var parameters = new { ids = shops.Select(shop => shop.Id).ToArray(), keys = shops.Select(shop => shop.Key).ToArray() };
        await connection.ExecuteAsync(new CommandDefinition(sql, parameters, cancellationToken: cancellationToken));
        return shops;
    }

    /// <summary>Adds sessions of one file each, to one shop after the other.</summary>
    public static async Task<List<StagedSession>> AddAsync(
        NpgsqlConnection connection, IEnumerable<StagedShop> shops, int count, CancellationToken cancellationToken)
    {
        const string sql = """
            WITH staged AS (
                INSERT INTO sessions (id, shop_id, session_id, pickup_code, status, file_count, total_size, created_at, expires_at)
                SELECT gen_random_uuid(), (@shops::text[])[1 + number % cardinality(@shops::text[])],
                       '0' || substr(encode(sha256(('staged ' || number)::bytea), 'hex'), 1, 25),
                       (SELECT string_agg(substr('23456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + (number / (30 ^ place)::bigint % 30)::int, 1), '') FROM generate_series(0, 5) AS place),
                       'open', 1, 500, now(), now() + interval '1 hour'
                FROM (SELECT (SELECT count(*) FROM sessions)::int + number AS number FROM generate_series(1, @count) AS number) AS numbers
                RETURNING id, shop_id, session_id, created_at
            ), stored AS (
                INSERT INTO files (id, session, name, object_key, status, created_at, type, size, sha256, position, stored_at, printed_pages, page_price, currency)
                SELECT gen_random_uuid(), id, 'letter.pdf', gen_random_uuid()::text, 'stored', created_at, 'application/pdf', 500, sha256(''), 1, created_at, 3, 200, 'INR'
                FROM staged
            )
            SELECT shop_id AS Shop, session_id AS SessionId FROM staged
            """;
        var parameters = new { shops = shops.Select(shop => shop.Id).ToArray(), count };
        return (await connection.QueryAsync<StagedSession>(new CommandDefinition(sql, parameters, commandTimeout: 300, cancellationToken: cancellationToken))).AsList();
    }
}

/// <summary>A shop and its key, in clear.</summary>
public sealed record StagedShop(string Id, string Key);

/// <summary>A session that can be submitted.</summary>
/// <param name="Shop">Id of its shop.</param>
/// <param name="SessionId">The customer's secret.</param>
public sealed record StagedSession(string Shop, string SessionId)
{
    /// <summary>Where it is submitted, behind the relay's origin or that of an UploadApi.</summary>
    public string SubmitPath => $"/s/{Shop}/api/customer/sessions/{SessionId}/submit";

    /// <summary>Where its customer asks for its state.</summary>
    public string StatusPath => $"/s/{Shop}/api/customer/sessions/{SessionId}/status";
}
