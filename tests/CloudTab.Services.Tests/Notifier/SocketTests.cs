using System.Net;
using System.Net.WebSockets;
using System.Text.Json;
using CloudTab.Notifier;
using CloudTab.Relay;
using Microsoft.Extensions.DependencyInjection;

namespace CloudTab.Services.Tests;

public sealed class SocketTests(RelayFixture relay) : IClassFixture<RelayFixture>
{
    [Fact]
    public async Task Authenticating_returns_the_shop_and_its_pending_sessions()
    {
        var shop = await relay.ShopAsync(name: "Corner Print");
        var given = await relay.AnnounceAsync(shop.Id, "आशा");
        using var client = await SocketClient.ConnectAsync(relay.SocketAddress);

        var authenticated = await client.AskAsync(new { type = "authenticate", apiKey = shop.Key });
        var pending = await client.NextAsync();

        Assert.Equal(["type", "shopkeeper"], authenticated.Fields());
        Assert.Equal("authenticated", authenticated.Text("type"));
        Assert.Equal(shop.Id, authenticated.GetProperty("shopkeeper").Text("id"));
        Assert.Equal("Corner Print", authenticated.GetProperty("shopkeeper").Text("name"));
        Assert.Equal(["type", "sessions"], pending.Fields());
        Assert.Equal("pending_sessions", pending.Text("type"));
        var session = Assert.Single(pending.GetProperty("sessions").EnumerateArray());
        Assert.Equal(
            ["sessionId", "pickupCode", "customerName", "fileCount", "totalSize", "createdAt", "submittedAt", "expiresAt", "token", "printing", "pages", "uncountedFiles", "paidAt", "paidAmount", "printOptions", "price"], session.Fields());
        Assert.Equal(given.SessionId, session.Text("sessionId"));
        Assert.Equal("आशा", session.Text("customerName"));
    }

    [Fact]
    public async Task A_pending_list_cut_off_at_100_sessions_says_that_there_are_more()
    {
        var shop = await relay.ShopAsync();
        for (var i = 0; i < 100; i++)
            await relay.AnnounceAsync(shop.Id);
        using var client = await SocketClient.AuthenticatedAsync(relay.SocketAddress, shop.Key);
        var all = await client.NextAsync();
        Assert.Equal(100, all.GetProperty("sessions").GetArrayLength());
        Assert.False(all.TryGetProperty("more", out _));
        await relay.AnnounceAsync(shop.Id);

        await client.SendAsync(new { type = "get_pending" });

        var more = await client.NextAsync("pending_sessions");
        Assert.Equal(100, more.GetProperty("sessions").GetArrayLength());
        Assert.True(more.GetProperty("more").GetBoolean());
    }

    [Theory]
    [InlineData("""{"type":"authenticate","apiKey":"a wrong key of some length"}""")]
    [InlineData("""{"type":"authenticate","apiKey":""}""")]
    [InlineData("""{"type":"authenticate"}""")]
    public async Task A_bad_key_is_reported_and_closed_with_4401(string message)
    {
        using var client = await SocketClient.ConnectAsync(relay.SocketAddress);
        await client.SendTextAsync(message);

        var failed = await client.NextAsync();

        Assert.Equal(["type", "message"], failed.Fields());
        Assert.Equal("auth_failed", failed.Text("type"));
        Assert.Equal(4401, await client.CloseCodeAsync());
    }

    [Fact]
    public async Task Authenticating_twice_is_answered_twice()
    {
        var shop = await relay.ShopAsync();
        var other = await relay.ShopAsync();
        using var client = await SocketClient.ReadyAsync(relay.SocketAddress, shop.Key);

        var again = await client.AskAsync(new { type = "authenticate", apiKey = shop.Key });
        Assert.Equal(shop.Id, again.GetProperty("shopkeeper").Text("id"));
        Assert.Equal("pending_sessions", (await client.NextAsync()).Text("type"));

        var asOther = await client.AskAsync(new { type = "authenticate", apiKey = other.Key });
        Assert.Equal(other.Id, asOther.GetProperty("shopkeeper").Text("id"));
        Assert.Equal("pending_sessions", (await client.NextAsync()).Text("type"));
        await relay.AnnounceAsync(shop.Id);
        var received = await relay.AnnounceAsync(other.Id);
        Assert.Equal(received.SessionId, (await client.NextAsync()).Text("sessionId"));
    }

