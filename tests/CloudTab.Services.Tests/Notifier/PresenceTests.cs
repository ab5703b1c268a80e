using CloudTab.Janitor;
using CloudTab.Notifier;
using CloudTab.Relay;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace CloudTab.Services.Tests;

/// <summary>What replicas write about their sockets, and what of it counts. Nothing renews by itself here: a replica does it when a test says so.</summary>
public sealed class PresenceTests(RelayFixture relay) : IClassFixture<RelayFixture>, IAsyncLifetime
{
    /// <summary>Forgets the replicas of the test before.</summary>
    public async ValueTask InitializeAsync() => await relay.ExecuteAsync("TRUNCATE connected_sockets, replica_leases");

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task Renewals_write_one_row_however_many_sockets_there_are()
    {
        await relay.ExecuteAsync(
            """
            CREATE TABLE writes (written text);
            CREATE FUNCTION record_write() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO writes VALUES (TG_TABLE_NAME); RETURN NULL; END; $$;
            CREATE TRIGGER recorded AFTER INSERT OR UPDATE OR DELETE ON connected_sockets FOR EACH ROW EXECUTE FUNCTION record_write();
            CREATE TRIGGER recorded AFTER INSERT OR UPDATE OR DELETE ON replica_leases FOR EACH ROW EXECUTE FUNCTION record_write();
            """);
        await using var replica = await Replica.StartAsync(relay);
        var shops = await ShopsAsync(50);
        await replica.ConnectAsync(shops[0]);
        await replica.RenewAsync();
        var ofOne = await WritesOfAsync(5, replica);
        foreach (var shop in shops.Skip(1))
            await replica.ConnectAsync(shop);
        await replica.RenewAsync();
        var ofFifty = await WritesOfAsync(5, replica);

        Assert.Equal(["replica_leases 5"], ofOne);
        Assert.Equal(ofOne, ofFifty);
        Assert.Equal(50, await replica.CountAsync());

        // One socket more of one shop, and none any more of another.
        await replica.ConnectAsync(shops[0]);
        await replica.DisconnectAsync(shops[1]);
        Assert.Equal(["connected_sockets 2", "replica_leases 1"], await WritesOfAsync(1, replica));
        Assert.Equal(50, await replica.CountAsync());
    }

    [Fact]
    public async Task A_killed_replica_counts_no_more_15_s_after_its_last_renewal()
    {
        relay.Clock.Stop();
        await using var killed = await Replica.StartAsync(relay);
        await using var other = await Replica.StartAsync(relay);
        var shops = await ShopsAsync(2);
        await killed.ConnectAsync(shops[0]);
        await other.ConnectAsync(shops[1]);
        await killed.RenewAsync();
        relay.Clock.Advance(TimeSpan.FromSeconds(10));
        await other.RenewAsync();

        relay.Clock.Advance(TimeSpan.FromSeconds(4.9));
        Assert.Equal(2, await other.CountAsync());
        Assert.True(await IsConnectedAsync(shops[0]));
        relay.Clock.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal(1, await other.CountAsync());
        Assert.False(await IsConnectedAsync(shops[0]));
        Assert.True(await IsConnectedAsync(shops[1]));

        using var janitor = new StateMachine(relay, clock: relay.Clock);
        await janitor.Get<Purge>().RunOnceAsync(Token);
        Assert.Equal([shops[1].Id], await relay.ColumnAsync<string>("SELECT shop_id FROM connected_sockets JOIN replica_leases USING (replica)"));

        // It was only frozen.
        await killed.RenewAsync();
        Assert.Equal(2, await other.CountAsync());
        Assert.True(await IsConnectedAsync(shops[0]));
    }

    [Fact]
    public async Task What_a_crash_of_Postgres_empties_is_written_again()
    {
        await using var replica = await Replica.StartAsync(relay);
        var shop = await relay.ShopAsync();
        await replica.ConnectAsync(shop);
        await replica.RenewAsync();

        await relay.ExecuteAsync("TRUNCATE connected_sockets, replica_leases"); // as Postgres does with unlogged tables
        await replica.RenewAsync();

        Assert.Equal(1, await replica.CountAsync());
    }

    [Fact]
    public async Task After_a_failure_nothing_counts_twice()
    {
        await using var replica = await Replica.StartAsync(relay);
        var shops = await ShopsAsync(2);
        await replica.ConnectAsync(shops[0]);
        await replica.RenewAsync();

        await replica.ConnectAsync(shops[1]);
        await replica.FailToRenewAsync();
        await replica.RenewAsync();

        Assert.Equal(2, await replica.CountAsync());
        Assert.Equal(2, await relay.ScalarAsync<int>("SELECT count(*) FROM connected_sockets"));
        Assert.Equal(1, await relay.ScalarAsync<int>("SELECT count(*) FROM replica_leases"));
    }

