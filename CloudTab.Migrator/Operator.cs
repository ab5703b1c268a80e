using System.ComponentModel.DataAnnotations;
using CloudTab.Relay;
using Npgsql;

namespace CloudTab.Migrator;

/// <summary>What the operator of a relay does with shops and keys.</summary>
internal sealed class Operator(Database database, ApiKeys keys)
{
    /// <summary>Deletes all shops, and with them everything that belongs to one, and all receipts.</summary>
    public Task DeleteAllAsync(CancellationToken cancellationToken) => database.ExecuteAsync("TRUNCATE shops, receipts CASCADE", parameters: null, cancellationToken);

    /// <returns>Whether the shop is new.</returns>
    /// <exception cref="ValidationException">The id or the name is not one a shop can have.</exception>
    public async Task<bool> AddShopAsync(string id, string name, CancellationToken cancellationToken)
    {
        const string sql = """
            INSERT INTO shops (id, name, created_at) VALUES (@id, @name, now())
            ON CONFLICT (id) DO NOTHING
            """;
        try
        {
            return await database.ExecuteAsync(sql, new { id, name }, cancellationToken) == 1;
        }
        catch (PostgresException refused) when (refused.SqlState == PostgresErrorCodes.CheckViolation)
        {
            throw new ValidationException(
                "A shop's id has 1 to 63 characters of a-z, 0-9 and '-', none of the latter at its ends; its name has 1 to 200 characters", refused);
        }
    }

    /// <summary>Sets a limit of a shop, or with null leaves it to the settings.</summary>
    /// <returns>Whether there is such a shop.</returns>
    /// <exception cref="ValidationException">The value is out of range.</exception>
    public async Task<bool> SetLimitAsync(string id, ShopLimit limit, long? value, CancellationToken cancellationToken)
    {
        if (limit == ShopLimit.Files && value > LimitOptions.MostFiles)
            throw OutOfRange(inner: null);
        // The names of the columns, which no parameter can carry.
        var column = limit switch
        {
            ShopLimit.Files => "max_files",
            ShopLimit.FileSize => "max_file_size",
            ShopLimit.SessionSize => "max_session_size",
            _ => "max_outstanding",
        };
        try
        {
            return await database.ExecuteAsync($"UPDATE shops SET {column} = @value WHERE id = @id", new { id, value }, cancellationToken) == 1;
        }
        catch (PostgresException refused) when (refused.SqlState is PostgresErrorCodes.CheckViolation or PostgresErrorCodes.NumericValueOutOfRange)
        {
            throw OutOfRange(refused);
        }

        static ValidationException OutOfRange(Exception? inner) =>
            new($"A session may hold 1 to {LimitOptions.MostFiles} files; sizes are 1 byte or more", inner);
    }

    public Task<List<ListedShop>> ListShopsAsync(CancellationToken cancellationToken)
    {
        const string sql = """
            SELECT id, name, CASE WHEN suspended_at IS NOT NULL THEN 'suspended' WHEN accepts_uploads THEN 'open' ELSE 'closed' END AS State,
                   (SELECT count(*) FROM api_keys WHERE shop_id = shops.id AND revoked_at IS NULL) AS Keys
            FROM shops
            ORDER BY id
            """;
        return database.QueryAsync<ListedShop>(sql, null, cancellationToken);
    }

    /// <returns>Whether the key is new.</returns>
    /// <exception cref="ValidationException">There is no such shop, the key is too weak, or its name is empty or too long.</exception>
    public async Task<bool> ImportKeyAsync(string shop, string name, string key, CancellationToken cancellationToken, bool isDevice = false)
    {
        if (keys.WeaknessOf(key) is { } weakness)
            throw new ValidationException($"The key {weakness}");
        try
        {
            return await keys.ImportAsync(shop, name, key, cancellationToken, isDevice);
        }
        catch (PostgresException refused) when (refused.SqlState == PostgresErrorCodes.ForeignKeyViolation)
        {
            throw new ValidationException($"There is no shop '{shop}'", refused);
        }
        catch (PostgresException refused) when (refused.SqlState == PostgresErrorCodes.CheckViolation)
        {
            throw new ValidationException("A key's name has 1 to 200 characters", refused);
        }
    }
}

internal sealed record ListedShop(string Id, string Name, string State, long Keys);

/// <summary>What can be limited for a shop.</summary>
internal enum ShopLimit
{
    Files,
    FileSize,
    SessionSize,
    Outstanding,
}
