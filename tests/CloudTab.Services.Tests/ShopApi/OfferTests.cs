using System.Net;
using System.Text.Json;

namespace CloudTab.Services.Tests;

/// <summary>What a shop prints and for how much: as the shop sets it, and as its customers see it.</summary>
public sealed class OfferTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    private const string Address = "/api/shopkeeper/offer";

    private const string Nothing = """{"currency":"INR","twoSided":true,"prices":[],"upiAddress":null}""";

    private const string Everything = """
        {"currency":"INR","twoSided":false,"prices":[{"media":"a4","colorMode":"monochrome","price":200},{"media":"a4","colorMode":"color","price":null},
        {"media":"photo","colorMode":"color","price":0}],"upiAddress":"corner.print@okbank"}
        """;

    /// <summary>Offers that cannot be, and words of the reason.</summary>
    public static TheoryData<string, string, string> Wrong => new()
    {
        { """{"currency":"rupees","twoSided":true,"prices":[]}""", "invalid_offer", "currency" },
        { """{"currency":"inr","twoSided":true,"prices":[]}""", "invalid_offer", "currency" },
        { """{"currency":"INR\n","twoSided":true,"prices":[]}""", "invalid_offer", "currency" },
        { """{"currency":null,"twoSided":true,"prices":[]}""", "invalid_offer", "currency" },
        { """{"currency":"INR","twoSided":true,"prices":null}""", "invalid_offer", "prices" },
        { """{"currency":"INR","twoSided":true,"prices":[null]}""", "invalid_offer", "prices" },
        { """{"currency":"INR","twoSided":true,"prices":[{"media":"a4","colorMode":"color","price":-1}]}""", "invalid_offer", "price must" },
        { """{"currency":"INR","twoSided":true,"prices":[{"media":"a4","colorMode":"color","price":1000001}]}""", "invalid_offer", "price must" },
        { """{"currency":"INR","twoSided":true,"prices":[{"media":"a4","colorMode":"color","price":1},{"media":"a4","colorMode":"color","price":2}]}""", "invalid_offer", "once" },
        { """{"currency":"INR","twoSided":true,"prices":[],"upiAddress":"https://example.com"}""", "invalid_offer", "upiAddress" },
        { """{"currency":"INR","twoSided":true,"prices":[],"upiAddress":"a@b@c"}""", "invalid_offer", "upiAddress" },
        { """{"currency":"INR","twoSided":true,"prices":[],"upiAddress":"a&b@bank"}""", "invalid_offer", "upiAddress" },
        { """{"currency":"USD","twoSided":true,"prices":[],"upiAddress":"a@bank"}""", "invalid_offer", "INR only" },
        { """{"currency":"INR","twoSided":true,"prices":[{"media":"a5","colorMode":"color","price":1}]}""", "invalid_request", "" },
        { """{"currency":"INR","twoSided":true,"prices":[{"media":0,"colorMode":"color","price":1}]}""", "invalid_request", "" },
        { """{"currency":"INR","twoSided":true,"prices":[{"media":"a4","colorMode":"color","price":1.5}]}""", "invalid_request", "" },
        { """{"currency":"INR","twoSided":true,"prices":[{"media":"a4","colorMode":"color","price":"1"}]}""", "invalid_request", "" },
        { """{"currency":"INR","twoSided":true,"prices":[{"media":"a4","price":1}]}""", "invalid_request", "" },
        { """{"currency":"INR","prices":[]}""", "invalid_request", "" },
        { "[]", "invalid_request", "" },
        { "{", "invalid_request", "" },
    };

    [Fact]
    public async Task A_shop_sets_its_offer_and_its_customers_see_it()
    {
        var (shop, other) = (await relay.ShopAsync(name: "Corner Print"), await relay.ShopAsync());
        using var client = relay.ShopApi(shop.Key);
        PrintJobs.IsSame(Nothing, (await GetAsync(client, Address)).GetProperty("offer"));

        using var set = await client.PutAsync(Address, PrintJobs.Json(Everything), Token);

        Assert.Equal(HttpStatusCode.OK, set.StatusCode);
        PrintJobs.IsSame(Everything, (await set.JsonAsync()).GetProperty("offer"));
        PrintJobs.IsSame(Everything, (await GetAsync(client, Address)).GetProperty("offer"));
        PrintJobs.IsSame(Nothing, (await GetAsync(relay.ShopApi(other.Key), Address)).GetProperty("offer"));
        var seen = await GetAsync(relay.UploadApi(), $"/s/{shop.Id}/api/customer/shopkeeper/status");
        Assert.Equal(["online", "connected", "message", "shop", "offer", "printOptions", "limits", "acceptedTypes"], seen.Fields());
        PrintJobs.IsSame(Everything, seen.GetProperty("offer"));
        PrintJobs.IsSame($$"""{"id":"{{shop.Id}}","name":"Corner Print"}""", seen.GetProperty("shop"));
        PrintJobs.IsSame("""{"copies":1,"colorMode":"monochrome","sides":"one-sided","pageRanges":null,"media":"a4","scaling":"fit"}""", seen.GetProperty("printOptions"));
        PrintJobs.IsSame($$"""{"files":50,"fileSize":{{UploadFixture.MaxFileSize}},"sessionSize":1073741824}""", seen.GetProperty("limits"));
        Assert.Equal(17, seen.GetProperty("acceptedTypes").GetArrayLength());
        Assert.Contains("application/pdf", seen.GetProperty("acceptedTypes").EnumerateArray().Select(type => type.GetString()));
    }

    [Fact]
    public async Task Customers_see_the_limits_and_the_usual_options_of_their_shop()
    {
        var shop = await relay.ShopAsync();
        await relay.ExecuteAsync("UPDATE shops SET max_files = 3, max_file_size = 1000 WHERE id = @Id", shop);
        await relay.SetOfferAsync(shop, """{"currency":"EUR","twoSided":true,"prices":[{"media":"a3","colorMode":"color","price":5}]}""");

        var seen = await GetAsync(relay.UploadApi(), $"/api/customer/shopkeeper/status?shop={shop.Id}");

        PrintJobs.IsSame("""{"files":3,"fileSize":1000,"sessionSize":1073741824}""", seen.GetProperty("limits"));
        Assert.Equal(("a3", "color"), (seen.GetProperty("printOptions").Text("media"), seen.GetProperty("printOptions").Text("colorMode")));
    }

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task An_offer_that_cannot_be_is_refused_and_changes_nothing(string offer, string code, string words)
    {
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(shop.Key);

        using var answer = await client.PutAsync(Address, PrintJobs.Json(offer), Token);

        await answer.IsProblemAsync(HttpStatusCode.BadRequest, code);
        Assert.Contains(words, (await answer.JsonAsync()).Text("message"), StringComparison.Ordinal);
        PrintJobs.IsSame(Nothing, (await GetAsync(client, Address)).GetProperty("offer"));
    }

    [Fact]
    public async Task Nobody_but_the_shop_sees_or_sets_it_over_the_shopkeepers_API()
    {
        var shop = await relay.ShopAsync();
        using var stranger = relay.ShopApi(key: null);
        using var got = await stranger.GetAsync(Address, Token);
        await got.IsProblemAsync(HttpStatusCode.Unauthorized, "api_key_required");
        using var set = await stranger.PutAsync(Address, PrintJobs.Json(Everything), Token);
        await set.IsProblemAsync(HttpStatusCode.Unauthorized, "api_key_required");

        using var revoked = relay.ShopApi(shop.Key);
        await relay.ExecuteAsync("UPDATE api_keys SET revoked_at = now() WHERE shop_id = @Id", shop);
        using var late = await revoked.PutAsync(Address, PrintJobs.Json(Everything), Token);
        await late.IsProblemAsync(HttpStatusCode.Unauthorized, "api_key_invalid");
        Assert.Equal(0, await relay.ScalarAsync<int>("SELECT jsonb_array_length(offer -> 'prices') FROM shops WHERE id = @Id", shop));
    }

    [Fact]
    public async Task Two_PCs_that_set_an_offer_at_once_do_not_mix_their_prices()
    {
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(shop.Key);
        string[] offers = [.. ((string[])["a4", "a3", "letter", "photo"]).Select(media => $$"""{"currency":"INR","twoSided":true,"prices":[{"media":"{{media}}","colorMode":"color","price":1}],"upiAddress":null}""")];

        await Task.WhenAll(Enumerable.Range(0, 40).Select(async i =>
        {
            using var set = await client.PutAsync(Address, PrintJobs.Json(offers[i % offers.Length]), Token);
            Assert.Equal(HttpStatusCode.OK, set.StatusCode);
        }));

        var kept = (await GetAsync(client, Address)).GetProperty("offer");
        Assert.Contains(offers, offer => JsonElement.DeepEquals(JsonElement.Parse(offer), kept));
    }

    [Fact]
    public async Task An_offer_that_another_PC_has_changed_is_not_overwritten_by_one_that_has_not_seen_it()
    {
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(shop.Key);
        using var seen = await client.GetAsync(Address, Token);
        using var first = await SetAsync(Everything, seen.Headers.ETag!.ToString());
        Assert.Equal(HttpStatusCode.OK, first.StatusCode);

        foreach (var tags in (string[])[seen.Headers.ETag.ToString(), $"W/{first.Headers.ETag}", "\"another\""])
        {
            using var late = await SetAsync(Nothing, tags);
            await late.IsProblemAsync(HttpStatusCode.PreconditionFailed, "precondition_failed");
            PrintJobs.IsSame(Everything, (await GetAsync(client, Address)).GetProperty("offer"));
        }

        using var again = await client.GetAsync(Address, Token);
        Assert.Equal(first.Headers.ETag, again.Headers.ETag);
        foreach (var tags in (string?[])[$"\"another\", {again.Headers.ETag}", "*", null])
        {
            using var set = await SetAsync(tags is null ? Nothing : Everything, tags);
            Assert.Equal(HttpStatusCode.OK, set.StatusCode);
        }

        async Task<HttpResponseMessage> SetAsync(string offer, string? tags)
        {
            using var request = new HttpRequestMessage(HttpMethod.Put, Address) { Content = PrintJobs.Json(offer) };
            if (tags is not null)
                request.Headers.TryAddWithoutValidation("If-Match", tags);
            return await client.SendAsync(request, Token);
        }
    }

    [Fact]
    public async Task Of_PCs_that_replace_the_same_offer_at_once_one_does()
    {
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(shop.Key);
        using var seen = await client.GetAsync(Address, Token);

        var answers = await Task.WhenAll(Enumerable.Range(1, 20).Select(async price =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Put, Address)
            {
                Headers = { { "If-Match", seen.Headers.ETag!.ToString() } },
                Content = PrintJobs.Json($$"""{"currency":"INR","twoSided":true,"prices":[{"media":"a4","colorMode":"color","price":{{price}}}],"upiAddress":null}"""),
            };
            using var answer = await client.SendAsync(request, Token);
            return answer.StatusCode;
        }));

        Assert.Single(answers, HttpStatusCode.OK);
        Assert.All(answers, status => Assert.True(status is HttpStatusCode.OK or HttpStatusCode.PreconditionFailed, status.ToString()));
    }

    private static async Task<JsonElement> GetAsync(HttpClient client, string path)
    {
        using var answer = await client.GetAsync(path, Token);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return await answer.JsonAsync();
    }
}
