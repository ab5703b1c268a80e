using System.ComponentModel.DataAnnotations;
using CloudTab.Relay;
using Microsoft.Extensions.Options;

namespace CloudTab.Migrator;

/// <summary>The shop that is meant if none is named, and its first key.</summary>
internal sealed class FirstShop(
    Operator @operator, IOptions<MigratorOptions> options, IHostEnvironment environment, ILogger<FirstShop> logger)
{
    private const string KeyName = "SHOPKEEPER_API_KEY";

    // Values that stand in examples. A relay that anybody can look into is worse than one that does not start.
    private static readonly string[] ExampleKeys =
        ["your-secret-api-key", "your-secret-api-key-here", "your-api-key-here", "shopkeeper-secret-key", "test-shopkeeper-key", "change-me-please-now"];

    /// <exception cref="ValidationException">SHOPKEEPER_API_KEY is too short, too long, or an example outside Development.</exception>
    public async Task EnsureAsync(CancellationToken cancellationToken)
    {
        if (await @operator.AddShopAsync(Shops.Default, "Print shop", cancellationToken))
            logger.ShopAdded(Shops.Default);
        if (options.Value.ShopkeeperApiKey is not { Length: > 0 } key)
            return;
        if (!environment.IsDevelopment() && ExampleKeys.Contains(key, StringComparer.OrdinalIgnoreCase))
            throw new ValidationException($"{KeyName} has the value of an example: choose another (`key add` makes one)");
        if (await @operator.ImportKeyAsync(Shops.Default, KeyName, key, cancellationToken))
            logger.KeyAdded(Shops.Default, KeyName);
    }
}

/// <summary>What the first shop is to have.</summary>
internal sealed class MigratorOptions
{
    /// <summary>A key for the default shop (SHOPKEEPER_API_KEY): any text of 1 to 512 characters. Not set: no key is made.</summary>
    [ConfigurationKeyName("SHOPKEEPER_API_KEY")]
    [StringLength(ApiKeys.LongestKey, MinimumLength = ApiKeys.ShortestKey, ErrorMessage = "SHOPKEEPER_API_KEY must have 1 to 512 characters")]
    public string? ShopkeeperApiKey { get; set; }
}
