using System.CommandLine;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Net.Sockets;
using Amazon.Runtime;
using CloudTab.Relay;
using Npgsql;
using Polly;

namespace CloudTab.Migrator;

/// <summary>The command line: without a verb it migrates, `wait` waits for that; `shop`, `key`, `webhook` and `signing-key` are the operator's tool.</summary>
internal static class Verbs
{
    private static readonly Dictionary<string, ShopLimit> LimitNames = new(StringComparer.Ordinal)
    {
        ["files"] = ShopLimit.Files,
        ["file-size"] = ShopLimit.FileSize,
        ["session-size"] = ShopLimit.SessionSize,
        ["outstanding"] = ShopLimit.Outstanding,
    };

    public static RootCommand Build(IServiceProvider services)
    {
        var root = new RootCommand("Applies CloudTab's schema, creates its bucket and its first shop. Running it again changes nothing.")
        {
            Wait(services.GetRequiredService<Schema>()),
            Shop(services.GetRequiredService<Operator>(), services.GetRequiredService<ShopSettings>(), services.GetRequiredService<Offers>()),
            Key(services.GetRequiredService<Operator>(), services.GetRequiredService<ApiKeys>()),
            SigningKey(services.GetRequiredService<SigningKeys>()),
            WebhookVerbs.Webhook(services.GetRequiredService<Webhooks>(), services.GetRequiredService<WebhookClient>(), services.GetRequiredService<TimeProvider>()),
        };
        root.SetAction((_, cancellationToken) => ExplainedAsync(async () =>
        {
            await services.GetRequiredService<Schema>().MigrateAsync(cancellationToken);
            if (await services.GetRequiredService<SigningKeys>().EnsureAsync(cancellationToken) is { } made)
                services.GetRequiredService<ILogger<SigningKeys>>().SigningKeyAdded(made);
            await services.GetRequiredService<Bucket>().EnsureAsync(cancellationToken);
            await services.GetRequiredService<BucketPrivacy>().CheckAsync(cancellationToken);
            await services.GetRequiredService<BucketCors>().EnsureAsync(cancellationToken);
            await services.GetRequiredService<FirstShop>().EnsureAsync(cancellationToken);
        }));
        if (services.GetRequiredService<IHostEnvironment>().IsDevelopment())
            root.Add(Reset(services));
        return root;
    }

    private static Command Reset(IServiceProvider services)
    {
        var reset = new Command("reset", "Deletes every shop, key, session and file; only there in Development");
        reset.SetAction((_, cancellationToken) => ExplainedAsync(async () =>
        {
            await services.GetRequiredService<Operator>().DeleteAllAsync(cancellationToken);
            await services.GetRequiredService<Bucket>().EmptyAsync(cancellationToken);
            await services.GetRequiredService<FirstShop>().EnsureAsync(cancellationToken);
            Console.WriteLine("All data is gone.");
        }));
        return reset;
    }

    private static Command Wait(Schema schema)
    {
        var wait = new Command("wait", "Changes nothing, and ends once the schema is as this version needs it");
        wait.SetAction((_, cancellationToken) => ExplainedAsync(() => schema.WaitAsync(cancellationToken)));
        return wait;
    }

    private static Command Shop(Operator @operator, ShopSettings settings, Offers offers)
    {
        var id = new Argument<string>("id") { Description = "The id in addresses, e.g. corner-print" };
        var name = new Argument<string>("name") { Description = "The name to display" };

        var add = new Command("add", "Adds a shop") { id, name };
        add.SetAction((given, cancellationToken) => ExplainedAsync(async () =>
            Console.WriteLine(await @operator.AddShopAsync(given.GetRequiredValue(id), given.GetRequiredValue(name), cancellationToken) ? "Added." : "Was there already.")));

        var open = new Command("open", "Lets a shop take uploads again, and its keys be used") { id };
        open.SetAction((given, cancellationToken) => OfShopAsync(given.GetRequiredValue(id), shop => settings.OpenAsync(shop, cancellationToken)));

        var close = new Command("close", "Lets a shop take no uploads for now: sessions that were not submitted end") { id };
        close.SetAction((given, cancellationToken) =>
            OfShopAsync(given.GetRequiredValue(id), shop => settings.CloseAsync(shop, suspends: false, cancellationToken)));

        var suspend = new Command("suspend", "Closes a shop, and lets its keys open nothing") { id };
        suspend.SetAction((given, cancellationToken) =>
            OfShopAsync(given.GetRequiredValue(id), shop => settings.CloseAsync(shop, suspends: true, cancellationToken)));

        var list = new Command("list", "Lists the shops");
        list.SetAction((_, cancellationToken) => ExplainedAsync(async () =>
        {
            foreach (var shop in await @operator.ListShopsAsync(cancellationToken))
                Console.WriteLine($"{shop.Id}\t{shop.Name}\t{shop.State}\t{shop.Keys} keys");
        }));
        return new("shop", "Shops")
        {
            add, list, open, close, suspend, Limit(@operator, settings, id), OfferVerbs.Offer(offers, id), OfferVerbs.Price(offers, id), OfferVerbs.Upi(offers, id),
        };
    }

