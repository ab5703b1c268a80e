using System.Net.Sockets;
using System.Text;
using CloudTab.Notifier;

namespace CloudTab.Services.Tests;

/// <summary>Limits that a test reaches quickly.</summary>
public sealed class TightLimits(Dependencies dependencies) : RelayFixture(dependencies)
{
    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["AUTHENTICATION_TIMEOUT"] = "1000",
        ["MAX_SOCKETS_PER_SHOP"] = "2",
        ["WS_HEARTBEAT_INTERVAL"] = "1000",
    };
}

public sealed class SocketLimitsTests(TightLimits relay) : IClassFixture<TightLimits>
{
    [Fact]
    public async Task A_socket_that_does_not_authenticate_is_closed_with_4408()
    {
        using var client = await SocketClient.ConnectAsync(relay.SocketAddress);
        await client.AskAsync(new { type = "ping" });

        Assert.Equal(4408, await client.CloseCodeAsync());
    }

    [Fact]
    public async Task A_message_of_64_KiB_is_read_and_a_longer_one_closes_the_socket_with_1009()
    {
        using var client = await SocketClient.ConnectAsync(relay.SocketAddress);
        const string ping = """{"type":"ping"}""";
        await client.SendTextAsync(ping.PadRight(64 * 1024));
        Assert.Equal("pong", (await client.NextAsync()).Text("type"));

        await client.SendTextAsync(ping.PadRight((64 * 1024) + 1));

        Assert.Equal(1009, await client.CloseCodeAsync());
    }

    [Fact]
    public async Task A_fragmented_message_over_the_limit_closes_the_socket_with_1009()
    {
        using var client = await SocketClient.ConnectAsync(relay.SocketAddress);
        for (var i = 0; i < 5; i++)
            await client.SendTextAsync(new string(' ', 16 * 1024), endOfMessage: false);

        Assert.Equal(1009, await client.CloseCodeAsync());
    }

    [Fact]
    public async Task More_than_20_messages_a_second_close_the_socket_with_4429()
    {
        var shop = await relay.ShopAsync();
        using var client = await SocketClient.ReadyAsync(relay.SocketAddress, shop.Key);
        for (var i = 0; i < 50; i++)
            await client.SendAsync(new { type = "ping" });

        Assert.Equal(4429, await client.CloseCodeAsync());
    }

    [Fact]
    public async Task One_socket_too_many_is_closed_with_4429_and_the_others_stay_open()
    {
        var shop = await relay.ShopAsync();
        using var first = await SocketClient.ReadyAsync(relay.SocketAddress, shop.Key);
        using var second = await SocketClient.ReadyAsync(relay.SocketAddress, shop.Key);
        using var third = await SocketClient.ConnectAsync(relay.SocketAddress);

        await third.SendAsync(new { type = "authenticate", apiKey = shop.Key });

        Assert.Equal(4429, await third.CloseCodeAsync());
        Assert.Equal("pong", (await first.AskAsync(new { type = "ping" })).Text("type"));

        second.Dispose();
        await UntilAsync(async () =>
            await relay.ScalarAsync<int?>("SELECT sockets FROM connected_sockets WHERE shop_id = @Id", shop) == 1);
        using var fourth = await SocketClient.ReadyAsync(relay.SocketAddress, shop.Key);
    }

    [Fact]
    public async Task Sockets_of_a_revoked_key_are_closed_with_4401()
    {
        var shop = await relay.ShopAsync();
        using var revoked = await SocketClient.ReadyAsync(relay.SocketAddress, shop.Key);
        using var other = await SocketClient.ReadyAsync(relay.SocketAddress, await relay.KeyAsync(shop.Id));
        await relay.ExecuteAsync(
            "UPDATE api_keys SET revoked_at = now() WHERE id = (SELECT id FROM api_keys WHERE shop_id = @Id ORDER BY created_at LIMIT 1)", shop);

        Assert.Equal(4401, await revoked.CloseCodeAsync());
        Assert.Equal("pong", (await other.AskAsync(new { type = "ping" })).Text("type"));
    }

    [Fact]
    public async Task A_stopping_replica_closes_its_sockets_with_1001()
    {
        var shop = await relay.ShopAsync();
        await using var replica = relay.StartHost<SocketOptions>();
        var address = new UriBuilder(replica.Address) { Scheme = "ws", Path = "/ws" }.Uri;
        using var authenticated = await SocketClient.ReadyAsync(address, shop.Key);
        using var unauthenticated = await SocketClient.ConnectAsync(address);

        var stopping = replica.DisposeAsync();

        var codes = await Task.WhenAll(authenticated.CloseCodeAsync(), unauthenticated.CloseCodeAsync());
        Assert.Equal([1001, 1001], codes);
        await stopping.AsTask().WaitAsync(TimeSpan.FromSeconds(20), Token);
    }

    [Fact]
    public async Task A_peer_that_answers_no_pings_is_dropped()
    {
        var shop = await relay.ShopAsync();
        using var peer = new TcpClient();
        await peer.ConnectAsync(relay.SocketAddress.Host, relay.SocketAddress.Port, Token);
        await using var stream = peer.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"GET /ws HTTP/1.1\r\nHost: {relay.SocketAddress.Authority}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"), Token);
        await stream.WriteAsync(TextFrame($$"""{"type":"authenticate","apiKey":"{{shop.Key}}"}"""), Token);
        await UntilAsync(async () => await IsConnectedAsync(shop));

        // Reads, but never writes a pong.
        using var limit = Bounded();
        var buffer = new byte[4096];
        try
        {
            while (await stream.ReadAsync(buffer, limit.Token) > 0)
            {
            }
        }
        catch (IOException)
        {
            // The server dropped the connection with a reset.
        }

        await UntilAsync(async () => !await IsConnectedAsync(shop));
    }

    // RFC 6455, section 5.2, with a mask of zeros; up to 125 bytes.
    private static byte[] TextFrame(string text) =>
        [0x81, (byte)(0x80 | text.Length), 0, 0, 0, 0, .. Encoding.ASCII.GetBytes(text)];

    private async Task<bool> IsConnectedAsync(TestShop shop) => await SocketsAsync(shop) > 0;

    private async Task<int> SocketsAsync(TestShop shop) =>
        await relay.ScalarAsync<int?>("SELECT sum(sockets) FROM connected_sockets WHERE shop_id = @Id", shop) ?? 0;
}
