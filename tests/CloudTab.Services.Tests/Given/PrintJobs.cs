using System.Net;
using System.Text;
using System.Text.Json;

namespace CloudTab.Services.Tests;

/// <summary>Jobs with print options and prices, as customers send them and a shop sees them.</summary>
internal static class PrintJobs
{
    /// <summary>What the shops of these tests print: all but A3 in colour for a price that the phone knows.</summary>
    public const string Offer = """
        {"currency":"INR","twoSided":true,"prices":[{"media":"a4","colorMode":"monochrome","price":200},{"media":"a4","colorMode":"color","price":1005},
        {"media":"a3","colorMode":"color","price":null},{"media":"photo","colorMode":"color","price":3000}],"upiAddress":null}
        """;

    /// <summary>What comes before the paths of a shop's customers.</summary>
    public static string Prefix(this TestShop shop) => $"/s/{shop.Id}";

    public static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");

    public static void Add(this MultipartFormDataContent form, Sample file) => form.Add(new ByteArrayContent(file.Content), "files", file.Name);

    /// <summary>A number, or null if it is null.</summary>
    public static int? Number(this JsonElement json, string name) => json.GetProperty(name) is { ValueKind: JsonValueKind.Number } number ? number.GetInt32() : null;

    /// <summary>Asserts that a JSON text and a value are the same, in any order of the members.</summary>
    public static void IsSame(string expected, JsonElement actual) => Assert.True(JsonElement.DeepEquals(JsonElement.Parse(expected), actual), actual.GetRawText());

    public static void AssertTotal(JsonElement session, int pages, int uncounted, int? amount, bool isComplete, string currency = "INR")
    {
        var price = session.GetProperty("price");
        Assert.Equal(["amount", "currency", "isComplete"], price.Fields());
        Assert.Equal(
            (pages, uncounted, amount, currency, isComplete),
            (session.Number("pages"), session.Number("uncountedFiles"), price.Number("amount"), price.Text("currency"), price.GetProperty("isComplete").GetBoolean()));
    }

    /// <summary>A new shop that prints what is in <see cref="Offer"/>.</summary>
    public static async Task<TestShop> OfferingShopAsync(this RelayFixture relay)
    {
        var shop = await relay.ShopAsync();
        await relay.SetOfferAsync(shop, Offer);
        return shop;
    }

    public static async Task SetOfferAsync(this RelayFixture relay, TestShop shop, string offer)
    {
        using var set = await relay.ShopApi(shop.Key).PutAsync("/api/shopkeeper/offer", Json(offer), Token);
        Assert.Equal(HttpStatusCode.OK, set.StatusCode);
    }

    /// <summary>Sends a file with these options, which submits its new session.</summary>
    public static async Task<string> SendJobAsync(this HttpClient client, TestShop shop, Sample file, string options = "{}")
    {
        var sessionId = await client.CreateAsync(shop.Prefix());
        using var form = new MultipartFormDataContent { { new StringContent(options), "printOptions" } };
        form.Add(file);
        using var sent = await client.SendFormAsync(sessionId, form, shop.Prefix());
        Assert.Equal(HttpStatusCode.OK, sent.StatusCode);
        return sessionId;
    }

    /// <summary>Changes the options of a session's first file.</summary>
    public static async Task<HttpResponseMessage> ChangeAsync(this HttpClient client, TestShop shop, string sessionId, string options)
    {
        var file = (await client.StatusAsync(sessionId, shop.Prefix())).GetProperty("files")[0].Text("id");
        return await client.PatchAsync($"{shop.Prefix()}/api/customer/sessions/{sessionId}/files/{file}", Json($$"""{"printOptions":{{options}}}"""), Token);
    }

    public static async Task<JsonElement> DetailsAsync(this RelayFixture relay, TestShop shop, string sessionId)
    {
        using var details = await relay.ShopApi(shop.Key).GetAsync($"/api/shopkeeper/sessions/{sessionId}", Token);
        Assert.Equal(HttpStatusCode.OK, details.StatusCode);
        return (await details.JsonAsync()).GetProperty("session");
    }
}