    [Theory]
    [InlineData("""{"type":"get_pending"}""")]
    [InlineData("""{"type":"claim_session","sessionId":"ABC234"}""")]
    [InlineData("""{"type":"complete_session","sessionId":"ABC234"}""")]
    [InlineData("""{"type":"whatever"}""")]
    public async Task Before_authentication_only_a_ping_is_answered(string message)
    {
        using var client = await SocketClient.ConnectAsync(relay.SocketAddress);
        Assert.Equal("""{"type":"pong"}""", (await client.AskAsync(new { type = "ping" })).GetRawText());
        await client.SendTextAsync(message);

        AssertError(await client.NextAsync(), "not_authenticated", "Not authenticated");
    }

    [Theory]
    [InlineData("""{"type":"whatever"}""", "unknown_type", "Unknown message type")]
    [InlineData("""{}""", "unknown_type", "Unknown message type")]
    [InlineData("", "invalid_message", "Invalid message format")]
    [InlineData("hello", "invalid_message", "Invalid message format")]
    [InlineData("null", "invalid_message", "Invalid message format")]
    [InlineData("[]", "invalid_message", "Invalid message format")]
    [InlineData("""{"type":7}""", "invalid_message", "Invalid message format")]
    [InlineData("""{"type":"ping"} {}""", "invalid_message", "Invalid message format")]
    [InlineData("""{"type":"claim_session"}""", "session_not_found", "Failed to claim session")]
    [InlineData("""{"type":"complete_session","sessionId":null}""", "session_not_found", "Failed to complete session")]
    public async Task An_unreadable_message_is_an_error_and_the_socket_stays_open(string text, string code, string message)
    {
        var shop = await relay.ShopAsync();
        using var client = await SocketClient.ReadyAsync(relay.SocketAddress, shop.Key);
        await client.SendTextAsync(text);

        AssertError(await client.NextAsync(), code, message);
        Assert.Equal("pong", (await client.AskAsync(new { type = "ping" })).Text("type"));
    }

    [Fact]
    public async Task A_binary_message_is_an_error()
    {
        using var client = await SocketClient.ConnectAsync(relay.SocketAddress);
        await client.SendTextAsync("""{"type":"ping"}""", WebSocketMessageType.Binary);

        AssertError(await client.NextAsync(), "invalid_message", "Invalid message format");
    }

    [Fact]
    public async Task A_fragmented_message_is_one_message()
    {
        using var client = await SocketClient.ConnectAsync(relay.SocketAddress);
        await client.SendTextAsync("""{"type":""", endOfMessage: false);
        await client.SendTextAsync("", endOfMessage: false);
        await client.SendTextAsync("\"ping\"}", endOfMessage: true);

        Assert.Equal("pong", (await client.NextAsync()).Text("type"));
    }

    [Fact]
    public async Task All_sockets_of_the_shop_are_notified_of_a_session_and_no_other_shop_s()
    {
        var shop = await relay.ShopAsync();
        var other = await relay.ShopAsync();
        using var first = await SocketClient.ReadyAsync(relay.SocketAddress, shop.Key);
        using var second = await SocketClient.ReadyAsync(relay.SocketAddress, await relay.KeyAsync(shop.Id));
        using var stranger = await SocketClient.ReadyAsync(relay.SocketAddress, other.Key);

        var given = await relay.AnnounceAsync(shop.Id, "Asha");

        var received = await first.NextAsync();
        Assert.Equal(
            ["type", "eventId", "sessionId", "pickupCode", "token", "customerName", "fileCount", "totalSize", "files", "timestamp", "submittedAt", "pages", "uncountedFiles", "price", "paidAt", "paidAmount"], received.Fields());
        Assert.Equal("new_session", received.Text("type"));
        Assert.Equal(given.SessionId, received.Text("sessionId"));
        Assert.Equal(given.PickupCode, received.Text("pickupCode"));
        Assert.Equal("Asha", received.Text("customerName"));
        Assert.Equal(1, received.GetProperty("fileCount").GetInt32());
        Assert.Equal(1, received.GetProperty("totalSize").GetInt64());
        Assert.Equal(received.GetRawText(), (await second.NextAsync()).GetRawText());
        await AssertRefusedAsync(stranger, new { type = "claim_session", sessionId = given.SessionId }, "session_not_found", "Failed to claim session");

        // The other shop's first message is its own session.
        var own = await relay.AnnounceAsync(other.Id);
        Assert.Equal(own.SessionId, (await stranger.NextAsync()).Text("sessionId"));
    }

