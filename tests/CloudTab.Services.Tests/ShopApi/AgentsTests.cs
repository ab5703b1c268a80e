using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using CloudTab.Janitor;

namespace CloudTab.Services.Tests;

/// <summary>Print agents: their keys, and what they say of their printers.</summary>
public sealed class AgentsTests(RelayFixture relay) : IClassFixture<RelayFixture>
{
    private const string Printer = """
        {"name":"HP LaserJet","uri":"ipp://192.0.2.7/ipp/print","state":"stopped","reasons":["media-empty-error"],"formats":["application/pdf"],"color":false,"twoSided":true,"media":["iso_a4_210x297mm"]}
        """;

    [Fact]
    public async Task A_shop_sees_its_agents_until_they_were_silent_for_a_week()
    {
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(shop.Key);
        using var agent = relay.ShopApi(await DeviceKeyAsync(client));
        using var stranger = relay.ShopApi((await relay.ShopAsync()).Key);

        await PutAsync(agent, $$"""{"name":"counter-pc","version":"0.9","printers":[]}""");
        await PutAsync(agent, $$"""{"name":" counter\u0000-pc ","version":"1.0","printers":[{{Printer}},{"name":"Old one","state":"offline"}]}""");

        var shown = Assert.Single(await ListAsync(client));
        Assert.Equal(["name", "keyName", "version", "seenAt", "online", "printers", "autoPrint"], shown.Fields());
        Assert.Equal(("counter-pc", "Print agent", "1.0", true), (shown.Text("name"), shown.Text("keyName"), shown.Text("version"), shown.GetProperty("online").GetBoolean()));
        PrintJobs.IsSame($$"""[{{Printer}},{"name":"Old one","state":"offline","reasons":[],"formats":[],"color":false,"twoSided":false,"media":[]}]""", shown.GetProperty("printers"));
        Assert.Empty(await ListAsync(stranger));

        relay.Clock.Advance(TimeSpan.FromSeconds(91));
        Assert.False(Assert.Single(await ListAsync(agent)).GetProperty("online").GetBoolean());
        using var states = new StateMachine(relay, null, relay.Clock);
        await StateMachine.AllAsync(states.Get<Purge>().RunOnceAsync);
        Assert.Single(await ListAsync(client));
        relay.Clock.Advance(TimeSpan.FromDays(7));
        Assert.Empty(await ListAsync(client));
        await StateMachine.AllAsync(states.Get<Purge>().RunOnceAsync);
        Assert.Equal(0, await relay.ScalarAsync<long>("SELECT count(*) FROM agents"));
    }

    [Fact]
    public async Task A_shop_sees_which_jobs_an_agent_prints_by_itself_and_one_that_does_not_say_so_prints_all()
    {
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(shop.Key);
        using var agent = relay.ShopApi(await DeviceKeyAsync(client));

        foreach (var said in (string[])["paid", "all", "none"])
        {
            await PutAsync(agent, $$"""{"name":"a","version":"1","printers":[],"autoPrint":"{{said}}"}""");
            Assert.Equal(said, Assert.Single(await ListAsync(client)).Text("autoPrint"));
        }

        // One of before is started in its place.
        await PutAsync(agent, """{"name":"a","version":"0.9","printers":[]}""");
        Assert.Equal("all", Assert.Single(await ListAsync(client)).Text("autoPrint"));
    }

    [Theory]
    [InlineData("""{"version":"1","printers":[]}""")]
    [InlineData("""{"name":"a","printers":[]}""")]
    [InlineData("""{"name":"a","version":"1"}""")]
    [InlineData("""{"name":"a","version":"1","printers":[],"autoPrint":"sometimes"}""")]
    [InlineData("""{"name":"a","version":"1","printers":[],"autoPrint":1}""")]
    [InlineData("""{"name":"a","version":"1","printers":[null]}""")]
    [InlineData("""{"name":"a","version":"1","printers":[{"name":"","state":"idle"}]}""")]
    [InlineData("""{"name":"a","version":"1","printers":[{"name":"b"}]}""")]
    [InlineData("""{"name":"a","version":"1","printers":[{"name":"b","state":"busy"}]}""")]
    [InlineData("""{"name":"a","version":"1","printers":[{"name":"b","state":1}]}""")]
    [InlineData("""{"name":"a","version":"1","printers":[{"name":"b","state":"idle","reasons":["no paper"]}]}""")]
    [InlineData("""{"name":"a","version":"1","printers":[{"name":"b","state":"idle","media":[null]}]}""")]
    public async Task An_agent_that_does_not_describe_itself_well_is_refused(string body)
    {
        var shop = await relay.ShopAsync();
        using var agent = relay.ShopApi(shop.Key);

        using var answer = await agent.PutAsync("/api/shopkeeper/agent", PrintJobs.Json(body), Token);

        await answer.IsProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
        Assert.Empty(await ListAsync(agent));
    }

    [Fact]
    public async Task A_devices_key_does_a_job_and_changes_nothing_of_its_shop()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.SubmitAsync(shop.Id);
        using var owner = relay.ShopApi(shop.Key);
        var key = await DeviceKeyAsync(owner);
        using var device = relay.ShopApi(key);

