using CloudTab.Relay;
using Dapper;

namespace CloudTab.Services.Tests;

/// <summary>Which event a webhook is sent next, and who waits for whom meanwhile. No Notifier runs beside these tests.</summary>
public sealed class WebhookDeliveriesTests(WebhookFixture relay) : IClassFixture<WebhookFixture>
{
    private const string Url = "https://shop.example/";

    private WebhookDeliveries Deliveries => relay.Service<WebhookDeliveries>();

    [Fact]
    public async Task A_customer_submits_while_the_webhook_of_the_shop_is_being_removed()
    {
        var (shop, webhook) = await relay.ShopWithWebhookAsync(Url);
        var opened = await relay.OpenSessionAsync(shop.Id);
        await using var removing = await relay.Source.OpenConnectionAsync(Token);
        await using var transaction = await removing.BeginTransactionAsync(Token);
        await removing.ExecuteAsync("DELETE FROM webhooks WHERE id = @Id", webhook, transaction);

        var submitting = relay.SubmitOpenedAsync(opened);
        await relay.UntilSomebodyWaitsForAsync(removing);
        await transaction.CommitAsync(Token);
        await submitting;

        Assert.Equal(1, await relay.ScalarAsync<int>("SELECT count(*) FROM events WHERE session = @Id", new { opened.Id }));
    }

    [Fact]
    public async Task A_webhook_is_acquired_while_another_event_of_its_shop_is_being_written()
    {
        var (shop, webhook) = await relay.ShopWithWebhookAsync(Url);
        var given = await relay.AnnounceAsync(shop.Id);
        await using var writing = await relay.Source.OpenConnectionAsync(Token);
        await using var transaction = await writing.BeginTransactionAsync(Token);
        await writing.ExecuteAsync(
            """
            INSERT INTO events (shop_id, session, type, status, file_count, total_size, created_at)
            SELECT shop_id, id, 'session_updated', 'pending', 1, 1, now() FROM sessions WHERE id = @Id
            """,
            new { given.Id },
            transaction);

        Assert.NotNull(await AcquireAsync(webhook));
    }

    [Fact]
    public async Task A_webhook_is_not_acquired_for_what_waits_behind_a_failed_event_of_its_session()
    {
        var (shop, webhook) = await relay.ShopWithWebhookAsync(Url);
        var given = await relay.AnnounceAsync(shop.Id);
        await relay.ExecuteAsync("UPDATE webhook_deliveries SET attempts = 1, due_at = 'infinity' WHERE webhook = @Id", webhook);
        await relay.Service<Relay.Sessions>().CancelAsync(shop.Id, given.SessionId, Token);
        Assert.Equal(2, (await relay.FindAsync(shop.Id, webhook.Id)).Waiting);

        Assert.Null(await AcquireAsync(webhook));

        var other = await relay.AnnounceAsync(shop.Id);
        var next = await Deliveries.NextAsync(Assert.IsType<HeldWebhook>(await AcquireAsync(webhook)), Token);
        Assert.Equal(other.SessionId, (await Deliveries.ReadAsync(next!, Token))?.SessionId);
    }

    [Theory]
    [InlineData(12, 0, 3)]
    [InlineData(0, 30, 90)]
    public async Task A_failed_event_waits_for_minutes_if_its_receiver_is_away_and_for_longer_if_others_are_accepted(int failures, int least, int most)
    {
        var (shop, webhook) = await relay.ShopWithWebhookAsync(Url);
        await relay.AnnounceAsync(shop.Id);
        await relay.ExecuteAsync("UPDATE webhook_deliveries SET attempts = 12 WHERE webhook = @Id", webhook);
        await relay.ExecuteAsync("UPDATE webhooks SET failures = @failures WHERE id = @Id", new { webhook.Id, failures });
        var held = Assert.IsType<HeldWebhook>(await AcquireAsync(webhook, failing: failures > 0));
        var next = await Deliveries.NextAsync(held, Token);

        var before = relay.Clock.GetUtcNow().UtcDateTime;
        await Deliveries.FailedAsync(held, next!, "HTTP 500", Token);
        var after = relay.Clock.GetUtcNow().UtcDateTime;

        var again = await relay.ScalarAsync<DateTime>("SELECT due_at FROM webhook_deliveries WHERE webhook = @Id AND attempts = 13", webhook);
        Assert.InRange(again, before.AddMinutes(least), after.AddMinutes(most));
    }

