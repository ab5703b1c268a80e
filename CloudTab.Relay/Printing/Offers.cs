namespace CloudTab.Relay;

/// <summary>What shops print and for how much, as they set it.</summary>
public sealed class Offers(Database database)
{
    /// <summary>A shop's offer, or null if there is no such shop.</summary>
    public Task<Offer?> FindAsync(string shop, CancellationToken cancellationToken) =>
        database.QuerySingleOrDefaultAsync<Offer>("SELECT offer FROM shops WHERE id = @shop", new { shop }, cancellationToken);

    /// <summary>Sets the offer of a key's shop.</summary>
    /// <returns>Whether the key is valid.</returns>
    public async Task<bool> SetAsync(ShopKey key, Offer offer, CancellationToken cancellationToken)
    {
        const string sql = """
            UPDATE shops SET offer = @offer::jsonb, print_options = @printOptions::jsonb
            WHERE id = @Shop AND key_is_valid(@Id)
            """;
        var parameters = new { key.Shop, key.Id, offer = offer.ToJson(), printOptions = offer.PrintOptions.ToJson() };
        return await database.ExecuteAsync(sql, parameters, cancellationToken) == 1;
    }

    /// <summary>Changes a shop's offer, which the shop may be changing at the same time.</summary>
    /// <returns>The offer then, or null if there is no such shop.</returns>
    public async Task<Offer?> ChangeAsync(string shop, Func<Offer, Offer> change, CancellationToken cancellationToken)
    {
        const string sql = """
            UPDATE shops SET offer = @after::jsonb, print_options = @printOptions::jsonb
            WHERE id = @shop AND offer = @before::jsonb
            """;
        while (await FindAsync(shop, cancellationToken) is { } before)
        {
            var after = change(before);
            var parameters = new { shop, before = before.ToJson(), after = after.ToJson(), printOptions = after.PrintOptions.ToJson() };
            if (await database.ExecuteAsync(sql, parameters, cancellationToken) == 1)
                return after;
        }

        return null;
    }
}
