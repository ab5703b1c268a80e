using System.Net;

namespace CloudTab.Services.Tests;

public sealed class PendingTests(RelayFixture relay) : IClassFixture<RelayFixture>
{
    private const string Address = "/api/shopkeeper/sessions/pending";

    [Fact]
    public async Task The_list_has_the_sessions_of_the_shop_newest_first()
    {
        var shop = await relay.ShopAsync();
        var other = await relay.ShopAsync();
        var first = await relay.SubmitAsync(shop.Id, "आशा 😀", new GivenFile(), new GivenFile("b.txt", [1, 2, 3], "text/plain"));
        var second = await relay.SubmitAsync(shop.Id, customer: null);
        await relay.SubmitAsync(other.Id);
        using var client = relay.ShopApi(shop.Key);

        using var response = await client.GetAsync(Address, Token);

        Assert.Equal(200, (int)response.StatusCode);
        var page = await response.JsonAsync();
        Assert.Equal(["success", "count", "sessions"], page.Fields());
        Assert.True(page.GetProperty("success").GetBoolean());
        Assert.Equal(2, page.GetProperty("count").GetInt32());
        Assert.Equal([second.SessionId, first.SessionId], page.GetProperty("sessions").EnumerateArray().Select(session => session.Text("sessionId")));
        var older = page.GetProperty("sessions")[1];
        Assert.Equal(
            ["sessionId", "pickupCode", "customerName", "fileCount", "totalSize", "createdAt", "submittedAt", "expiresAt", "token", "printing", "pages", "uncountedFiles", "paidAt", "paidAmount", "printOptions", "price"], older.Fields());
        Assert.Equal(first.PickupCode, older.Text("pickupCode"));
        Assert.Equal("आशा 😀", older.Text("customerName"));
        Assert.Equal(2, older.GetProperty("fileCount").GetInt32());
        Assert.Equal(new GivenFile().Content.Length + 3, older.GetProperty("totalSize").GetInt64());
        Assert.Equal(
            older.GetProperty("createdAt").GetDateTime().AddMinutes(30), older.GetProperty("expiresAt").GetDateTime(), TimeSpan.FromSeconds(20));
        Assert.Null(page.GetProperty("sessions")[0].Text("customerName"));
    }

    [Fact]
    public async Task Only_pending_sessions_are_listed()
    {
        var shop = await relay.ShopAsync();
        await relay.OpenSessionAsync(shop.Id);
        var claimed = await relay.AnnounceAsync(shop.Id);
        var completed = await relay.AnnounceAsync(shop.Id);
        var expired = await relay.AnnounceAsync(shop.Id);
        var pending = await relay.AnnounceAsync(shop.Id);
        await relay.ExecuteAsync("UPDATE sessions SET expires_at = now() - interval '1 s' WHERE id = @Id", expired);
        using var client = relay.ShopApi(shop.Key);
        await client.PostAsync($"/api/shopkeeper/sessions/{claimed.SessionId}/claim");
        await client.PostAsync($"/api/shopkeeper/sessions/{completed.SessionId}/claim");
        await client.PostAsync($"/api/shopkeeper/sessions/{completed.SessionId}/complete");

        using var response = await client.GetAsync(Address, Token);

        var page = await response.JsonAsync();
        Assert.Equal([pending.SessionId], page.GetProperty("sessions").EnumerateArray().Select(session => session.Text("sessionId")));
    }

    [Fact]
    public async Task Pages_have_no_gaps_and_no_repeats()
    {
        var shop = await relay.ShopAsync();
        var all = new List<string?>();
        for (var i = 0; i < 5; i++)
            all.Insert(0, (await relay.AnnounceAsync(shop.Id)).SessionId);
        using var client = relay.ShopApi(shop.Key);

        var seen = new List<string?>();
        var counts = new List<int>();
        for (var address = $"{Address}?limit=2"; address is not null;)
        {
            using var response = await client.GetAsync(address, Token);
            var page = await response.JsonAsync();
            seen.AddRange(page.GetProperty("sessions").EnumerateArray().Select(session => session.Text("sessionId")));
            counts.Add(page.GetProperty("count").GetInt32());
            address = page.TryGetProperty("next", out var next) ? $"{Address}?limit=2&after={next.GetString()}" : null;
            // A session submitted between two pages appears at the top, not in between.
            await relay.AnnounceAsync(shop.Id);
        }

        Assert.Equal(all, seen);
        Assert.Equal([2, 2, 1], counts);
    }

    [Fact]
    public async Task A_page_has_50_sessions_by_default_and_100_at_most()
    {
        var shop = await relay.ShopAsync();
        for (var i = 0; i < 51; i++)
            await relay.AnnounceAsync(shop.Id);
        using var client = relay.ShopApi(shop.Key);

        using var byDefault = await client.GetAsync(Address, Token);
        using var all = await client.GetAsync($"{Address}?limit=100", Token);

        var page = await byDefault.JsonAsync();
        Assert.Equal(50, page.GetProperty("count").GetInt32());
        Assert.NotNull(page.Text("next"));
        Assert.Equal(51, (await all.JsonAsync()).GetProperty("count").GetInt32());
    }

    [Fact]
    public async Task A_call_survives_a_cut_connection_to_Postgres()
    {
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(shop.Key);
        using var before = await client.GetAsync(Address, Token);
        await relay.ScalarAsync<int>(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");

        using var after = await client.GetAsync(Address, Token);

        Assert.Equal(200, (int)after.StatusCode);
        relay.Source.Clear();
    }

    [Theory]
    [InlineData("limit=0")]
    [InlineData("limit=-1")]
    [InlineData("limit=101")]
    [InlineData("limit=many")]
    [InlineData("limit=99999999999999")]
    [InlineData("after=")]
    [InlineData("after=x")]
    [InlineData("after=1-2")]
    [InlineData("after=7fffffffffffffff-00000000000000000000000000000000")]
    public async Task A_bad_limit_or_cursor_is_refused(string query)
    {
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(shop.Key);

        using var response = await client.GetAsync($"{Address}?{query}", Token);

        await response.IsProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
    }
}