        foreach (var (method, path, body) in ((HttpMethod, string, string?)[])[
            (HttpMethod.Get, "keys", null),
            (HttpMethod.Post, "keys", """{"name":"mine"}"""),
            (HttpMethod.Delete, $"keys/{Guid.NewGuid()}", null),
            (HttpMethod.Patch, "shop", """{"acceptsUploads":false}"""),
            (HttpMethod.Get, "offer", null),
            (HttpMethod.Put, "offer", PrintJobs.Offer),
            (HttpMethod.Get, "limits", null),
            (HttpMethod.Put, "limits", "{}"),
            (HttpMethod.Get, "days/2026-11-29", null),
            (HttpMethod.Get, "days/2026-11-29/jobs", null),
            (HttpMethod.Post, $"days/jobs/{Guid.NewGuid()}/paid", null),
            (HttpMethod.Delete, $"days/jobs/{Guid.NewGuid()}/paid", null),
            (HttpMethod.Post, $"sessions/{given.SessionId}/paid", null),
            (HttpMethod.Delete, $"sessions/{given.SessionId}/paid", null)])
        {
            using var request = new HttpRequestMessage(method, $"/api/shopkeeper/{path}") { Content = body is null ? null : PrintJobs.Json(body) };
            using var refused = await device.SendAsync(request, Token);
            await refused.IsProblemAsync(HttpStatusCode.Forbidden, "device_key");
        }

        using var form = relay.ShopApi(key: null);
        using var signIn = await form.SignInAsync(key, ("Sec-Fetch-Site", "same-origin"));
        Assert.Equal((HttpStatusCode.Forbidden, false), (signIn.StatusCode, signIn.Headers.Contains("Set-Cookie")));
        Assert.Contains("This key is for a print agent, not for a counter.", await signIn.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);

        await OkAsync(device.GetAsync("/api/shopkeeper/sessions/pending", Token));
        await OkAsync(device.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/claim"));
        await OkAsync(device.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/release"));
        using (var socket = await SocketClient.ConnectAsync(relay.SocketAddress))
        {
            await socket.SendAsync(new { type = "authenticate", ticket = await device.TicketAsync() });
            Assert.Equal("authenticated", (await socket.NextAsync()).Text("type"));
            await socket.SendAsync(new { type = "claim_session", sessionId = given.SessionId });
            Assert.Equal(given.SessionId, (await socket.NextAsync("session_claimed")).GetProperty("session").Text("sessionId"));
        }

        await OkAsync(device.GetAsync($"/api/shopkeeper/sessions/{given.SessionId}", Token));
        await OkAsync(device.GetAsync($"/api/shopkeeper/files/{given.Files[0]}/download", Token));
        await OkAsync(device.GetAsync("/api/shopkeeper/shop", Token));
        await OkAsync(device.PostAsJsonAsync($"/api/shopkeeper/files/{given.Files[0]}/prints", new { attempt = Guid.NewGuid(), printer = "a", state = "printed" }, Token));
        await OkAsync(device.GetAsync($"/api/shopkeeper/files/{given.Files[0]}/prints", Token));
        await OkAsync(device.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/complete"));
    }

    [Fact]
    public async Task A_devices_key_is_listed_as_one_and_is_not_the_last_that_a_shop_keeps()
    {
        var shop = await relay.ShopAsync();
        using var owner = relay.ShopApi(shop.Key);
        await DeviceKeyAsync(owner);
        using var list = await owner.GetAsync("/api/shopkeeper/keys", Token);
        var keys = (await list.JsonAsync()).GetProperty("keys");
        Assert.Equal([("Front desk", false), ("Print agent", true)], keys.EnumerateArray().Select(key => (key.Text("name"), key.GetProperty("device").GetBoolean())));

        await (await owner.DeleteAsync($"/api/shopkeeper/keys/{keys[0].Text("id")}", Token)).IsProblemAsync(HttpStatusCode.Conflict, "last_key");
        using var revoked = await owner.DeleteAsync($"/api/shopkeeper/keys/{keys[1].Text("id")}", Token);
        Assert.Equal(HttpStatusCode.NoContent, revoked.StatusCode);
    }

    private static async Task<string> DeviceKeyAsync(HttpClient client)
    {
        using var answer = await client.PostAsJsonAsync("/api/shopkeeper/keys", new { name = "Print agent", device = true }, Token);
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        return (await answer.JsonAsync()).Text("key")!;
    }

    private static async Task PutAsync(HttpClient agent, string body)
    {
        using var answer = await agent.PutAsync("/api/shopkeeper/agent", PrintJobs.Json(body), Token);
        Assert.True(answer.StatusCode == HttpStatusCode.NoContent, await answer.Content.ReadAsStringAsync(Token));
    }

    private static async Task<List<JsonElement>> ListAsync(HttpClient client)
    {
        using var answer = await client.GetAsync("/api/shopkeeper/agents", Token);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return [.. (await answer.JsonAsync()).GetProperty("agents").EnumerateArray()];
    }

    private static async Task OkAsync(Task<HttpResponseMessage> call)
    {
        using var answer = await call;
        Assert.True(answer.StatusCode == HttpStatusCode.OK, $"{answer.RequestMessage?.RequestUri}: {await answer.Content.ReadAsStringAsync(Token)}");
    }
}
