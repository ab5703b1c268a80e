using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using CloudTab.Notifier;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace CloudTab.Services.Tests;

/// <summary>Limits that a test reaches quickly.</summary>
public sealed class TightLimits(Dependencies dependencies) : RelayFixture(dependencies)
{
    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["AUTHENTICATION_TIMEOUT"] = "1000",
        ["MAX_SOCKETS_PER_SHOP"] = "2",
        ["MAX_SOCKETS_PER_ADDRESS"] = "3",
        ["ALLOWED_ORIGINS"] = "https://shop.example",
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
        var shop = await relay.ShopAsync();
        using var client = await SocketClient.ReadyAsync(relay.SocketAddress, shop.Key);
        await client.SendTextAsync(Ping.PadRight(64 * 1024));
        Assert.Equal("pong", (await client.NextAsync()).Text("type"));

        await client.SendTextAsync(Ping.PadRight((64 * 1024) + 1));

        Assert.Equal(1009, await client.CloseCodeAsync());
    }

    [Fact]
    public async Task Before_authentication_a_message_has_1_KiB_at_most()
    {
        using var client = await SocketClient.ConnectAsync(relay.SocketAddress);
        await client.SendTextAsync(Ping.PadRight(1024));
        Assert.Equal("pong", (await client.NextAsync()).Text("type"));

        await client.SendTextAsync(Ping.PadRight(1025));

        Assert.Equal(1009, await client.CloseCodeAsync());
    }

    [Fact]
    public async Task A_fragmented_message_over_the_limit_closes_the_socket_with_1009()
    {
        var shop = await relay.ShopAsync();
        using var client = await SocketClient.ReadyAsync(relay.SocketAddress, shop.Key);
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

    [Theory]
    [InlineData(0x00)] // empty fragments of a message
    [InlineData(0x89)] // pings
    public async Task More_than_20_frames_a_second_close_the_socket_with_4429_empty_ones_and_pings_too(byte first)
    {
        using var peer = new TcpClient();
        await using var stream = await UpgradeAsync(peer);
        if (first == 0x00)
            await stream.WriteAsync((byte[])[0x01, 0x80, 0, 0, 0, 0], Token);
        for (var i = 0; i < 30; i++)
            await stream.WriteAsync((byte[])[first, 0x80, 0, 0, 0, 0], Token);

        using var limit = Bounded();
        var received = new List<byte>();
        var buffer = new byte[4096];
        while (!HasCloseFrame(received))
        {
            var count = await stream.ReadAsync(buffer, limit.Token);
            Assert.NotEqual(0, count);
            received.AddRange(buffer[..count]);
        }

        static bool HasCloseFrame(List<byte> bytes)
        {
            var text = bytes.IndexOf(0x88);
            return text >= 0 && bytes.Count >= text + 4 && ((bytes[text + 2] << 8) | bytes[text + 3]) == 4429;
        }
    }

    [Fact]
    public async Task A_message_in_many_parts_of_the_network_is_one_frame()
    {
        using var peer = new TcpClient { NoDelay = true };
        await using var stream = await UpgradeAsync(peer);
        foreach (var part in TextFrame(Ping.PadRight(100)).Chunk(2))
            await stream.WriteAsync(part, Token);

        using var limit = Bounded();
        var answer = new byte[2 + """{"type":"pong"}""".Length];
        await stream.ReadExactlyAsync(answer, limit.Token);
        Assert.Equal(0x81, answer[0]);
    }

    [Fact]
    public async Task A_pending_list_that_is_asked_for_while_one_waits_is_not_queued_again()
    {
        var shop = await relay.ShopAsync();
        using var handler = new SocketsHttpHandler { ConnectCallback = SocketSlowReaderTests.ConnectWithSmallBufferAsync };
        using var invoker = new HttpMessageInvoker(handler, disposeHandler: false);
        using var client = await SocketClient.AuthenticatedAsync(relay.SocketAddress, shop.Key, invoker);
        var socket = await StalledAsync(shop);
        await client.SendAsync(new { type = "get_pending" });
        await UntilAsync(() => socket.HasPendingList);
        var waiting = socket.Waiting;

        for (var i = 0; i < 8; i++)
            await client.SendAsync(new { type = "get_pending" });
        await client.SendAsync(new { type = "ping" });

        await UntilAsync(() => socket.Waiting != waiting);
        Assert.Equal(waiting + """{"type":"pong"}""".Length, socket.Waiting);
    }

    [Fact]
    public async Task A_pending_list_leaves_room_for_what_comes_behind_it_however_much_its_sessions_say()
    {
        var shop = await relay.ShopAsync();
        for (var i = 0; i < 20; i++)
            await relay.AnnounceAsync(shop.Id);
        await relay.AddManyFilesAsync(shop.Id);
        using var handler = new SocketsHttpHandler { ConnectCallback = SocketSlowReaderTests.ConnectWithSmallBufferAsync };
        using var invoker = new HttpMessageInvoker(handler, disposeHandler: false);
        using var client = await SocketClient.AuthenticatedAsync(relay.SocketAddress, shop.Key, invoker);
        await StalledAsync(shop);

        await client.SendAsync(new { type = "get_pending" });
        await client.SendAsync(new { type = "ping" });

        var list = await client.NextAsync("pending_sessions");
        Assert.True(list.GetProperty("more").GetBoolean());
        Assert.InRange(list.GetProperty("sessions").GetArrayLength(), 1, 19);
        Assert.InRange(list.GetRawText().Length, 256 << 10, 513 << 10);
        await client.NextAsync("pong");
    }

    [Fact]
    public async Task An_update_of_a_session_replaces_one_that_still_waits()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.AnnounceAsync(shop.Id);
        await relay.AddManyFilesAsync(shop.Id);
        using var handler = new SocketsHttpHandler { ConnectCallback = SocketSlowReaderTests.ConnectWithSmallBufferAsync };
        using var invoker = new HttpMessageInvoker(handler, disposeHandler: false);
        using var client = await SocketClient.AuthenticatedAsync(relay.SocketAddress, shop.Key, invoker);
        await StalledAsync(shop);
        using var other = await SocketClient.AuthenticatedAsync(relay.SocketAddress, shop.Key);

        await relay.ExecuteAsync(
            """
            INSERT INTO events (shop_id, session, type, status, file_count, total_size, created_at)
            SELECT @shop, @session, 'session_updated', 'pending', n, 1, now() FROM generate_series(1, 50) AS n
            """,
            new { shop = shop.Id, session = given.Id });

        // Nothing is read until all have been announced: from a socket that moves again each may be sent.
        while ((await other.NextAsync("session_updated")).GetProperty("fileCount").GetInt32() < 50)
        {
        }

        Assert.InRange((await client.NextAsync("session_updated")).GetProperty("fileCount").GetInt32(), 1, 50);
        var updates = 1;
        while ((await client.AskAsync(new { type = "ping" })).Text("type") != "pong")
            updates++;
        Assert.InRange(updates, 1, 3);
    }

    [Fact]
    public async Task If_too_much_waits_in_all_the_slowest_sockets_are_closed_one_after_the_other_and_the_others_are_served()
    {
        var (shop, other) = (await relay.ShopAsync(), await relay.ShopAsync());
        using var handler = new SocketsHttpHandler { ConnectCallback = SocketSlowReaderTests.ConnectWithSmallBufferAsync };
        using var invoker = new HttpMessageInvoker(handler, disposeHandler: false);
        using var first = await SocketClient.AuthenticatedAsync(relay.SocketAddress, shop.Key, invoker);
        await StalledAsync(shop);
        using var second = await SocketClient.AuthenticatedAsync(relay.SocketAddress, other.Key, invoker, ("X-Forwarded-For", "192.0.2.2"));
        await StalledAsync(other);
        using var quick = await SocketClient.ReadyAsync(relay.SocketAddress, shop.Key);
        var services = relay.Host<SocketOptions>().Services;
        var sockets = services.GetRequiredService<OpenSockets>();
        var others = services.GetRequiredService<IOptions<SocketOptions>>().Value.SocketMemory - 1024;

        sockets.Reserve(others); // as their queues would
        try
        {
            for (var i = 0; i < 2; i++)
                Assert.Equal("pong", (await quick.AskAsync(new { type = "ping" })).Text("type"));
            var codes = await Task.WhenAll(first.CloseCodeAsync(), second.CloseCodeAsync());
            Assert.Equal([4409, 4409], codes);
        }
        finally
        {
            sockets.Settle(others);
        }
    }

    [Fact]
    public async Task A_socket_too_many_of_one_address_is_closed_with_4429_and_another_address_connects()
    {
        (string, string)[] here = [("X-Forwarded-For", "2001:db8:0:1::1")];
        (string, string)[] neighbour = [("X-Forwarded-For", "2001:db8:0:1::2")]; // of the same /64
        (string, string)[] elsewhere = [("X-Forwarded-For", "2001:db8:0:2::1")];
        using var first = await SocketClient.ConnectAsync(relay.SocketAddress, null, here);
        using var second = await SocketClient.ConnectAsync(relay.SocketAddress, null, neighbour);
        using var third = await SocketClient.ConnectAsync(relay.SocketAddress, null, here);

        using var refused = await SocketClient.ConnectAsync(relay.SocketAddress, null, here);
        Assert.Equal(4429, await refused.CloseCodeAsync());
        using var other = await SocketClient.ConnectAsync(relay.SocketAddress, null, elsewhere);
        Assert.Equal("pong", (await other.AskAsync(new { type = "ping" })).Text("type"));

        first.Dispose();
        await UntilAsync(async () =>
        {
            using var again = await SocketClient.ConnectAsync(relay.SocketAddress, null, here);
            await again.SendAsync(new { type = "ping" });
            return await again.TryNextAsync() is not null;
        });
    }

    [Fact]
    public async Task One_socket_too_many_of_all_is_closed_with_4429()
    {
        await using var replica = relay.StartHost<SocketOptions>(("MAX_SOCKETS", "1"));
        var address = new UriBuilder(replica.Address) { Scheme = "ws", Path = "/ws" }.Uri;
        using var first = await SocketClient.ConnectAsync(address);

        using var second = await SocketClient.ConnectAsync(address, null, ("X-Forwarded-For", "192.0.2.1"));

        Assert.Equal(4429, await second.CloseCodeAsync());
        Assert.Equal("pong", (await first.AskAsync(new { type = "ping" })).Text("type"));
    }

    [Theory]
    [InlineData("https://shop.example", true)]
    [InlineData("http://relay.example", true)]
    [InlineData("https://relay.example", true)] // TLS ends at a proxy
    [InlineData("http://relay.example:8080", false)]
    [InlineData("https://evil.example", false)]
    [InlineData("https://shop.example.evil.example", false)]
    [InlineData("null", false)]
    [InlineData("", false)]
    public async Task A_page_of_another_origin_gets_no_socket(string origin, bool connects)
    {
        using var client = relay.Host<SocketOptions>().Client();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/ws");
        request.Headers.Host = "relay.example";
        request.Headers.TryAddWithoutValidation("Connection", "Upgrade");
        request.Headers.TryAddWithoutValidation("Upgrade", "websocket");
        request.Headers.TryAddWithoutValidation("Sec-WebSocket-Version", "13");
        request.Headers.TryAddWithoutValidation("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
        request.Headers.TryAddWithoutValidation("Origin", origin);

        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Token);

        if (connects)
            Assert.Equal(HttpStatusCode.SwitchingProtocols, response.StatusCode);
        else
            await response.IsProblemAsync(HttpStatusCode.Forbidden, "origin_not_allowed");
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

        // It is written now and then: one may be what was before the second.
        await UntilAsync(() => AreCountedAsync(2));
        second.Dispose();
        await UntilAsync(() => AreCountedAsync(1));
        using var fourth = await SocketClient.ReadyAsync(relay.SocketAddress, shop.Key);

        async Task<bool> AreCountedAsync(int sockets) => await relay.ScalarAsync<int?>("SELECT sockets FROM connected_sockets WHERE shop_id = @Id", shop) == sockets;
    }

    [Theory]
    [InlineData("UPDATE api_keys SET revoked_at = now() WHERE id = (SELECT id FROM api_keys WHERE shop_id = @Id ORDER BY created_at LIMIT 1)", false)]
    [InlineData("UPDATE shops SET suspended_at = now() WHERE id = @Id", true)]
    public async Task Sockets_of_a_revoked_key_or_a_suspended_shop_are_closed_with_4401_within_a_second(string sql, bool otherToo)
    {
        var shop = await relay.ShopAsync();
        var elsewhere = await relay.ShopAsync();
        using var revoked = await SocketClient.ReadyAsync(relay.SocketAddress, shop.Key);
        using var other = await SocketClient.ReadyAsync(relay.SocketAddress, otherToo ? elsewhere.Key : await relay.KeyAsync(shop.Id));
        var began = TimeProvider.System.GetTimestamp();
        await relay.ExecuteAsync(sql, shop);

        Assert.Equal(4401, await revoked.CloseCodeAsync());
        Assert.InRange(TimeProvider.System.GetElapsedTime(began), TimeSpan.Zero, TimeSpan.FromSeconds(5)); // one second, on a machine that is not busy
        Assert.Equal("pong", (await other.AskAsync(new { type = "ping" })).Text("type"));
    }

    /// <param name="isGoingAway">Whether it closes already, because its replica stops.</param>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_revoked_key_s_socket_whose_peer_does_not_read_is_sent_nothing_more_and_ends_long_before_the_limit_of_a_close(bool isGoingAway)
    {
        var shop = await relay.ShopAsync();
        using var handler = new SocketsHttpHandler { ConnectCallback = SocketSlowReaderTests.ConnectWithSmallBufferAsync };
        using var invoker = new HttpMessageInvoker(handler, disposeHandler: false);
        using var client = await SocketClient.AuthenticatedAsync(relay.SocketAddress, shop.Key, invoker);
        var socket = await StalledAsync(shop);
        // The network may take a little more, and with it the rest of what is under way. It does not take these.
        foreach (var answer in (Outgoing[])[Filler, Filler, new Pong()])
            socket.Send(answer);
        if (isGoingAway)
            socket.Close(CloseReason.GoingAway);

        var began = TimeProvider.System.GetTimestamp();
        await relay.ExecuteAsync("UPDATE api_keys SET revoked_at = now() WHERE shop_id = @Id", shop);
        var directory = relay.Host<SocketOptions>().Services.GetRequiredService<ShopDirectory>();
        await UntilAsync(() => directory.SocketsOf(shop.Id).IsEmpty);

        Assert.InRange(TimeProvider.System.GetElapsedTime(began), TimeSpan.Zero, TimeSpan.FromSeconds(4)); // one second, on a machine that is not busy
        var told = new List<string?>();
        await Assert.ThrowsAsync<WebSocketException>(async () =>
        {
            while (true)
                told.Add((await client.NextAsync()).Text("type"));
        });
        Assert.DoesNotContain("pong", told);
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
        await using var stream = await UpgradeAsync(peer);
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

    /// <summary>The only socket of a shop, whose peer does not read, after the network has taken all that it can: from then on something waits.</summary>
    private async Task<ShopSocket> StalledAsync(TestShop shop)
    {
        var socket = Assert.Single(relay.Host<SocketOptions>().Services.GetRequiredService<ShopDirectory>().SocketsOf(shop.Id));
        var polls = 0;
        await UntilAsync(() =>
        {
            if (socket.Waiting == 0)
            {
                socket.Send(Filler);
                polls = 0;
            }

            return ++polls == 10;
        });
        return socket;
    }

    private static readonly AuthFailed Filler = new(new string('x', 256 * 1024));

    private const string Ping = """{"type":"ping"}""";

    /// <summary>A socket byte by byte: the answer to the upgrade has been read.</summary>
    private async Task<NetworkStream> UpgradeAsync(TcpClient peer)
    {
        await peer.ConnectAsync(relay.SocketAddress.Host, relay.SocketAddress.Port, Token);
        var stream = peer.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"GET /ws HTTP/1.1\r\nHost: {relay.SocketAddress.Authority}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"), Token);
        var head = new StringBuilder();
        var next = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            await stream.ReadExactlyAsync(next, Token);
            head.Append((char)next[0]);
        }

        return stream;
    }

    // RFC 6455, section 5.2, with a mask of zeros; up to 125 bytes.
    private static byte[] TextFrame(string text) =>
        [0x81, (byte)(0x80 | text.Length), 0, 0, 0, 0, .. Encoding.ASCII.GetBytes(text)];

    private async Task<bool> IsConnectedAsync(TestShop shop) => await SocketsAsync(shop) > 0;

    private async Task<int> SocketsAsync(TestShop shop) =>
        await relay.ScalarAsync<int?>("SELECT sum(sockets) FROM connected_sockets WHERE shop_id = @Id", shop) ?? 0;
}