    /// <summary>The purge has locked one of an event's deliveries, and waits for the other, when an attempt ends or its webhook is removed.</summary>
    [Theory]
    [InlineData("accepted", false)]
    [InlineData("failed", false)]
    [InlineData("gone", true)]
    [InlineData("removed", true)]
    public async Task A_purge_beside_the_end_of_an_attempt_is_no_deadlock(string end, bool ofFirst)
    {
        var (shop, first) = await relay.ShopWithWebhookAsync(Url);
        var last = await relay.Service<Webhooks>().AddAsync(shop.Id, Url, Token);
        var given = await relay.AnnounceAsync(shop.Id);
        var (ending, other) = ofFirst ? (first, last) : (last, first);
        var held = Assert.IsType<HeldWebhook>(await AcquireAsync(ending));
        var next = await Deliveries.NextAsync(held, Token);
        await using var elsewhere = await relay.Source.OpenConnectionAsync(Token);
        await using var transaction = await elsewhere.BeginTransactionAsync(Token);
        await elsewhere.ExecuteAsync("SELECT FROM webhook_deliveries WHERE webhook = @Id FOR UPDATE", other, transaction);

        await using var purge = await relay.Source.OpenConnectionAsync(Token);
        var purging = purge.ExecuteAsync("DELETE FROM events WHERE session = @Id", new { given.Id });
        await relay.UntilSomebodyWaitsForAsync(elsewhere);
        var ended = end switch
        {
            "accepted" => Deliveries.AcceptedAsync(next!, Token),
            "failed" => Deliveries.FailedAsync(held, next!, "HTTP 500", Token),
            "gone" => Deliveries.DisableAsync(next!, "HTTP 410", Token),
            _ => relay.Service<Webhooks>().RemoveAsync(shop.Id, ending.Id, Token),
        };
        await relay.UntilSomebodyWaitsForAsync(purge);
        await transaction.RollbackAsync(Token);
        await Task.WhenAll(purging, ended);

        Assert.Equal(0, await relay.ScalarAsync<int>("SELECT count(*) FROM webhook_deliveries WHERE webhook IN (@Ending, @Other)", new { Ending = ending.Id, Other = other.Id }));
    }

    [Fact]
    public async Task What_comes_next_is_found_as_fast_whatever_waits_behind_it()
    {
        var (_, webhook) = await relay.ShopWithWebhookAsync(Url);
        await relay.ExecuteAsync(
            """
            INSERT INTO webhook_deliveries (webhook, session, event, due_at)
            SELECT @Id, md5((n / 4)::text)::uuid, n, now() FROM generate_series(1000000, 1049999) AS n
            """,
            webhook);

        var times = new List<TimeSpan>();
        for (var i = 0; i < 10; i++)
        {
            var began = TimeProvider.System.GetTimestamp();
            var held = Assert.IsType<HeldWebhook>(await AcquireAsync(webhook));
            var next = await Deliveries.NextAsync(held, Token);
            Assert.Equal(1_000_000L + i, next?.Event);
            await Deliveries.AcceptedAsync(next!, Token);
            await Deliveries.ReleaseAsync(held, Token);
            times.Add(TimeProvider.System.GetElapsedTime(began));
        }

        Assert.InRange(times.Min(), TimeSpan.Zero, TimeSpan.FromMilliseconds(25));
    }

    private async Task<HeldWebhook?> AcquireAsync(NewWebhook webhook, bool failing = false) =>
        (await Deliveries.AcquireAsync(failing, most: 100, Token)).SingleOrDefault(held => held.Id == webhook.Id);
}
