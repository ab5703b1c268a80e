namespace CloudTab.Relay;

/// <summary>What shops print and for how much, as they set it.</summary>
public sealed class Offers(Database database)
{
    /// <summary>A shop's offer, or null if there is no such shop.</summary>
    public Task<Offer?> FindAsync(string shop, CancellationToken cancellationToken) =>
        database.QuerySingleOrDefaultAsync<Offer>("SELECT offer FROM shops WHERE id = @shop", new { shop }, cancellationToken);

    /// <summary>Sets the offer of a key's shop.</summary>
    /// <param name="before">What it must still be; null: whatever it is.</param>
    /// <returns>Done, <see cref="Outcome.ChangedMeanwhile"/> or <see cref="Outcome.KeyRevoked"/>.</returns>
    public async Task<Outcome> SetAsync(ShopKey key, Offer offer, Offer? before, CancellationToken cancellationToken)
    {
        const string sql = """
            WITH changed AS (
                UPDATE shops SET offer = @offer::jsonb, print_options = @printOptions::jsonb
                WHERE id = @Shop AND key_is_valid(@Id) AND (@before::jsonb IS NULL OR offer = @before::jsonb)
                RETURNING id
            )
            SELECT CASE WHEN EXISTS (SELECT FROM changed) THEN 'Done' WHEN key_is_valid(@Id) THEN 'ChangedMeanwhile' ELSE 'KeyRevoked' END
            """;
        var parameters = new { key.Shop, key.Id, before = before?.ToJson(), offer = offer.ToJson(), printOptions = offer.PrintOptions.ToJson() };
        return Enum.Parse<Outcome>((await database.ChangeSingleOrDefaultAsync<string>(sql, parameters, cancellationToken))!);
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
