using System.Net;
using CloudTab.Notifier;
using Dapper;

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

    [Fact]
    public async Task Many_that_connect_at_once_leave_connections_to_others_and_all_get_their_lists()
    {
        const int HalfThePool = 5;
        var shop = await relay.ShopAsync();
        var given = await relay.AnnounceAsync(shop.Id);
        await using var replica = relay.StartHost<SocketOptions>();
        using var others = replica.Client();
        var clients = await Task.WhenAll(Enumerable.Range(0, Sockets).Select(_ => SocketClient.ConnectAsync(AddressOf(replica))));
        await using (var slow = await relay.Source.OpenConnectionAsync(Token))
        {
            await slow.ExecuteAsync("BEGIN; LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE");
            foreach (var client in clients)
                await client.SendAsync(new { type = "authenticate", apiKey = shop.Key });
            // The lists, and the Notifier's read of events.
            await UntilAsync(async () => await WaitingAsync() == HalfThePool + 1);

            using var answer = await others.GetAsync("/presence", Token);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Equal(HalfThePool + 1, await WaitingAsync());
            await slow.ExecuteAsync("ROLLBACK");
        }

        foreach (var client in clients)
        {
            Assert.Equal("authenticated", (await client.NextAsync()).Text("type"));
            var pending = await client.NextAsync();
            Assert.Equal(given.SessionId, Assert.Single(pending.GetProperty("sessions").EnumerateArray()).Text("sessionId"));
            client.Dispose();
        }
    }

    private static Uri AddressOf(ServiceHost<SocketOptions> replica) => new UriBuilder(replica.Address) { Scheme = "ws", Path = "/ws" }.Uri;

    private Task<int> WaitingAsync() => relay.ScalarAsync<int>(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'");
}
