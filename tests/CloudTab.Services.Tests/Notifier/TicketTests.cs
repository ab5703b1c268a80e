using CloudTab.Notifier;

namespace CloudTab.Services.Tests;

public sealed class TicketTests(RelayFixture relay) : IClassFixture<RelayFixture>
{
    [Fact]
    public async Task A_ticket_of_any_replica_authenticates_a_socket_on_any_replica_once()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.AnnounceAsync(shop.Id);
        await relay.AnnounceAsync((await relay.ShopAsync()).Id);
        using var browser = await relay.BrowserAsync(shop.Key);
        await using var notifier = relay.StartHost<SocketOptions>();

        var ticket = await browser.TicketAsync();

        using var socket = await SocketClient.ConnectAsync(AddressOf(notifier));
        var authenticated = await socket.AskAsync(new { type = "authenticate", ticket });
        Assert.Equal(shop.Id, authenticated.GetProperty("shopkeeper").Text("id"));
        var pending = (await socket.NextAsync("pending_sessions")).GetProperty("sessions");
        Assert.Equal([given.SessionId], pending.EnumerateArray().Select(session => session.Text("sessionId")));
        Assert.Equal("session_claimed", (await socket.AskAsync(new { type = "claim_session", sessionId = given.PickupCode })).Text("type"));

        await IsRefusedAsync(relay.SocketAddress, ticket);
        await IsRefusedAsync(AddressOf(notifier), ticket);
    }

    [Fact]
    public async Task Of_many_sockets_with_one_ticket_at_once_one_is_authenticated()
    {
        var shop = await relay.ShopAsync();
        using var browser = await relay.BrowserAsync(shop.Key);
        await using var notifier = relay.StartHost<SocketOptions>();
        var ticket = await browser.TicketAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(async i =>
        {
            using var socket = await SocketClient.ConnectAsync(i % 2 == 0 ? relay.SocketAddress : AddressOf(notifier));
            return (await socket.AskAsync(new { type = "authenticate", ticket })).Text("type");
        }));

        Assert.Single(answers, "authenticated");
        Assert.Equal(19, answers.Count(answer => answer == "auth_failed"));
    }

    [Fact]
    public async Task A_ticket_is_good_for_thirty_seconds()
    {
        var shop = await relay.ShopAsync();
        using var browser = await relay.BrowserAsync(shop.Key);
        var (used, old) = (await browser.TicketAsync(), await browser.TicketAsync());

        relay.Clock.Advance(TimeSpan.FromSeconds(25));
        using var socket = await SocketClient.ConnectAsync(relay.SocketAddress);
        Assert.Equal("authenticated", (await socket.AskAsync(new { type = "authenticate", ticket = used })).Text("type"));

        relay.Clock.Advance(TimeSpan.FromSeconds(5));
        await IsRefusedAsync(relay.SocketAddress, old);
    }

    [Theory]
    [InlineData("")]
    [InlineData("not a ticket")]
    public async Task What_is_no_ticket_is_refused_though_a_key_is_sent_too(string ticket)
    {
        var shop = await relay.ShopAsync();
        using var socket = await SocketClient.ConnectAsync(relay.SocketAddress);

        var answer = await socket.AskAsync(new { type = "authenticate", ticket, apiKey = shop.Key });

        Assert.Equal("auth_failed", answer.Text("type"));
        Assert.Equal(4401, await socket.CloseCodeAsync());
    }

    [Theory]
    [InlineData("UPDATE api_keys SET revoked_at = now() WHERE shop_id = @Id")]
    [InlineData("UPDATE shops SET suspended_at = now() WHERE id = @Id")]
    [InlineData("DELETE FROM sign_ins WHERE key_id = (SELECT id FROM api_keys WHERE shop_id = @Id)")]
    public async Task A_ticket_ends_with_its_key_its_shop_and_its_sign_in(string sql)
    {
        var shop = await relay.ShopAsync();
        using var browser = await relay.BrowserAsync(shop.Key);
        var ticket = await browser.TicketAsync();

        await relay.ExecuteAsync(sql, shop);

        await IsRefusedAsync(relay.SocketAddress, ticket);
    }

    [Fact]
    public async Task Signing_out_closes_the_browser_s_sockets_with_4401_and_no_other()
    {
        var shop = await relay.ShopAsync();
        using var browser = await relay.BrowserAsync(shop.Key);
        using var other = await relay.BrowserAsync(shop.Key);
        using var mine = await AuthenticatedAsync(browser);
        using var others = await AuthenticatedAsync(other);
        using var program = await SocketClient.ReadyAsync(relay.SocketAddress, shop.Key);

        using var answer = await browser.PostAsync("/shop/sign-out");

        Assert.Equal(4401, await mine.CloseCodeAsync());
        foreach (var open in (SocketClient[])[others, program])
            Assert.Equal("pong", (await open.AskAsync(new { type = "ping" })).Text("type"));
    }

    private async Task<SocketClient> AuthenticatedAsync(HttpClient browser)
    {
        var socket = await SocketClient.ConnectAsync(relay.SocketAddress);
        Assert.Equal("authenticated", (await socket.AskAsync(new { type = "authenticate", ticket = await browser.TicketAsync() })).Text("type"));
        Assert.Equal("pending_sessions", (await socket.NextAsync()).Text("type"));
        return socket;
    }

    private static Uri AddressOf(ServiceHost<SocketOptions> notifier) => new UriBuilder(notifier.Address) { Scheme = "ws", Path = "/ws" }.Uri;

    private static async Task IsRefusedAsync(Uri address, string ticket)
    {
        using var socket = await SocketClient.ConnectAsync(address);
        Assert.Equal("auth_failed", (await socket.AskAsync(new { type = "authenticate", ticket })).Text("type"));
        Assert.Equal(4401, await socket.CloseCodeAsync());
    }
}