    [Fact]
    public async Task Claiming_and_completing_work_over_the_socket_as_over_HTTP()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.SubmitAsync(shop.Id);
        using var client = await SocketClient.ReadyAsync(relay.SocketAddress, shop.Key);
        using var other = await SocketClient.ReadyAsync(relay.SocketAddress, await relay.KeyAsync(shop.Id));

        await AssertRefusedAsync(client, new { type = "complete_session", sessionId = given.SessionId }, "not_claimed", "Failed to complete session");

        await client.SendAsync(new { type = "claim_session", sessionId = given.PickupCode.ToLowerInvariant() });
        var claimed = (await client.NextAsync("session_claimed")).GetProperty("session");
        Assert.Equal(given.SessionId, claimed.Text("sessionId"));
        Assert.Equal("processing", claimed.Text("status"));
        Assert.Equal("Front desk", claimed.Text("claimedBy"));
        Assert.Equal(given.Files[0], claimed.GetProperty("files")[0].GetProperty("id").GetGuid());
        await AssertUpdateAsync(other, given, "processing");

        await AssertRefusedAsync(other, new { type = "claim_session", sessionId = given.SessionId }, "already_claimed", "Failed to claim session");
        await AssertRefusedAsync(other, new { type = "complete_session", sessionId = given.SessionId }, "already_claimed", "Failed to complete session");

        await client.SendAsync(new { type = "complete_session", sessionId = given.PickupCode });
        var completed = await client.NextAsync("session_completed");
        Assert.Equal(["type", "sessionId"], completed.Fields());
        Assert.Equal(given.SessionId, completed.Text("sessionId"));
        await AssertUpdateAsync(other, given, "completed");
        Assert.Equal("completed", await relay.ScalarAsync<string>("SELECT status FROM sessions WHERE id = @Id", given));
        Assert.DoesNotContain(await relay.ObjectsAsync(), key => key.EndsWith(given.Files[0].ToString(), StringComparison.Ordinal));

