using System.Diagnostics;
using System.Net;
using CloudTab.Notifier;
using CloudTab.Relay;
using Dapper;
using Microsoft.Extensions.DependencyInjection;

namespace CloudTab.Services.Tests;

/// <summary>What keeps a replica well when all sockets of another one come to it.</summary>
public sealed class ReconnectTests(RelayFixture relay) : IClassFixture<RelayFixture>
{
    private const int Sockets = 20;

    [Fact]
    public async Task A_stopping_replica_tells_each_socket_when_to_come_back()
    {
        var shop = await relay.ShopAsync();
        await using var replica = relay.StartHost<SocketOptions>();
        var clients = await Task.WhenAll(Enumerable.Range(0, Sockets).Select(_ => SocketClient.ReadyAsync(AddressOf(replica), shop.Key)));

        var stopping = replica.DisposeAsync();

        var pauses = await Task.WhenAll(clients.Select(async client => (await client.NextAsync("going_away")).GetProperty("retryAfterMs").GetInt32()));
        Assert.All(pauses, pause => Assert.InRange(pause, 250, 250 + (2 * Sockets)));
        Assert.InRange(pauses.Distinct().Count(), 2, Sockets);
        foreach (var client in clients)
        {
            Assert.Equal(1001, await client.CloseCodeAsync());
            client.Dispose();
        }

        await stopping;
    }

    /// <summary>After a restart clients leave that have waited for too long, and come again.</summary>
    [Fact]
    public async Task Nobody_waits_behind_those_who_have_left()
    {
        await using var replica = relay.StartHost<SocketOptions>();
        var lists = replica.Services.GetRequiredService<PendingLists>();
        var (key, _) = await replica.Services.GetRequiredService<ApiKeys>().FindAsync((await relay.ShopAsync()).Key, IPAddress.Loopback, Token);
        var (database, read) = (await relay.ScalarAsync<string>("SELECT current_database()"), 0);
        using var statements = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Npgsql",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity =>
            {
                if (Equals(activity.GetTagItem("db.namespace"), database) && activity.GetTagItem("db.query.text") is string sql && sql.StartsWith("SELECT pending.*", StringComparison.Ordinal))
                    Interlocked.Increment(ref read);
            },
        };
        ActivitySource.AddActivityListener(statements);
        Task<PendingSessions?> first, last;
        await using (var slow = await relay.Source.OpenConnectionAsync(Token))
        {
            await slow.ExecuteAsync("BEGIN; LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE");
            first = lists.ReadAsync(key!, Token);
            await UntilAsync(async () => await relay.ScalarAsync<long>(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%AS asked (shop)%'") == 1);
            using var leaving = new CancellationTokenSource();
            var left = Enumerable.Range(0, 2 * PendingLists.MostAtOnce).Select(_ => lists.ReadAsync(key!, leaving.Token)).ToList();
            last = lists.ReadAsync(key!, Token);
            await leaving.CancelAsync();
            foreach (var one in left)
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => one);
            await slow.ExecuteAsync("ROLLBACK");
        }

        Assert.NotNull(await first);
        Assert.NotNull(await last);
        Assert.Equal(2, read);
    }

