using System.CommandLine;
using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using CloudTab.Relay;
using Npgsql;

namespace CloudTab.Migrator;

/// <summary>The verbs for where a shop's events are posted to.</summary>
internal static class WebhookVerbs
{
    public static Command Webhook(Webhooks webhooks, WebhookClient client, TimeProvider clock)
    {
        var shop = new Argument<string>("shop") { Description = "The shop's id" };
        var id = new Argument<Guid>("id") { Description = "The webhook's id, as `webhook list` shows it" };
        return new("webhook", "Addresses that a shop's events are posted to")
        {
            Add(webhooks, client, shop), List(webhooks, shop), Test(webhooks, client, clock, shop, id), Rotate(webhooks, shop, id), Remove(webhooks, shop, id),
        };
    }

    private static Command Add(Webhooks webhooks, WebhookClient client, Argument<string> shop)
    {
        var url = new Argument<string>("url") { Description = "Where to post to: https://…" };
        var add = new Command("add", "Adds a webhook to a shop and shows its id and its secret, once") { shop, url };
        add.SetAction((given, cancellationToken) => Verbs.ExplainedAsync(async () =>
        {
            var (owner, address) = (given.GetRequiredValue(shop), given.GetRequiredValue(url));
            if (client.WhyRefused(address) is { } refusal)
                throw new ValidationException(refusal);
            try
            {
                var added = await webhooks.AddAsync(owner, address, cancellationToken);
                Console.WriteLine($"{added.Id}\t{WebhookSecret.ToText(added.Secret)}");
            }
            catch (PostgresException refused) when (refused.SqlState == PostgresErrorCodes.ForeignKeyViolation)
            {
                throw new ValidationException($"There is no shop '{owner}'", refused);
            }
            catch (PostgresException refused) when (refused.SqlState == PostgresErrorCodes.CheckViolation)
            {
                throw new ValidationException("The address has 2000 characters at most", refused);
            }
        }));
        return add;
    }

    private static Command List(Webhooks webhooks, Argument<string> shop)
    {
        var list = new Command("list", "Lists a shop's webhooks: whether they accept events, and how many wait or were given up") { shop };
        list.SetAction((given, cancellationToken) => Verbs.ExplainedAsync(async () =>
        {
            foreach (var webhook in await webhooks.ListAsync(given.GetRequiredValue(shop), cancellationToken))
                Console.WriteLine($"{webhook.Id}\t{webhook.Url}\t{webhook.CreatedAt:u}\t{StateOf(webhook)}\t{webhook.Waiting} wait\t{webhook.GivenUp} given up");
        }));
        return list;
    }

    private static string StateOf(ListedWebhook webhook) => webhook switch
    {
        { DisabledAt: { } at } => $"disabled {at:u}: {webhook.Failure}",
        { Failures: > 0 } => $"failed {webhook.Failures} times, last {webhook.FailedAt:u}: {webhook.Failure}",
        { DeliveredAt: { } at } => $"accepted {at:u}",
        _ => "nothing sent yet",
    };

    private static Command Test(Webhooks webhooks, WebhookClient client, TimeProvider clock, Argument<string> shop, Argument<Guid> id)
    {
        var test = new Command("test", "Posts a message of the type `test` to a webhook, once and from here, and shows the answer") { shop, id };
        test.SetAction((given, cancellationToken) => Verbs.ExplainedAsync(async () =>
        {
            var target = await webhooks.FindAsync(given.GetRequiredValue(shop), given.GetRequiredValue(id), cancellationToken) ?? throw NoWebhook();
            var now = clock.Now();
            var body = JsonSerializer.SerializeToUtf8Bytes(new { type = "test", timestamp = now.UtcDateTime });
            var answer = await client.PostAsync(target.Url, $"msg_{target.Id:N}_test{now.ToUnixTimeMilliseconds()}", target.Secrets, body, cancellationToken);
            if (answer.Outcome != WebhookOutcome.Accepted)
                throw new ValidationException($"Not accepted: {answer.Reason}");
            Console.WriteLine($"Accepted: {answer.Reason}");
        }));
        return test;
    }

    private static Command Rotate(Webhooks webhooks, Argument<string> shop, Argument<Guid> id)
    {
        var rotate = new Command("rotate", "Gives a webhook another secret and shows it, once; the one before signs along for a day") { shop, id };
        rotate.SetAction((given, cancellationToken) => Verbs.ExplainedAsync(async () =>
        {
            var secret = await webhooks.RotateAsync(given.GetRequiredValue(shop), given.GetRequiredValue(id), cancellationToken) ?? throw NoWebhook();
            Console.WriteLine(WebhookSecret.ToText(secret));
        }));
        return rotate;
    }

    private static Command Remove(Webhooks webhooks, Argument<string> shop, Argument<Guid> id)
    {
        var remove = new Command("remove", "Removes a webhook at once, with the events that it has not accepted yet") { shop, id };
        remove.SetAction((given, cancellationToken) => Verbs.ExplainedAsync(async () =>
        {
            if (!await webhooks.RemoveAsync(given.GetRequiredValue(shop), given.GetRequiredValue(id), cancellationToken))
                throw NoWebhook();
            Console.WriteLine("Removed.");
        }));
        return remove;
    }

    private static ValidationException NoWebhook() => new("The shop has no such webhook");
}