        await AssertRefusedAsync(other, new { type = "claim_session", sessionId = given.SessionId }, "session_closed", "Failed to claim session");
    }

    [Fact]
    public async Task Every_change_of_a_session_is_sent()
    {
        var shop = await relay.ShopAsync();
        using var client = await SocketClient.ReadyAsync(relay.SocketAddress, shop.Key);
        using var http = relay.ShopApi(shop.Key);
        var given = await relay.AnnounceAsync(shop.Id);
        await client.NextAsync("new_session");

        await http.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/claim");
        await AssertUpdateAsync(client, given, "processing");
        await http.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/release");
        await AssertUpdateAsync(client, given, "pending");
        await relay.Service<Relay.Sessions>().CancelAsync(shop.Id, given.SessionId, Token);
        await AssertUpdateAsync(client, given, "cancelled");

        var late = await relay.AnnounceAsync(shop.Id);
        await client.NextAsync("new_session");
        await relay.ExecuteAsync("UPDATE sessions SET expires_at = now() - interval '1 s' WHERE id = @Id", late);
        await relay.Service<Expiry>().ExpireSessionsAsync(100, Token);
        await AssertUpdateAsync(client, late, "expired");
    }

    [Fact]
    public async Task Connected_sockets_are_counted_on_every_replica_at_once()
    {
        var shop = await relay.ShopAsync();
        await using (var replica = relay.StartHost<SocketOptions>())
        {
            var address = new UriBuilder(replica.Address) { Scheme = "ws", Path = "/ws" }.Uri;
            using var unauthenticated = await SocketClient.ConnectAsync(address);
            using var here = await SocketClient.ReadyAsync(relay.SocketAddress, shop.Key);
            using var there = await SocketClient.ReadyAsync(address, shop.Key);
            await UntilAsync(async () => await ConnectedAsync() == await ElsewhereAsync() + 2);
            Assert.True((await relay.Service<Shops>().FindAsync(shop.Id, Token))!.Connected);
        }

        await UntilAsync(async () => await ConnectedAsync() == await ElsewhereAsync());
        Assert.False((await relay.Service<Shops>().FindAsync(shop.Id, Token))!.Connected);
        Assert.Equal(0, await relay.ScalarAsync<int>("SELECT count(*) FROM connected_sockets WHERE shop_id = @Id", shop));

        // Sockets of an earlier test may still be on their way out.
        Task<long> ElsewhereAsync() => relay.ScalarAsync<long>(
            "SELECT coalesce(sum(sockets), 0) FROM connected_sockets WHERE shop_id <> @Id AND seen_at > now() - interval '15 s'", shop);
    }

    [Fact]
    public async Task Sockets_of_a_revoked_key_are_closed_on_every_replica()
    {
        var shop = await relay.ShopAsync();
        await using var replica = relay.StartHost<SocketOptions>();
        using var here = await SocketClient.ReadyAsync(relay.SocketAddress, shop.Key);
        using var there = await SocketClient.ReadyAsync(new UriBuilder(replica.Address) { Scheme = "ws", Path = "/ws" }.Uri, shop.Key);

        await relay.ExecuteAsync("UPDATE api_keys SET revoked_at = now() WHERE shop_id = @Id", shop);

        Assert.Equal(4401, await here.CloseCodeAsync());
        Assert.Equal(4401, await there.CloseCodeAsync());
    }

    [Fact]
    public async Task A_peer_that_does_not_answer_the_close_is_cut_off_long_before_it_has_missed_its_pings()
    {
        await using var replica = relay.StartHost<SocketOptions>();
        var sockets = replica.Services.GetRequiredService<OpenSockets>();
        using var client = await SocketClient.ConnectAsync(new UriBuilder(replica.Address) { Scheme = "ws", Path = "/ws" }.Uri);
        await UntilAsync(() => sockets.Count == 1);

        await client.SendAsync(new { type = "authenticate", apiKey = ApiKeys.Create() });

        await UntilAsync(() => sockets.Count == 0);
    }

    [Fact]
    public async Task A_request_that_is_not_a_WebSocket_is_asked_to_upgrade()
    {
        using var client = relay.Host<SocketOptions>().Client();

        using var response = await client.GetAsync("/ws", Token);

        Assert.Equal(HttpStatusCode.UpgradeRequired, response.StatusCode);
        Assert.Equal("websocket", response.Headers.Upgrade.Single().Name);
    }

    private static void AssertError(JsonElement answer, string code, string message)
    {
        Assert.Equal(["type", "code", "message"], answer.Fields());
        Assert.Equal("error", answer.Text("type"));
        Assert.Equal(code, answer.Text("code"));
        Assert.Equal(message, answer.Text("message"));
    }

    // Events may come before the answer, even older ones than the socket: delivery is at least once.
    private static async Task AssertRefusedAsync(SocketClient client, object message, string code, string text)
    {
        await client.SendAsync(message);
        AssertError(await client.NextAsync("error"), code, text);
    }

    private static async Task AssertUpdateAsync(SocketClient client, GivenSession session, string status)
    {
        var update = await client.NextAsync("session_updated");
        Assert.Equal(["type", "eventId", "sessionId", "status", "fileCount", "totalSize", "files", "timestamp", "pages", "uncountedFiles", "price", "paidAt", "paidAmount"], update.Fields());
        Assert.Equal(session.SessionId, update.Text("sessionId"));
        Assert.Equal(status, update.Text("status"));
    }

    private async Task<long> ConnectedAsync()
    {
        using var client = relay.Host<SocketOptions>().Client();
        using var response = await client.GetAsync("/presence", Token);
        return (await response.JsonAsync()).GetProperty("connectedShopkeepers").GetInt64();
    }
}