    [Fact]
    public async Task Replicas_of_the_version_before_count_and_are_counted()
    {
        // The statements of that version.
        const string write = """
            INSERT INTO connected_sockets (replica, shop_id, sockets, seen_at)
            SELECT @replica, shop, sockets, @now FROM unnest(@shops, @counts) AS here (shop, sockets)
            ON CONFLICT (replica, shop_id) DO UPDATE SET sockets = excluded.sockets, seen_at = excluded.seen_at
            """;
        const string read = "SELECT coalesce(sum(sockets), 0) FROM connected_sockets WHERE seen_at > @seenAfter";
        relay.Clock.Stop();
        await using var replica = await Replica.StartAsync(relay);
        var (before, shops) = (Guid.NewGuid(), await ShopsAsync(2));
        await replica.ConnectAsync(shops[0]);
        await replica.RenewAsync();

        await WriteAsync();
        Assert.Equal(7 + 1, await replica.CountAsync());
        relay.Clock.Advance(TimeSpan.FromSeconds(10));
        await WriteAsync();
        await replica.RenewAsync();
        relay.Clock.Advance(TimeSpan.FromSeconds(14));
        Assert.Equal(7 + 1, await replica.CountAsync());
        Assert.True(await IsConnectedAsync(shops[1]));
        Assert.Equal(7 + 1, await relay.ScalarAsync<int>(read, new { seenAfter = relay.Clock.GetUtcNow().UtcDateTime - TimeSpan.FromSeconds(15) }));
        await replica.RenewAsync();
        relay.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(1, await replica.CountAsync());
        Assert.False(await IsConnectedAsync(shops[1]));

        Task<int> WriteAsync() => relay.ExecuteAsync(
            write, new { replica = before, shops = shops.Select(shop => shop.Id).ToArray(), counts = (int[])[3, 4], now = relay.Clock.GetUtcNow().UtcDateTime });
    }

    private async Task<List<TestShop>> ShopsAsync(int count)
    {
        var shops = new List<TestShop>();
        while (shops.Count < count)
            shops.Add(await relay.ShopAsync());
        return shops;
    }

    private async Task<bool> IsConnectedAsync(TestShop shop) => (await relay.Service<Shops>().FindAsync(shop.Id, Token))!.Connected;

    private async Task<List<string>> WritesOfAsync(int renewals, Replica replica)
    {
        await relay.ExecuteAsync("TRUNCATE writes");
        for (var i = 0; i < renewals; i++)
            await replica.RenewAsync();
        return await relay.ColumnAsync<string>("SELECT written || ' ' || count(*) FROM writes GROUP BY written ORDER BY written");
    }

    private sealed class Replica(ServiceHost<SocketOptions> host) : IAsyncDisposable
    {
        private readonly List<(TestShop Shop, SocketClient Client)> _sockets = [];
        private readonly Presence _presence = host.Services.GetServices<IHostedService>().OfType<Presence>().Single();

        public static async Task<Replica> StartAsync(RelayFixture relay)
        {
            var before = await LeasesAsync();
            var replica = new Replica(relay.StartHost<SocketOptions>());
            // One that is stopped before it has begun is a fault to its host.
            await UntilAsync(async () => await LeasesAsync() > before);
            await replica._presence.StopAsync(Token); // that is its loop
            return replica;

            Task<int> LeasesAsync() => relay.ScalarAsync<int>("SELECT count(*) FROM replica_leases");
        }

        public Task RenewAsync() => _presence.RunOnceAsync(Token);

        public async Task FailToRenewAsync() => await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _presence.RunOnceAsync(new(canceled: true)));

        public async Task ConnectAsync(TestShop shop) => _sockets.Add(
            (shop, await SocketClient.ReadyAsync(new UriBuilder(host.Address) { Scheme = "ws", Path = "/ws" }.Uri, shop.Key)));

        public async Task DisconnectAsync(TestShop shop)
        {
            _sockets.Single(socket => socket.Shop == shop).Client.Dispose();
            await UntilAsync(() => host.Services.GetRequiredService<ShopDirectory>().SocketsOf(shop.Id).IsEmpty);
        }

        public async Task<int> CountAsync()
        {
            using var client = host.Client();
            using var answer = await client.GetAsync("/presence", Token);
            return (await answer.JsonAsync()).GetProperty("connectedShopkeepers").GetInt32();
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var (_, client) in _sockets)
                client.Dispose();
            await host.DisposeAsync();
        }
    }
}
