using CloudTab.Notifier;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace CloudTab.Services.Tests;

/// <summary>Several Notifiers that send to the same webhooks, and one that dies.</summary>
public sealed class WebhookReplicasTests(WebhookFixture relay) : IClassFixture<WebhookFixture>
{
    [Fact]
    public async Task What_a_killed_replica_was_sending_is_sent_by_another_with_the_same_id_once_the_lease_has_ended()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        var answers = false;
        receiver.Answer = async (_, aborted) =>
        {
            if (!answers)
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, aborted);
            return StatusCodes.Status200OK;
        };
        var (shop, webhook) = await relay.ShopWithWebhookAsync(receiver.AddressOf("/"));
        var (process, _) = await relay.StartProcessAsync("CloudTab.Notifier");
        await using (process)
        {
            await relay.AnnounceAsync(shop.Id);
            await UntilAsync(() => receiver.Posts.Count == 1);
            process.Kill();
        }

        answers = true;
        await relay.AnnounceAsync(shop.Id);
        await using var another = relay.StartHost<SocketOptions>();
        await using var third = relay.StartHost<SocketOptions>();
        relay.Clock.Advance(TimeSpan.FromSeconds(31));
        await UntilAsync(async () => await relay.FindAsync(shop.Id, webhook.Id) is { Waiting: 0, Failures: 0 });

        Assert.Equal(3, receiver.Posts.Count);
        Assert.Equal(2, receiver.Posts.Select(post => post.Id).Distinct().Count());
        Assert.Equal(receiver.Posts.First().Id, receiver.Posts.ElementAt(1).Id);
        Assert.Equal(receiver.Posts.First().Body, receiver.Posts.ElementAt(1).Body);
    }

    [Fact]
    public async Task What_a_replica_is_sending_when_it_stops_is_carried_through_and_recorded()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        var stops = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        receiver.Answer = async (_, aborted) =>
        {
            await stops.Task.WaitAsync(aborted);
            return StatusCodes.Status200OK;
        };
        var (shop, webhook) = await relay.ShopWithWebhookAsync(receiver.AddressOf("/"));
        await using var replica = relay.StartHost<SocketOptions>();
        await relay.AnnounceAsync(shop.Id);
        await UntilAsync(() => receiver.Posts.Count == 1);

        var stopped = replica.Services.GetRequiredService<WebhookSender>().StopAsync(Token);
        stops.SetResult();
        await stopped;

        Assert.True(await relay.FindAsync(shop.Id, webhook.Id) is { Waiting: 0, Failures: 0, DeliveredAt: not null });
        Assert.Single(receiver.Posts);
    }

    [Fact]
    public async Task Replicas_send_each_event_once_in_order_and_to_its_own_shop()
    {
        const int Shops = 4;
        const int Sessions = 25;
        await using var receiver = await WebhookReceiver.StartAsync();
        var shops = new List<TestShop>();
        for (var i = 0; i < Shops; i++)
            shops.Add((await relay.ShopWithWebhookAsync(receiver.AddressOf($"/{i}"))).Shop);
        await using var one = relay.StartHost<SocketOptions>();
        await using var other = relay.StartHost<SocketOptions>();

        var announced = await Task.WhenAll(shops.Select(async shop =>
        {
            var ids = new List<string>();
            for (var i = 0; i < Sessions; i++)
                ids.Add((await relay.AnnounceAsync(shop.Id)).SessionId);
            return ids;
        }));
        await UntilAsync(async () => await relay.ScalarAsync<int>("SELECT count(*) FROM webhook_deliveries JOIN webhooks ON webhooks.id = webhook WHERE shop_id = ANY(@ids)", new { ids = shops.Select(shop => shop.Id).ToArray() }) == 0);

        for (var i = 0; i < Shops; i++)
            Assert.Equal(announced[i], receiver.At($"/{i}").Select(post => post.Json.Text("sessionId")));
    }
}
