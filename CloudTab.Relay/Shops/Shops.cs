namespace CloudTab.Relay;

/// <summary>Shops, as the customers' side needs them.</summary>
public sealed class Shops(Database database, TimeProvider clock)
{
    /// <summary>The shop that is meant if none is named.</summary>
    public const string Default = "default";

    /// <summary>A shop and whether it can be reached now, or null if there is none of that id.</summary>
    public Task<ShopStatus?> FindAsync(string shop, CancellationToken cancellationToken)
    {
        const string sql = $"""
            SELECT id, name, accepts_uploads AS AcceptsUploads,
                   EXISTS (SELECT FROM connected_sockets JOIN replica_leases USING (replica) WHERE shop_id = shops.id AND ends_at > @now) AS Connected,
                   {ShopLimits.Columns}, print_options AS PrintOptions, offer
            FROM shops
            WHERE id = @shop
            """;
        return database.QuerySingleOrDefaultAsync<ShopStatus>(sql, new { shop, now = clock.Now().UtcDateTime }, cancellationToken);
    }
}

/// <summary>A shop as customers may know it.</summary>
/// <param name="Id">The id in addresses, e.g. `corner-print`.</param>
/// <param name="Name">The name to display.</param>
/// <param name="AcceptsUploads">Whether the shop takes uploads now.</param>
/// <param name="Connected">Whether a shopkeeper's socket is open on any replica.</param>
/// <param name="PrintOptions">How it prints, unless a customer says otherwise.</param>
/// <param name="Offer">What it prints, and for how much.</param>
public sealed record ShopStatus(
    string Id,
    string Name,
    bool AcceptsUploads,
    bool Connected,
    int? MaxFiles,
    long? MaxFileSize,
    long? MaxSessionSize,
    long? MaxOutstanding,
    OwnLimits OwnLimits,
    PrintOptions PrintOptions,
    Offer Offer)
{
    /// <summary>What its operator and the shop itself have set.</summary>
    public ShopLimits Limits => new(MaxFiles, MaxFileSize, MaxSessionSize, MaxOutstanding, OwnLimits);
}
