using System.Net;

namespace CloudTab.Services.Tests;

public sealed class ShopSettingsTests(RelayFixture relay) : IClassFixture<RelayFixture>
{
    private const string Shop = "/api/shopkeeper/shop";

    [Fact]
    public async Task A_shop_sees_itself_and_where_its_customers_send_their_files()
    {
        var shop = await relay.ShopAsync();
        await relay.ShopAsync();
        using var client = relay.ShopApi(shop.Key);
        client.DefaultRequestHeaders.Add("X-Forwarded-Host", "print.example:8443");
        client.DefaultRequestHeaders.Add("X-Forwarded-Proto", "https");

        using var answer = await client.GetAsync(Shop, Token);

        var view = await answer.JsonAsync();
        Assert.Equal(["success", "id", "name", "acceptsUploads", "customerUrl"], view.Fields());
        Assert.Equal((shop.Id, shop.Name, true), (view.Text("id"), view.Text("name"), view.GetProperty("acceptsUploads").GetBoolean()));
        Assert.Equal($"https://print.example:8443/s/{shop.Id}", view.Text("customerUrl"));
    }

    [Fact]
    public async Task What_a_change_does_not_name_stays_as_it_is()
    {
        var shop = await relay.ShopAsync();
        var other = await relay.ShopAsync();
        using var browser = await relay.BrowserAsync(shop.Key);

        Assert.Equal(("Corner Print", true), await ChangeAsync(browser, "{}"));
        Assert.Equal(("Druckerei Jäger", true), await ChangeAsync(browser, """{"name":" Druckerei\u202e J\u0061\u0308ger "}"""));
        Assert.Equal(("Druckerei Jäger", false), await ChangeAsync(browser, """{"acceptsUploads":false}"""));
        Assert.Equal(("Corner Print", true), await ChangeAsync(browser, """{"name":"Corner Print","acceptsUploads":true}"""));

        Assert.Equal(("Corner Print", true), await ChangeAsync(relay.ShopApi(other.Key), "{}"));
    }

    [Fact]
    public async Task Closing_ends_what_was_not_submitted_and_opening_takes_new_sessions()
    {
        var shop = await relay.ShopAsync();
        var (open, pending) = (await relay.OpenSessionAsync(shop.Id), await relay.AnnounceAsync(shop.Id));
        var elsewhere = await relay.OpenSessionAsync((await relay.ShopAsync()).Id);
        using var browser = await relay.BrowserAsync(shop.Key);
        using var customer = relay.UploadApi();

        await ChangeAsync(browser, """{"acceptsUploads":false}""");

        Assert.Equal(["cancelled", "pending", "open"], await StatusAsync(open.Id, pending.Id, elsewhere.Id));
        using var refused = await customer.PostAsync($"/s/{shop.Id}/api/customer/sessions/create");
        await refused.IsProblemAsync(HttpStatusCode.Conflict, "shop_closed");

        await ChangeAsync(browser, """{"acceptsUploads":true}""");
        using var opened = await customer.PostAsync($"/s/{shop.Id}/api/customer/sessions/create");
        Assert.Equal(HttpStatusCode.OK, opened.StatusCode);
    }

    [Theory]
    [InlineData("""{"name":""}""")]
    [InlineData("""{"name":"\u0000"}""")]
    [InlineData("""{"name":7}""")]
    [InlineData("""{"acceptsUploads":"yes"}""")]
    [InlineData("null")]
    [InlineData("")]
    public async Task A_change_that_cannot_be_made_is_refused(string json)
    {
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(shop.Key);

        using var answer = await client.PatchAsync(Shop, new StringContent(json, null, "application/json"), Token);

        await answer.IsProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
        Assert.Equal("Corner Print true", await relay.ScalarAsync<string>("SELECT name || ' ' || accepts_uploads FROM shops WHERE id = @Id", shop));
    }

    private static async Task<(string?, bool)> ChangeAsync(HttpClient client, string json)
    {
        using var answer = await client.PatchAsync(Shop, new StringContent(json, null, "application/json"), Token);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var view = await answer.JsonAsync();
        return (view.Text("name"), view.GetProperty("acceptsUploads").GetBoolean());
    }

    private async Task<IEnumerable<string>> StatusAsync(params Guid[] sessions)
    {
        var found = new List<string>();
        foreach (var id in sessions)
            found.Add((await relay.ScalarAsync<string>("SELECT status FROM sessions WHERE id = @id", new { id }))!);
        return found;
    }
}
