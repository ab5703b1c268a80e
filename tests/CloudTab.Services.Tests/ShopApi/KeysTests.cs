using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using CloudTab.Relay;
using Dapper;

namespace CloudTab.Services.Tests;

public sealed class KeysTests(RelayFixture relay) : IClassFixture<RelayFixture>
{
    private const string Keys = "/api/shopkeeper/keys";

    [Fact]
    public async Task A_key_that_a_shop_adds_is_shown_once_and_opens_this_shop()
    {
        var shop = await relay.ShopAsync();
        using var browser = await relay.BrowserAsync(shop.Key);

        using var answer = await browser.PostAsJsonAsync(Keys, new { name = " Back\u202e office\n" }, Token);

        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        var added = await answer.JsonAsync();
        Assert.Equal(["success", "key", "id", "name", "prefix", "createdAt"], added.Fields());
        Assert.Equal("Back office", added.Text("name"));
        var key = added.Text("key")!;
        Assert.StartsWith(added.Text("prefix")!, key, StringComparison.Ordinal);
        using var program = relay.ShopApi(key);
        using var pending = await program.GetAsync("/api/shopkeeper/sessions/pending", Token);
        Assert.Equal(HttpStatusCode.OK, pending.StatusCode);

        var listed = await ListAsync(browser);
        Assert.DoesNotContain(key, listed.GetRawText(), StringComparison.Ordinal);
        var (mine, other) = (listed[0], listed[1]);
        Assert.Equal(["id", "name", "prefix", "createdAt", "lastUsedAt", "revokedAt", "current", "device"], mine.Fields());
        Assert.Equal(("Front desk", true), (mine.Text("name"), mine.GetProperty("current").GetBoolean()));
        Assert.Equal(("Back office", false), (other.Text("name"), other.GetProperty("current").GetBoolean()));
        Assert.Equal(added.Text("id"), other.Text("id"));
        foreach (var one in (JsonElement[])[mine, other])
        {
            Assert.NotEqual(default, one.GetProperty("lastUsedAt").GetDateTime());
            Assert.Equal(JsonValueKind.Null, one.GetProperty("revokedAt").ValueKind);
        }
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"name":null}""")]
    [InlineData("""{"name":""}""")]
    [InlineData("""{"name":" \u0000\u202e "}""")]
    [InlineData("""{"name":7}""")]
    [InlineData("""[]""")]
    [InlineData("""{"name":""")]
    [InlineData("long")]
    public async Task A_key_without_a_name_that_can_be_shown_is_refused(string json)
    {
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(shop.Key);
        if (json == "long")
            json = JsonSerializer.Serialize(new { name = new string('a', 201) });

        using var answer = await client.PostAsync(Keys, new StringContent(json, null, "application/json"), Token);

        await answer.IsProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
        Assert.Equal(1, await relay.ScalarAsync<long>("SELECT count(*) FROM api_keys WHERE shop_id = @Id", shop));
    }

    [Fact]
    public async Task A_revoked_key_opens_nothing_at_once_and_stays_in_the_list()
    {
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(shop.Key);
        var key = await relay.KeyAsync(shop.Id);
        using var revoked = relay.ShopApi(key);
        using var browser = await relay.BrowserAsync(key);
        using var socket = await SocketClient.ReadyAsync(relay.SocketAddress, key);
        var id = (await ListAsync(client))[1].Text("id");

        using var answer = await client.DeleteAsync($"{Keys}/{id}", Token);
        using var again = await client.DeleteAsync($"{Keys}/{id}", Token);

        Assert.Equal((HttpStatusCode.NoContent, HttpStatusCode.NoContent), (answer.StatusCode, again.StatusCode));
        using var byKey = await revoked.GetAsync(Keys, Token);
        using var byCookie = await browser.GetAsync(Keys, Token);
        await byKey.IsProblemAsync(HttpStatusCode.Unauthorized, "api_key_invalid");
        await byCookie.IsProblemAsync(HttpStatusCode.Unauthorized, "signed_out");
        Assert.Equal(4401, await socket.CloseCodeAsync());
        Assert.NotEqual(default, (await ListAsync(client))[1].GetProperty("revokedAt").GetDateTime());
    }

    [Fact]
    public async Task The_last_key_of_a_shop_stays()
    {
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(shop.Key);
        await relay.KeyAsync(shop.Id);
        var keys = await ListAsync(client);
        using var first = await client.DeleteAsync($"{Keys}/{keys[1].Text("id")}", Token);

        using var last = await client.DeleteAsync($"{Keys}/{keys[0].Text("id")}", Token);

        Assert.Equal(HttpStatusCode.NoContent, first.StatusCode);
        await last.IsProblemAsync(HttpStatusCode.Conflict, "last_key");
        Assert.Equal(2, (await ListAsync(client)).GetArrayLength());
    }

    [Fact]
    public async Task Of_two_keys_that_revoke_each_other_at_the_same_moment_one_stays()
    {
        var shop = await relay.ShopAsync();
        using var one = relay.ShopApi(shop.Key);
        using var other = relay.ShopApi(await relay.KeyAsync(shop.Id));
        await ListAsync(other); // each is noted as used: that waits for nothing later
        var ids = (await ListAsync(one)).EnumerateArray().Select(key => key.Text("id")).ToList();
        await using var connection = await relay.Source.OpenConnectionAsync(Token);
        await using var holding = await connection.BeginTransactionAsync(Token);
        await connection.ExecuteAsync("SELECT FROM api_keys WHERE shop_id = @Id FOR NO KEY UPDATE", shop);

        var answers = new[] { one.DeleteAsync($"{Keys}/{ids[1]}", Token), other.DeleteAsync($"{Keys}/{ids[0]}", Token) };
        await UntilAsync(async () => await relay.ScalarAsync<long>(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%UPDATE api_keys SET revoked_at%'") == 2);
        await holding.RollbackAsync(Token);

        var statuses = (await Task.WhenAll(answers)).Select(answer => answer.StatusCode).Order().ToList();
        Assert.Equal([HttpStatusCode.NoContent, HttpStatusCode.Unauthorized], statuses);
        Assert.Equal(1, await relay.ScalarAsync<long>("SELECT count(*) FROM api_keys WHERE shop_id = @Id AND revoked_at IS NULL", shop));
    }

    [Fact]
    public async Task However_many_keys_were_revoked_the_list_is_short_and_the_day_has_an_end()
    {
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(shop.Key);
        await relay.ExecuteAsync(
            """
            INSERT INTO api_keys (id, shop_id, name, prefix, sha256, created_at, revoked_at)
            SELECT gen_random_uuid(), @Id, 'Old', 'ctk_', sha256(random()::text::bytea), now() - interval '1 hour', now() FROM generate_series(1, @made)
            """,
            new { shop.Id, made = 10 * ApiKeys.MostKeys });

        Assert.Equal(101, (await ListAsync(client)).GetArrayLength());
        using var refused = await client.PostAsJsonAsync(Keys, new { name = "One more" }, Token);
        await refused.IsProblemAsync(HttpStatusCode.Conflict, "too_many_keys");
    }

    [Fact]
    public async Task A_browser_may_revoke_the_key_that_it_signed_in_with()
    {
        var shop = await relay.ShopAsync();
        await relay.KeyAsync(shop.Id);
        using var browser = await relay.BrowserAsync(shop.Key);
        var id = (await ListAsync(browser)).EnumerateArray().Single(key => key.GetProperty("current").GetBoolean()).Text("id");

        using var answer = await browser.DeleteAsync($"{Keys}/{id}", Token);
        using var after = await browser.GetAsync(Keys, Token);

        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        await after.IsProblemAsync(HttpStatusCode.Unauthorized, "signed_out");
    }

    [Fact]
    public async Task Another_shop_s_keys_are_neither_seen_nor_revoked()
    {
        var shop = await relay.ShopAsync();
        var other = await relay.ShopAsync();
        await relay.KeyAsync(other.Id);
        using var client = relay.ShopApi(shop.Key);
        var ids = await relay.ColumnAsync<Guid>("SELECT id FROM api_keys WHERE shop_id = @Id", other);

        Assert.Single((await ListAsync(client)).EnumerateArray());
        foreach (var id in (string[])[ids[0].ToString(), Guid.NewGuid().ToString(), "x"])
        {
            using var answer = await client.DeleteAsync($"{Keys}/{id}", Token);
            await answer.IsProblemAsync(HttpStatusCode.NotFound, "key_not_found");
        }

        Assert.Equal(0, await relay.ScalarAsync<long>("SELECT count(*) FROM api_keys WHERE shop_id = @Id AND revoked_at IS NOT NULL", other));
    }

    [Fact]
    public async Task A_shop_has_a_hundred_keys_at_most_and_revoking_one_makes_room()
    {
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(shop.Key);
        for (var i = 1; i < ApiKeys.MostKeys; i++)
            await relay.KeyAsync(shop.Id);

        using var refused = await client.PostAsJsonAsync(Keys, new { name = "One more" }, Token);
        await refused.IsProblemAsync(HttpStatusCode.Conflict, "too_many_keys");

        var id = (await ListAsync(client)).EnumerateArray().First(key => !key.GetProperty("current").GetBoolean()).Text("id");
        await client.DeleteAsync($"{Keys}/{id}", Token);
        using var added = await client.PostAsJsonAsync(Keys, new { name = "One more" }, Token);
        Assert.Equal(HttpStatusCode.Created, added.StatusCode);
    }

    private static async Task<JsonElement> ListAsync(HttpClient client)
    {
        using var answer = await client.GetAsync(Keys, Token);
        return (await answer.JsonAsync()).GetProperty("keys");
    }
}
