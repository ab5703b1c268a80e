using System.Net;
using System.Text.Json;
using CloudTab.UploadApi;

namespace CloudTab.Services.Tests;

/// <summary>What jobs cost: the same total for the customer and the shop.</summary>
public sealed class PricesTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    private readonly HttpClient _client = relay.UploadApi();

    [Theory]
    [InlineData("""{}""", 4, 800)]
    [InlineData("""{"copies":3}""", 12, 2_400)]
    [InlineData("""{"copies":99,"colorMode":"color"}""", 396, 397_980)]
    [InlineData("""{"pageRanges":"2-3"}""", 2, 400)]
    [InlineData("""{"pageRanges":"4-9"}""", 1, 200)] // the others are not there
    [InlineData("""{"pageRanges":"5-9"}""", 0, 0)]
    [InlineData("""{"sides":"two-sided-long-edge"}""", 4, 800)] // a page is a side
    [InlineData("""{"media":"a3","colorMode":"color"}""", 4, null)] // for a price that is told at the counter
    public async Task A_file_costs_the_pages_of_its_copies_times_the_price(string options, int pages, int? price)
    {
        var shop = await relay.OfferingShopAsync();
        var sessionId = await _client.SendJobAsync(shop, PdfSamples.OfPages(4), options);

        var file = (await _client.StatusAsync(sessionId, shop.Prefix())).GetProperty("files")[0];

        Assert.Equal((pages, price), (file.Number("printedPages"), file.Number("price")));
    }

    [Theory]
    [InlineData(Way.Form)]
    [InlineData(Way.Tus)]
    [InlineData(Way.Ietf)]
    [InlineData(Way.Direct)]
    public async Task A_file_has_its_price_whatever_way_it_came(Way way)
    {
        var shop = await relay.OfferingShopAsync();
        var sessionId = await _client.CreateAsync(shop.Prefix(), new { printOptions = new { copies = 2 } });

        await UploadClient.Of(way, _client, shop.Prefix()).SentAsync(sessionId, PdfSamples.OfPages(3));

        var file = (await _client.StatusAsync(sessionId, shop.Prefix())).GetProperty("files")[0];
        Assert.Equal((6, 1_200), (file.Number("printedPages"), file.Number("price")));
    }

    [Fact]
    public async Task The_customer_and_the_shop_see_the_same_total()
    {
        var shop = await relay.OfferingShopAsync();
        using var socket = await SocketClient.ReadyAsync(relay.SocketAddress, shop.Key);
        using var form = new MultipartFormDataContent { { new StringContent("""{"copies":2}"""), "printOptions" } };
        form.Add(PdfSamples.OfPages(3));
        form.Add(new Sample("a.png", Png));
        var sessionId = await _client.CreateAsync(shop.Prefix());
        using var sent = await _client.SendFormAsync(sessionId, form, shop.Prefix());
        Assert.Equal(HttpStatusCode.OK, sent.StatusCode);

        foreach (var session in await EverywhereAsync(shop, sessionId, await socket.NextAsync("new_session")))
            PrintJobs.AssertTotal(session, pages: 8, uncounted: 0, amount: 1_600, isComplete: true);
    }

    [Fact]
    public async Task What_is_not_known_is_left_for_the_counter_and_the_rest_is_summed()
    {
        var shop = await relay.OfferingShopAsync();
        var sessionId = await _client.SendJobAsync(shop, PdfSamples.OfPages(3));
        using var text = await _client.UploadToAsync(shop.Prefix(), sessionId, Sample.Text());
        Assert.Equal(HttpStatusCode.OK, text.StatusCode);

        foreach (var session in await EverywhereAsync(shop, sessionId))
            PrintJobs.AssertTotal(session, pages: 3, uncounted: 1, amount: 600, isComplete: false);
        var file = (await _client.StatusAsync(sessionId, shop.Prefix())).GetProperty("files")[1];
        Assert.Equal((null, null), (file.Number("printedPages"), file.Number("price")));
    }

    [Fact]
    public async Task Without_prices_there_is_no_total()
    {
        var shop = await relay.ShopAsync();
        var sessionId = await _client.SendJobAsync(shop, PdfSamples.OfPages(3));

        foreach (var session in await EverywhereAsync(shop, sessionId))
            PrintJobs.AssertTotal(session, pages: 3, uncounted: 0, amount: null, isComplete: false);
    }

    [Fact]
    public async Task A_file_that_is_taken_back_costs_nothing_and_completing_a_session_keeps_its_total()
    {
        var shop = await relay.OfferingShopAsync();
        var sessionId = await _client.SendJobAsync(shop, PdfSamples.OfPages(3));
        using var more = await _client.UploadToAsync(shop.Prefix(), sessionId, PdfSamples.OfPages(1));
        var last = (await more.JsonAsync()).GetProperty("files")[0].Text("id");

        using var deleted = await _client.DeleteAsync($"{shop.Prefix()}/api/customer/sessions/{sessionId}/files/{last}", Token);
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        PrintJobs.AssertTotal(await _client.StatusAsync(sessionId, shop.Prefix()), pages: 3, uncounted: 0, amount: 600, isComplete: true);

        await relay.ClaimAsync(shop, sessionId, isSubmitted: true);
        using var completed = await relay.ShopApi(shop.Key).PostAsync($"/api/shopkeeper/sessions/{sessionId}/complete");
        Assert.Equal(HttpStatusCode.OK, completed.StatusCode);
        PrintJobs.AssertTotal(await _client.StatusAsync(sessionId, shop.Prefix()), pages: 3, uncounted: 0, amount: 600, isComplete: true);
        PrintJobs.AssertTotal(await relay.DetailsAsync(shop, sessionId), pages: 3, uncounted: 0, amount: 600, isComplete: true);
    }

    [Fact]
    public async Task A_shop_that_changes_its_prices_does_not_change_what_a_customer_was_told()
    {
        var shop = await relay.OfferingShopAsync();
        var sessionId = await _client.SendJobAsync(shop, PdfSamples.OfPages(3));

        await relay.SetOfferAsync(shop, PrintJobs.Offer.Replace("200", "500", StringComparison.Ordinal));
        PrintJobs.AssertTotal(await _client.StatusAsync(sessionId, shop.Prefix()), pages: 3, uncounted: 0, amount: 600, isComplete: true);

        // Whoever changes the options afterwards is told the new price.
        using var changed = await _client.ChangeAsync(shop, sessionId, """{"copies":2}""");
        Assert.Equal(3_000, (await changed.JsonAsync()).GetProperty("file").Number("price"));

        await relay.SetOfferAsync(shop, PrintJobs.Offer.Replace("INR", "USD", StringComparison.Ordinal));
        var session = await _client.StatusAsync(sessionId, shop.Prefix());
        Assert.Null(session.GetProperty("files")[0].Number("price")); // told at the counter: it was in another currency
        PrintJobs.AssertTotal(session, pages: 6, uncounted: 0, amount: null, isComplete: false, currency: "USD");
    }

    [Fact]
    public async Task A_change_of_options_is_shown_at_once_to_everybody()
    {
        var shop = await relay.OfferingShopAsync();
        using var socket = await SocketClient.ReadyAsync(relay.SocketAddress, shop.Key);
        var sessionId = await _client.SendJobAsync(shop, PdfSamples.OfPages(3), """{"pageRanges":"1"}""");

        using var changed = await _client.ChangeAsync(shop, sessionId, """{"colorMode":"color","pageRanges":null}""");

        Assert.Equal(HttpStatusCode.OK, changed.StatusCode);
        var body = await changed.JsonAsync();
        Assert.Equal(["success", "file"], body.Fields());
        Assert.True(JsonElement.DeepEquals((await _client.StatusAsync(sessionId, shop.Prefix())).GetProperty("files")[0], body.GetProperty("file")));
        foreach (var session in await EverywhereAsync(shop, sessionId, await socket.NextAsync("session_updated")))
            PrintJobs.AssertTotal(session, pages: 3, uncounted: 0, amount: 3_015, isComplete: true);
    }

    [Fact]
    public async Task A_change_that_changes_nothing_is_no_event_and_one_before_submitting_is_none_for_the_shop()
    {
        var shop = await relay.OfferingShopAsync();
        var sessionId = await _client.SendJobAsync(shop, PdfSamples.OfPages(3), """{"copies":2}""");
        using var same = await _client.ChangeAsync(shop, sessionId, """{"copies":2}""");
        Assert.Equal(HttpStatusCode.OK, same.StatusCode);
        Assert.Equal(["new_session pending 1"], await relay.EventsAsync(sessionId));

        var open = await _client.CreateAsync(shop.Prefix());
        await UploadClient.Of(Way.Tus, _client, shop.Prefix()).SentAsync(open, PdfSamples.OfPages(1));
        using var changed = await _client.ChangeAsync(shop, open, """{"copies":2}""");
        Assert.Equal(400, (await changed.JsonAsync()).GetProperty("file").Number("price"));
        Assert.Empty(await relay.EventsAsync(open));
    }

    [Fact]
    public async Task Options_change_until_the_session_is_claimed_and_again_once_it_is_released()
    {
        var shop = await relay.OfferingShopAsync();
        var sessionId = await _client.SendJobAsync(shop, PdfSamples.OfPages(3));
        await relay.ClaimAsync(shop, sessionId, isSubmitted: true);

        using var claimed = await _client.ChangeAsync(shop, sessionId, """{"copies":2}""");
        await claimed.IsProblemAsync(HttpStatusCode.Conflict, "already_claimed");
        PrintJobs.AssertTotal(await _client.StatusAsync(sessionId, shop.Prefix()), pages: 3, uncounted: 0, amount: 600, isComplete: true);

        using var released = await relay.ShopApi(shop.Key).PostAsync($"/api/shopkeeper/sessions/{sessionId}/release");
        using var changed = await _client.ChangeAsync(shop, sessionId, """{"copies":2}""");
        Assert.Equal(HttpStatusCode.OK, changed.StatusCode);
    }

    [Fact]
    public async Task A_change_and_a_claim_that_race_never_leave_the_shop_with_other_options_than_it_was_given()
    {
        var shop = await relay.OfferingShopAsync();
        for (var i = 0; i < 20; i++)
        {
            var sessionId = await _client.SendJobAsync(shop, PdfSamples.OfPages(1));
            var changing = _client.ChangeAsync(shop, sessionId, """{"copies":2}""");
            var claiming = relay.ShopApi(shop.Key).PostAsync($"/api/shopkeeper/sessions/{sessionId}/claim");
            using var changed = await changing;
            using var claimed = await claiming;

            Assert.Equal(HttpStatusCode.OK, claimed.StatusCode);
            if (changed.StatusCode != HttpStatusCode.OK)
                await changed.IsProblemAsync(HttpStatusCode.Conflict, "already_claimed");
            var given = (await claimed.JsonAsync()).GetProperty("session").GetProperty("files")[0];
            Assert.Equal(changed.IsSuccessStatusCode ? 2 : 1, given.GetProperty("printOptions").GetProperty("copies").GetInt32());
            Assert.Equal(changed.IsSuccessStatusCode ? 400 : 200, (await _client.StatusAsync(sessionId, shop.Prefix())).GetProperty("files")[0].Number("price"));
        }
    }

    [Fact]
    public async Task Changes_that_race_are_all_made()
    {
        var shop = await relay.OfferingShopAsync();
        var sessionId = await _client.SendJobAsync(shop, PdfSamples.OfPages(3));
        string[] changes = ["""{"copies":5}""", """{"colorMode":"color"}""", """{"pageRanges":"1-2"}""", """{"sides":"two-sided-long-edge"}""", """{"scaling":"none"}"""];

        await Task.WhenAll(changes.Select(async change =>
        {
            using var changed = await _client.ChangeAsync(shop, sessionId, change);
            Assert.Equal(HttpStatusCode.OK, changed.StatusCode);
        }));

        var file = (await _client.StatusAsync(sessionId, shop.Prefix())).GetProperty("files")[0];
        Assert.True(JsonElement.DeepEquals(
            JsonElement.Parse("""{"copies":5,"colorMode":"color","sides":"two-sided-long-edge","pageRanges":"1-2","media":"a4","scaling":"none"}"""),
            file.GetProperty("printOptions")));
        Assert.Equal(10 * 1_005, file.Number("price"));
    }

    [Theory]
    [InlineData("completed", HttpStatusCode.Gone, "session_closed")]
    [InlineData("expired", HttpStatusCode.Gone, "session_closed")]
    [InlineData("file deleted", HttpStatusCode.NotFound, "file_not_found")]
    [InlineData("no such file", HttpStatusCode.NotFound, "file_not_found")]
    [InlineData("no id", HttpStatusCode.NotFound, "file_not_found")]
    [InlineData("file of another session", HttpStatusCode.NotFound, "file_not_found")]
    [InlineData("no such session", HttpStatusCode.NotFound, "session_not_found")]
    [InlineData("another shop", HttpStatusCode.NotFound, "session_not_found")]
    public async Task Options_of_what_is_not_there_do_not_change(string what, HttpStatusCode status, string code)
    {
        var shop = await relay.OfferingShopAsync();
        var sessionId = await _client.SendJobAsync(shop, PdfSamples.OfPages(1));
        var file = (await _client.StatusAsync(sessionId, shop.Prefix())).GetProperty("files")[0].Text("id")!;
        var prefix = shop.Prefix();
        switch (what)
        {
            case "completed":
                await relay.ClaimAsync(shop, sessionId, isSubmitted: true);
                using (await relay.ShopApi(shop.Key).PostAsync($"/api/shopkeeper/sessions/{sessionId}/complete"))
                    break;
            case "expired":
                await relay.ExecuteAsync("UPDATE sessions SET expires_at = created_at WHERE session_id = @sessionId", new { sessionId });
                break;
            case "file deleted":
                using (await _client.DeleteAsync($"{prefix}/api/customer/sessions/{sessionId}/files/{file}", Token))
                    break;
            case "no such file":
                file = Guid.NewGuid().ToString();
                break;
            case "no id":
                file = "1";
                break;
            case "file of another session":
                sessionId = await _client.SendJobAsync(shop, PdfSamples.OfPages(1));
                break;
            case "no such session":
                sessionId = "00000000000000000000000000";
                break;
            default:
                prefix = (await relay.ShopAsync()).Prefix();
                break;
        }

        using var answer = await _client.PatchAsync($"{prefix}/api/customer/sessions/{sessionId}/files/{file}", PrintJobs.Json("""{"printOptions":{"copies":2}}"""), Token);

        await answer.IsProblemAsync(status, code);
        Assert.Equal(0, await relay.ScalarAsync<int>("SELECT count(*) FROM files WHERE print_options ->> 'copies' = '2' AND session IN (SELECT id FROM sessions WHERE shop_id = @Id)", shop));
    }

    [Theory]
    [InlineData("{}", HttpStatusCode.BadRequest, "invalid_request")]
    [InlineData("""{"printOptions":null}""", HttpStatusCode.BadRequest, "invalid_request")]
    [InlineData("null", HttpStatusCode.BadRequest, "invalid_request")]
    [InlineData("[]", HttpStatusCode.BadRequest, "invalid_request")]
    [InlineData("{", HttpStatusCode.BadRequest, "invalid_request")]
    public async Task A_change_that_is_none_is_refused(string body, HttpStatusCode status, string code)
    {
        var shop = await relay.OfferingShopAsync();
        var sessionId = await _client.SendJobAsync(shop, PdfSamples.OfPages(1));
        var path = $"{shop.Prefix()}/api/customer/sessions/{sessionId}/files/{(await _client.StatusAsync(sessionId, shop.Prefix())).GetProperty("files")[0].Text("id")}";

        using var answer = await _client.PatchAsync(path, PrintJobs.Json(body), Token);
        await answer.IsProblemAsync(status, code);
        using var text = await _client.PatchAsync(path, new StringContent("""{"printOptions":{"copies":2}}"""), Token);
        await text.IsProblemAsync(HttpStatusCode.UnsupportedMediaType, "unsupported_media_type");
    }

    [Fact]
    public async Task An_address_that_changes_too_much_has_to_wait()
    {
        await using var host = relay.StartHost<UploadOptions>(("RATE_LIMIT_UPLOADS_PER_MINUTE", "2"), ("MAX_FILES_PER_SESSION", "2"));
        using var client = host.Client();
        var shop = await relay.OfferingShopAsync();
        var sessionId = await _client.SendJobAsync(shop, PdfSamples.OfPages(1));

        for (var copies = 2; copies <= 4; copies++)
        {
            using var changed = await client.ChangeAsync(shop, sessionId, $$"""{"copies":{{copies}}}""");
            if (copies <= 3)
            {
                Assert.Equal(HttpStatusCode.OK, changed.StatusCode);
                continue;
            }

            await changed.IsProblemAsync(HttpStatusCode.TooManyRequests, "too_many_requests");
            Assert.InRange(changed.Headers.RetryAfter!.Delta!.Value, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1));
        }

        Assert.Equal(600, (await _client.StatusAsync(sessionId, shop.Prefix())).GetProperty("files")[0].Number("price"));
    }

    [Fact]
    public async Task Changing_options_prolongs_the_session()
    {
        var shop = await relay.OfferingShopAsync();
        var sessionId = await _client.SendJobAsync(shop, PdfSamples.OfPages(1));
        await relay.ExecuteAsync("UPDATE sessions SET expires_at = now() + interval '5 minutes' WHERE session_id = @sessionId", new { sessionId });

        using var changed = await _client.ChangeAsync(shop, sessionId, """{"copies":2}""");

        Assert.True((await _client.StatusAsync(sessionId, shop.Prefix())).GetProperty("expiresAt").GetDateTimeOffset() > relay.Clock.GetUtcNow().AddMinutes(20));
    }

    private static byte[] Png => Convert.FromBase64String("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==");

    /// <summary>A pending session wherever it is shown: to its customer, in details, in the list, on the socket.</summary>
    private async Task<JsonElement[]> EverywhereAsync(TestShop shop, string sessionId, params JsonElement[] frames)
    {
        using var list = await relay.ShopApi(shop.Key).GetAsync("/api/shopkeeper/sessions/pending", Token);
        using var socket = await SocketClient.AuthenticatedAsync(relay.SocketAddress, shop.Key);
        var listed = Assert.Single((await list.JsonAsync()).GetProperty("sessions").EnumerateArray());
        var sent = Assert.Single((await socket.NextAsync("pending_sessions")).GetProperty("sessions").EnumerateArray());
        return [await _client.StatusAsync(sessionId, shop.Prefix()), await relay.DetailsAsync(shop, sessionId), listed, sent, .. frames];
    }
}
