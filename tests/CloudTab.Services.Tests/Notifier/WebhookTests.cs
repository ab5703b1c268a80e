using System.Text.Json;
using CloudTab.Janitor;
using CloudTab.Notifier;
using CloudTab.Relay;
using CloudTab.Testing;
using Microsoft.AspNetCore.Http;

namespace CloudTab.Services.Tests;

/// <summary>What a shop's own program is posted.</summary>
public sealed class WebhookTests(WebhookFixture relay) : IClassFixture<WebhookFixture>
{
    // More than the longest pause of a webhook, and the longest wait of an event.
    private static readonly TimeSpan Pauses = TimeSpan.FromHours(2);

    [Fact]
    public async Task Each_event_is_posted_as_sockets_are_told_it_and_signed_by_each_secret_to_webhooks_of_its_shop_only()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        var (mine, webhook) = await relay.ShopWithWebhookAsync(receiver.AddressOf("/mine"));
        var (other, others) = await relay.ShopWithWebhookAsync(receiver.AddressOf("/other"));
        var second = await relay.Service<Webhooks>().AddAsync(mine.Id, receiver.AddressOf("/second"), Token);
        var rotated = await relay.Service<Webhooks>().RotateAsync(mine.Id, webhook.Id, Token);
        using var socket = await SocketClient.ReadyAsync(relay.SocketAddress, mine.Key);

        var given = await relay.AnnounceAsync(mine.Id);
        await relay.AnnounceAsync(other.Id);
        using var api = relay.ShopApi(mine.Key);
        using var claim = await api.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/claim", null, Token);
        var frames = new[] { await socket.NextAsync("new_session"), await socket.NextAsync("session_updated") };
        await UntilAsync(() => receiver.At("/mine").Length == 2 && receiver.At("/second").Length == 2 && receiver.At("/other").Length == 1);

