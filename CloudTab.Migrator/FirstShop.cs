using System.ComponentModel.DataAnnotations;
using CloudTab.Relay;
using Microsoft.Extensions.Options;

namespace CloudTab.Migrator;

/// <summary>The shop that is meant if none is named, and its first key.</summary>
internal sealed class FirstShop(
    Operator @operator, ApiKeys keys, IOptions<MigratorOptions> options, ILogger<FirstShop> logger)
{
    private const string KeyName = "SHOPKEEPER_API_KEY";

    /// <summary>
    /// Makes the shop and its key. A value that SHOPKEEPER_API_KEY had before is revoked: the setting says which key there is. A value that opens
    /// nothing, because it was revoked or another shop has it, takes no other's place: the shop would have no key.
    /// </summary>
    /// <exception cref="ValidationException">SHOPKEEPER_API_KEY is too long or, outside Development, too short or an example.</exception>
    public async Task EnsureAsync(CancellationToken cancellationToken)
    {
        if (await @operator.AddShopAsync(Shops.Default, "Print shop", cancellationToken))
            logger.ShopAdded(Shops.Default);
        if (options.Value.ShopkeeperApiKey is not { Length: > 0 } key)
            return;
        if (keys.WeaknessOf(key) is { } weakness)
            throw new ValidationException($"{KeyName} {weakness}: choose another (`key add` makes one)");
        if (await @operator.ImportKeyAsync(Shops.Default, KeyName, key, cancellationToken))
            logger.KeyAdded(Shops.Default, KeyName);
        if (!await keys.IsOfAsync(Shops.Default, key, cancellationToken))
        {
            logger.KeyOpensNothing(KeyName, Shops.Default);
            return;
        }

        foreach (var replaced in await keys.RevokeOthersAsync(Shops.Default, KeyName, key, cancellationToken))
            logger.KeyReplaced(replaced, Shops.Default, KeyName);
    }
}

/// <summary>What the first shop is to have.</summary>
internal sealed class MigratorOptions
{
    /// <summary>A key for the default shop (SHOPKEEPER_API_KEY): any text of 20 to 512 characters. Not set: no key is made.</summary>
    [ConfigurationKeyName("SHOPKEEPER_API_KEY")]
    public string? ShopkeeperApiKey { get; set; }
}