    [Fact]
    public async Task Lists_that_many_want_at_once_are_read_over_one_connection_and_all_get_their_own()
    {
        const int ForListsAndEvents = 2;
        var shops = await Task.WhenAll(Enumerable.Range(0, Sockets).Select(async _ => await relay.ShopAsync()));
        var given = new List<string>();
        foreach (var shop in shops)
            given.Add((await relay.AnnounceAsync(shop.Id)).SessionId);
        await using var replica = relay.StartHost<SocketOptions>();
        using var others = replica.Client();
        var clients = await Task.WhenAll(Enumerable.Range(0, Sockets).Select(_ => SocketClient.ConnectAsync(AddressOf(replica))));
        await using (var slow = await relay.Source.OpenConnectionAsync(Token))
        {
            await slow.ExecuteAsync("BEGIN; LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE");
            foreach (var (client, shop) in clients.Zip(shops))
                await client.SendAsync(new { type = "authenticate", apiKey = shop.Key });
            // All have been looked up, and are there for events.
            await UntilAsync(() => replica.Services.GetRequiredService<ShopDirectory>().Snapshot().Length == Sockets);
            await UntilAsync(async () => await WaitingAsync() == ForListsAndEvents);

            using var answer = await others.GetAsync("/presence", Token);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Equal(ForListsAndEvents, await WaitingAsync());
            await slow.ExecuteAsync("ROLLBACK");
        }

        foreach (var (client, its) in clients.Zip(given))
        {
            Assert.Equal("authenticated", (await client.NextAsync()).Text("type"));
            var pending = await client.NextAsync();
            Assert.Equal(its, Assert.Single(pending.GetProperty("sessions").EnumerateArray()).Text("sessionId"));
            client.Dispose();
        }
    }

    [Fact]
    public async Task Keys_that_many_show_at_once_are_looked_up_over_less_than_half_of_the_pool()
    {
        const int AtOnce = 4;
        var shop = await relay.ShopAsync();
        await using var replica = relay.StartHost<SocketOptions>();
        using var others = replica.Client();
        var clients = await Task.WhenAll(Enumerable.Range(0, Sockets).Select(_ => SocketClient.ConnectAsync(AddressOf(replica))));
        await using (var slow = await relay.Source.OpenConnectionAsync(Token))
        {
            await slow.ExecuteAsync("BEGIN; LOCK TABLE key_uses IN ACCESS EXCLUSIVE MODE");
            foreach (var client in clients)
                await client.SendAsync(new { type = "authenticate", apiKey = shop.Key });
            await UntilAsync(async () => await WaitingAsync() == AtOnce);

            using var answer = await others.GetAsync("/presence", Token);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Equal(AtOnce, await WaitingAsync());
            await slow.ExecuteAsync("ROLLBACK");
        }

        foreach (var client in clients)
        {
            Assert.Equal("authenticated", (await client.NextAsync()).Text("type"));
            client.Dispose();
        }
    }

    [Fact]
    public async Task Lists_that_are_read_together_are_those_that_each_key_gets_alone_and_a_revoked_key_gets_none()
    {
        var (views, keys) = (relay.Service<SessionViews>(), new List<ShopKey>());
        foreach (var sessions in (int[])[3, 0, 1, 2])
        {
            var shop = await relay.ShopAsync();
            keys.Add((await relay.Service<ApiKeys>().FindAsync(shop.Key, IPAddress.Loopback, Token)).Key!);
            for (var i = 0; i < sessions; i++)
                await relay.AnnounceAsync(shop.Id);
        }

        keys.Add(keys[0] with { Id = (await relay.Service<ApiKeys>().FindAsync(await relay.KeyAsync(keys[0].Shop), IPAddress.Loopback, Token)).Key!.Id });
        await relay.ExecuteAsync("UPDATE api_keys SET revoked_at = now() WHERE id = @Id", keys[3]);

        var together = await views.PendingAsync(keys, limit: 2, Token);

        foreach (var key in keys)
        {
            var alone = await views.PendingAsync(key, limit: 2, after: null, Token);
            var page = together.GetValueOrDefault(key.Id);
            Assert.Equal(alone?.Next, page?.Next);
            Assert.Equal(alone?.Sessions.Select(session => session.SessionId), page?.Sessions.Select(session => session.SessionId));
        }

        Assert.Equal(4, together.Count);
        Assert.Equal([2, 0, 1, 2], keys.Where(key => key != keys[3]).Select(key => together[key.Id].Sessions.Count));
    }

    private static Uri AddressOf(ServiceHost<SocketOptions> replica) => new UriBuilder(replica.Address) { Scheme = "ws", Path = "/ws" }.Uri;

    private Task<int> WaitingAsync() => relay.ScalarAsync<int>(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'");
}