    private static Command Limit(Operator @operator, ShopSettings settings, Argument<string> shop)
    {
        var limit = new Argument<string?>("limit") { Description = "Which one; none to list them", Arity = ArgumentArity.ZeroOrOne };
        limit.AcceptOnlyFromAmong([.. LimitNames.Keys]);
        var value = new Argument<string?>("value") { Description = "Files or bytes, or `default`: what the settings say", Arity = ArgumentArity.ZeroOrOne };

        var command = new Command("limit", "Lists the limits that a shop has of its own, or sets one") { shop, limit, value };
        command.SetAction((given, cancellationToken) => ExplainedAsync(async () =>
        {
            var id = given.GetRequiredValue(shop);
            if (given.GetValue(limit) is { } name)
            {
                if (!await @operator.SetLimitAsync(id, LimitNames[name], ReadLimit(given.GetValue(value)), cancellationToken))
                    throw new ValidationException($"There is no shop '{id}'");
                return;
            }

            if (await settings.FindLimitsAsync(id, cancellationToken) is not { Limits: var limits })
                throw new ValidationException($"There is no shop '{id}'");
            foreach (var (listed, kind) in LimitNames)
                Console.WriteLine($"{listed}\t{ValueOf(limits, kind)?.ToString(CultureInfo.InvariantCulture) ?? "default"}");
        }));
        return command;
    }

    private static long? ValueOf(ShopLimits limits, ShopLimit limit) => limit switch
    {
        ShopLimit.Files => limits.Files,
        ShopLimit.FileSize => limits.FileSize,
        ShopLimit.SessionSize => limits.SessionSize,
        _ => limits.Outstanding,
    };

    private static long? ReadLimit(string? text) => text switch
    {
        "default" => null,
        _ when long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) => value,
        _ => throw new ValidationException("The value is a whole number, or `default`"),
    };

    private static Command Key(Operator @operator, ApiKeys keys)
    {
        var shop = new Argument<string>("shop") { Description = "The shop's id" };
        var name = new Argument<string>("name") { Description = "What the key is for, e.g. the PC it is used on" };
        var import = new Option<string?>("--import") { Description = "A key that exists already, instead of a new one" };
        var device = new Option<bool>("--device") { Description = "For a print agent: it does jobs, changes nothing of its shop, and signs nobody in" };
        var id = new Argument<Guid>("id") { Description = "The key's id, as `key list` shows it" };

        var add = new Command("add", "Adds a key to a shop and shows it, once") { shop, name, import, device };
        add.SetAction((given, cancellationToken) => ExplainedAsync(async () =>
        {
            var key = given.GetValue(import) ?? ApiKeys.Create();
            if (!await @operator.ImportKeyAsync(given.GetRequiredValue(shop), given.GetRequiredValue(name), key, cancellationToken, given.GetValue(device)))
                throw new ValidationException("This key is stored already");
            Console.WriteLine(key);
        }));

        var list = new Command("list", "Lists a shop's keys") { shop };
        list.SetAction((given, cancellationToken) => ExplainedAsync(async () =>
        {
            foreach (var key in await keys.ListAsync(given.GetRequiredValue(shop), cancellationToken))
                Console.WriteLine($"{key.Id}\t{key.Prefix}\t{key.Name}\t{key.CreatedAt:u}\t{(key.RevokedAt is { } at ? $"revoked {at:u}" : "valid")}\t{(key.LastUsedAt is { } used ? $"used {used:u}" : "never used")}{(key.Device ? "\tdevice" : "")}");
        }));

        var revoke = new Command("revoke", "Revokes a key at once, for good") { id };
        revoke.SetAction((given, cancellationToken) => ExplainedAsync(async () =>
        {
            if (!await keys.RevokeAsync(given.GetRequiredValue(id), cancellationToken))
                throw new ValidationException("There is no such key, or it is revoked already");
            Console.WriteLine("Revoked.");
        }));
        return new("key", "API keys of shops") { add, list, revoke };
    }

    private static Command SigningKey(SigningKeys keys)
    {
        var id = new Argument<string>("id") { Description = "The key's id, as `signing-key list` shows it" };

        var add = new Command("add", "Makes another key, which signs receipts from now on; those before it stay published");
        add.SetAction((_, cancellationToken) => ExplainedAsync(async () => Console.WriteLine(await keys.AddAsync(cancellationToken))));

        var list = new Command("list", "Lists the keys that are published; the first one signs");
        list.SetAction((_, cancellationToken) => ExplainedAsync(async () =>
        {
            foreach (var key in await keys.AllAsync(cancellationToken))
                Console.WriteLine($"{key.Id}\t{key.CreatedAt:u}");
        }));

        var remove = new Command("remove", "Forgets a key: receipts that it has signed are not right any more") { id };
        remove.SetAction((given, cancellationToken) => ExplainedAsync(async () =>
        {
            if (!await keys.RemoveAsync(given.GetRequiredValue(id), cancellationToken))
                throw new ValidationException("There is no such key, or no other");
            Console.WriteLine("Removed.");
        }));
        return new("signing-key", "Keys that receipts are signed with") { add, list, remove };
    }

    private static Task<int> OfShopAsync(string shop, Func<string, Task<bool>> change) => ExplainedAsync(async () =>
    {
        if (!await change(shop))
            throw new ValidationException($"There is no shop '{shop}'");
    });

    /// <summary>Runs a verb; what an operator can do something about is one line and exit code 1.</summary>
    internal static async Task<int> ExplainedAsync(Func<Task> verb)
    {
        try
        {
            await verb();
            return 0;
        }
        catch (Exception failure) when (Explain(failure) is { } line)
        {
            await Console.Error.WriteLineAsync(line);
            return 1;
        }
    }

    private static string? Explain(Exception failure) => failure switch
    {
        ValidationException or MigrationFailedException => failure.Message,
        NpgsqlException or TimeoutException => $"Postgres: {failure.Message}",
        AmazonClientException or AmazonServiceException or HttpRequestException or SocketException or ExecutionRejectedException => $"S3: {failure.Message}",
        _ => null,
    };
}