        var posts = receiver.At("/mine");
        Assert.All(posts.Zip(frames), pair => Assert.True(JsonElement.DeepEquals(pair.Second, pair.First.Json), $"{pair.Second}\n{pair.First.Json}"));
        Assert.All(posts, post => Assert.Equal(("POST", "application/json"), (post.Method, post.ContentType)));
        Assert.All(posts, post => Assert.True(post.IsSignedBy(rotated!) && post.IsSignedBy(webhook.Secret) && !post.IsSignedBy(others.Secret)));
        Assert.All(receiver.At("/second"), post => Assert.True(post.IsSignedBy(second.Secret) && !post.IsSignedBy(webhook.Secret)));
        Assert.True(receiver.At("/other").Single().IsSignedBy(others.Secret));
        Assert.Equal(5, receiver.Posts.Select(post => post.Id).Distinct().Count());
        await UntilAsync(async () => await relay.FindAsync(mine.Id, webhook.Id) is { Waiting: 0, Failures: 0, DeliveredAt: not null });
    }

    [Fact]
    public async Task An_event_that_was_not_accepted_comes_again_with_its_id_before_later_ones_of_its_session_and_delays_other_sessions_little()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        var refuses = true;
        var (shop, webhook) = await relay.ShopWithWebhookAsync(receiver.AddressOf("/"));
        var first = await relay.OpenSessionAsync(shop.Id);
        receiver.Answer = (post, _) => Task.FromResult(refuses && post.Json.Text("sessionId") == first.SessionId ? 500 : 200);
        relay.Host<SocketOptions>();

        await relay.SubmitOpenedAsync(first);
        await UntilAsync(async () => await relay.FindAsync(shop.Id, webhook.Id) is { Failures: >= 1, Failure: "HTTP 500" });
        using var api = relay.ShopApi(shop.Key);
        using var claim = await api.PostAsync($"/api/shopkeeper/sessions/{first.SessionId}/claim", null, Token);
        var next = await relay.AnnounceAsync(shop.Id);
        relay.Clock.Advance(TimeSpan.FromMinutes(5)); // more than the webhook's longest pause
        await UntilAsync(() => receiver.Posts.Any(post => post.Json.Text("sessionId") == next.SessionId));
        Assert.DoesNotContain(receiver.Posts, post => post.Json.Text("type") == "session_updated");

        refuses = false;
        relay.Clock.Advance(Pauses);
        await UntilAsync(async () => await relay.FindAsync(shop.Id, webhook.Id) is { Failures: 0, Waiting: 0 });

        var ofFirst = receiver.Posts.Where(post => post.Json.Text("sessionId") == first.SessionId).ToArray();
        var repeated = ofFirst.Where(post => post.Json.Text("type") == "new_session").ToArray();
        Assert.InRange(repeated.Length, 2, int.MaxValue);
        Assert.Single(repeated.Select(post => post.Id).Distinct());
        Assert.True(repeated.Select(post => post.Timestamp).Distinct().Count() > 1, "An attempt has a time of its own.");
        Assert.Equal("session_updated", ofFirst[^1].Json.Text("type"));
        Assert.All(receiver.Posts, post => Assert.True(post.IsSignedBy(webhook.Secret)));
    }

    [Fact]
    public async Task Receivers_that_do_not_answer_delay_no_other()
    {
        const int Dead = 60;
        await using var silent = new LoopbackListener((socket, ending) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ending).ContinueWith(_ => socket.Dispose(), TaskScheduler.Default));
        await using var receiver = await WebhookReceiver.StartAsync();
        var (dead, _) = await relay.ShopWithWebhookAsync($"http://{silent.EndPoint}/");
        for (var i = 1; i < 2 * Dead; i++)
            await relay.Service<Webhooks>().AddAsync(dead.Id, $"http://{silent.EndPoint}/{i}", Token);
        // Half of them have failed before, and half cease to answer now.
        await relay.ExecuteAsync("UPDATE webhooks SET failures = 1 WHERE id IN (SELECT id FROM webhooks WHERE shop_id = @Id LIMIT @Dead)", new { dead.Id, Dead });
        var (live, webhook) = await relay.ShopWithWebhookAsync(receiver.AddressOf("/"));
        relay.Host<SocketOptions>();

        await relay.AnnounceAsync(dead.Id);
        // All places for those that have failed, and all that cease to answer now.
        await UntilAsync(async () => await relay.ScalarAsync<int>("SELECT count(*) FROM webhooks WHERE shop_id = @Id AND due_at > @now", new { dead.Id, now = relay.Clock.GetUtcNow() }) >= Dead + 50);
        await relay.AnnounceAsync(live.Id);
        await UntilAsync(async () => await relay.FindAsync(live.Id, webhook.Id) is { DeliveredAt: not null, Waiting: 0 });

        var accepted = (await relay.FindAsync(live.Id, webhook.Id)).DeliveredAt;
        Assert.Equal(0, await relay.ScalarAsync<int>("SELECT count(*) FROM webhooks WHERE shop_id = @Id AND failed_at <= @accepted", new { dead.Id, accepted }));
        await relay.ExecuteAsync("DELETE FROM webhooks WHERE shop_id = @Id", dead);
    }

    [Theory]
    [InlineData(302, "HTTP 302")]
    [InlineData(307, "HTTP 307")]
    [InlineData(404, "HTTP 404")]
    public async Task Any_other_answer_than_2xx_is_a_failure_and_no_redirect_is_followed(int status, string failure)
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        receiver.Answer = (_, _) => Task.FromResult(status);
        var (shop, webhook) = await relay.ShopWithWebhookAsync(receiver.AddressOf("/"));
        relay.Host<SocketOptions>();

        await relay.AnnounceAsync(shop.Id);
        await UntilAsync(async () => (await relay.FindAsync(shop.Id, webhook.Id)).Failures >= 1);

        Assert.Equal(failure, (await relay.FindAsync(shop.Id, webhook.Id)).Failure);
        Assert.Empty(receiver.At("/elsewhere"));
    }

    [Fact]
    public async Task A_webhook_that_answered_410_or_was_removed_and_a_shop_that_is_suspended_get_nothing_more()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        receiver.Answer = (post, _) => Task.FromResult(post.Path == "/gone" ? StatusCodes.Status410Gone : StatusCodes.Status200OK);
        var (shop, kept) = await relay.ShopWithWebhookAsync(receiver.AddressOf("/kept"));
        var gone = await relay.Service<Webhooks>().AddAsync(shop.Id, receiver.AddressOf("/gone"), Token);
        var removed = await relay.Service<Webhooks>().AddAsync(shop.Id, receiver.AddressOf("/removed"), Token);
        var (suspended, _) = await relay.ShopWithWebhookAsync(receiver.AddressOf("/suspended"));
        relay.Host<SocketOptions>();

        Assert.False(await relay.Service<Webhooks>().RemoveAsync(suspended.Id, removed.Id, Token), "It is another shop's.");
        Assert.True(await relay.Service<Webhooks>().RemoveAsync(shop.Id, removed.Id, Token));
        Assert.True(await relay.Service<ShopSettings>().CloseAsync(shop.Id, suspends: false, Token)); // which is still told what it has
        await relay.ExecuteAsync("UPDATE shops SET accepts_uploads = true WHERE id = @Id", shop);
        var pending = await relay.OpenSessionAsync(suspended.Id);
        await relay.SubmitOpenedAsync(pending);
        await UntilAsync(() => receiver.At("/suspended").Length == 1);
        Assert.True(await relay.Service<ShopSettings>().CloseAsync(suspended.Id, suspends: true, Token));
        await relay.Service<Relay.Sessions>().CancelAsync(suspended.Id, pending.SessionId, Token);

        await relay.AnnounceAsync(shop.Id);
        await UntilAsync(async () => (await relay.FindAsync(shop.Id, gone.Id)).DisabledAt is not null);
        await relay.AnnounceAsync(shop.Id);
        await UntilAsync(async () => receiver.At("/kept").Length == 2 && (await relay.FindAsync(shop.Id, kept.Id)).Waiting == 0);

        Assert.Single(receiver.At("/gone"));
        Assert.Equal(0, (await relay.FindAsync(shop.Id, gone.Id)).Waiting);
        Assert.Empty(receiver.At("/removed"));
        Assert.Single(receiver.At("/suspended"));
        Assert.True(await relay.Service<ShopSettings>().OpenAsync(suspended.Id, Token));
        await UntilAsync(() => receiver.At("/suspended").Length == 2);
    }

    [Fact]
    public async Task What_was_not_accepted_within_a_day_is_given_up_and_counted_and_leaves_nothing()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        receiver.Answer = (_, _) => Task.FromResult(503);
        var (shop, webhook) = await relay.ShopWithWebhookAsync(receiver.AddressOf("/"));
        relay.Host<SocketOptions>();
        await relay.AnnounceAsync(shop.Id);
        await relay.AnnounceAsync(shop.Id);
        await UntilAsync(async () => await relay.FindAsync(shop.Id, webhook.Id) is { Failures: > 0, Waiting: 2 });

        await relay.ExecuteAsync("UPDATE events SET created_at = created_at - interval '1 day' WHERE shop_id = @Id", shop);
        await using var janitor = relay.StartHost<JanitorOptions>();
        await UntilAsync(async () => await relay.FindAsync(shop.Id, webhook.Id) is { Waiting: 0, GivenUp: 2 });
    }
}
