using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace CloudTab.Services.Tests;

/// <summary>What the shop's page is given, and the frame in which customers' files are looked at.</summary>
public sealed partial class ShopPageTests(RelayFixture relay) : IClassFixture<RelayFixture>
{
    private const string Address = "/api/shopkeeper/sessions/processing";

    [Fact]
    public async Task The_claimed_sessions_of_the_shop_are_listed_with_their_counters()
    {
        var shop = await relay.ShopAsync();
        var elsewhere = await relay.ShopAsync();
        var (ours, theirs, pending, others) = (
            await relay.AnnounceAsync(shop.Id), await relay.AnnounceAsync(shop.Id), await relay.AnnounceAsync(shop.Id), await relay.AnnounceAsync(elsewhere.Id));
        using var client = relay.ShopApi(shop.Key);
        using var second = relay.ShopApi(await relay.KeyAsync(shop.Id, name: "Counter 2"));
        using var stranger = relay.ShopApi(elsewhere.Key);
        await client.PostAsync($"/api/shopkeeper/sessions/{ours.SessionId}/claim");
        await second.PostAsync($"/api/shopkeeper/sessions/{theirs.SessionId}/claim");
        await stranger.PostAsync($"/api/shopkeeper/sessions/{others.SessionId}/claim");

        using var response = await client.GetAsync(Address, Token);

        Assert.Equal(200, (int)response.StatusCode);
        var page = await response.JsonAsync();
        Assert.Equal(2, page.GetProperty("count").GetInt32());
        Assert.Equal(
            [(ours.SessionId, "Front desk", true), (theirs.SessionId, "Counter 2", false)],
            page.GetProperty("sessions").EnumerateArray().Select(session => (session.Text("sessionId"), session.Text("claimedBy"), session.GetProperty("claimedByYou").GetBoolean())));
        Assert.DoesNotContain(pending.SessionId, page.GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_page_holds_the_queue_as_words_and_for_its_script()
    {
        var shop = await relay.ShopAsync();
        var first = await relay.AnnounceAsync(shop.Id, "Asha </script><b>");
        var second = await relay.AnnounceAsync(shop.Id, customer: null);
        var claimed = await relay.AnnounceAsync(shop.Id);
        using var browser = await relay.BrowserAsync(shop.Key);
        await browser.PostAsync($"/api/shopkeeper/sessions/{claimed.SessionId}/claim");

        var html = await browser.GetStringAsync("/shop", Token);

        var codes = PickupCode.Matches(html).Select(code => code.Groups["code"].Value);
        Assert.Equal([claimed.PickupCode, first.PickupCode, second.PickupCode], codes);
        var begin = JsonSerializer.Deserialize<JsonElement>(Beginning.Match(html).Groups["json"].Value);
        Assert.Equal((shop.Name, true), (begin.GetProperty("shop").Text("name"), begin.GetProperty("shop").GetProperty("acceptsUploads").GetBoolean()));
        Assert.Equal("Asha </script><b>", begin.GetProperty("pending")[0].Text("customerName"));
        Assert.Equal(claimed.SessionId, begin.GetProperty("processing")[0].Text("sessionId"));
        Assert.Equal(["en", "hi"], begin.GetProperty("languages").EnumerateArray().Select(language => language.Text("tag")));
    }

    [Fact]
    public async Task The_frame_for_files_has_no_origin_and_loads_nothing_but_its_program()
    {
        using var client = relay.ShopApi(key: null);
        using var frame = await client.GetAsync("/shop/preview", Token);

        Assert.Equal(HttpStatusCode.OK, frame.StatusCode);
        var policy = frame.Headers.GetValues("Content-Security-Policy").Single();
        Assert.StartsWith("sandbox allow-scripts allow-modals; default-src 'none'; script-src 'self' 'wasm-unsafe-eval';", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("allow-same-origin", policy, StringComparison.Ordinal);
        Assert.Equal("SAMEORIGIN", frame.Headers.GetValues("X-Frame-Options").Single());
        using var page = await client.GetAsync("/shop", Token);
        Assert.Equal("DENY", page.Headers.GetValues("X-Frame-Options").Single());
        Assert.StartsWith("default-src 'self'; script-src 'self';", page.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
    }

    [GeneratedRegex("class=\"job-code\">(?<code>[^<]+)<", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex PickupCode { get; }

    [GeneratedRegex("id=\"begin\">(?<json>.*?)</script>", RegexOptions.Singleline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Beginning { get; }
}
