using System.Net;
using System.Text.Json;

namespace CloudTab.Services.Tests;

/// <summary>How much a shop lets its customers send: as the shop sets it, and as its customers meet it.</summary>
public sealed class LimitsTests(SmallLimitsFixture relay) : IClassFixture<SmallLimitsFixture>
{
    private const string Address = "/api/shopkeeper/limits";
    private const string Nothing = """{"files":null,"fileSize":null,"sessionSize":null,"outstanding":null}""";
    private const string Settings = """{"files":3,"fileSize":1000,"sessionSize":2500,"outstanding":1000000}""";
    private const string Lower = """{"files":2,"fileSize":600,"sessionSize":1000,"outstanding":1500}""";

    /// <summary>Limits that cannot be, and words of the reason.</summary>
    public static TheoryData<string, string, string> Wrong => new()
    {
        { """{"files":0}""", "invalid_limits", "files must" },
        { """{"files":-1}""", "invalid_limits", "files must" },
        { """{"files":4}""", "invalid_limits", "from 1 to 3, which this relay's operator allows" },
        { """{"fileSize":1001}""", "invalid_limits", "from 1 to 1000, which this relay's operator allows" },
        { """{"sessionSize":2501}""", "invalid_limits", "sessionSize must" },
        { """{"outstanding":1000001}""", "invalid_limits", "outstanding must" },
        { """{"fileSize":9223372036854775807}""", "invalid_limits", "fileSize must" },
        { """{"fileSize":600,"sessionSize":599}""", "invalid_limits", "sessionSize must be fileSize or more" },
        { """{"sessionSize":600,"outstanding":599}""", "invalid_limits", "outstanding must be sessionSize or more" },
        { """{"files":1.5}""", "invalid_request", "" },
        { """{"files":"2"}""", "invalid_request", "" },
        { """{"files":2147483648}""", "invalid_request", "" },
        { "[]", "invalid_request", "" },
        { "null", "invalid_request", "" },
        { "{", "invalid_request", "" },
    };

    [Fact]
    public async Task A_shop_sets_its_limits_and_its_customers_are_held_to_them()
    {
        var (shop, other) = (await relay.ShopAsync(), await relay.ShopAsync());
        using var client = relay.ShopApi(shop.Key);
        var before = await GetAsync(client, Address);
        Assert.Equal(["success", "limits", "most"], before.Fields());
        PrintJobs.IsSame(Nothing, before.GetProperty("limits"));
        PrintJobs.IsSame(Settings, before.GetProperty("most"));

        using var set = await client.PutAsync(Address, PrintJobs.Json(Lower), Token);

        Assert.Equal(HttpStatusCode.OK, set.StatusCode);
        PrintJobs.IsSame(Lower, (await set.JsonAsync()).GetProperty("limits"));
        PrintJobs.IsSame(Lower, (await GetAsync(client, Address)).GetProperty("limits"));
        PrintJobs.IsSame(Nothing, (await GetAsync(relay.ShopApi(other.Key), Address)).GetProperty("limits"));
        using var customer = relay.UploadApi();
        PrintJobs.IsSame("""{"files":2,"fileSize":600,"sessionSize":1000}""", (await GetAsync(customer, $"{shop.Prefix()}/api/customer/shopkeeper/status")).GetProperty("limits"));

        await RefusedAsync(HttpStatusCode.RequestEntityTooLarge, "file_too_large", Sample.Pdf(601));
        await RefusedAsync(HttpStatusCode.RequestEntityTooLarge, "session_too_large", Sample.Pdf(600), Sample.Pdf(401));
        await RefusedAsync(HttpStatusCode.RequestEntityTooLarge, "too_many_files", Sample.Pdf(10), Sample.Pdf(10), Sample.Pdf(10));
        using var fits = await customer.UploadToAsync(shop.Prefix(), await customer.CreateAsync(shop.Prefix()), Sample.Pdf(600), Sample.Pdf(400));
        Assert.Equal(HttpStatusCode.OK, fits.StatusCode);
        await RefusedAsync(HttpStatusCode.InsufficientStorage, "shop_full", Sample.Pdf(501));

        using var left = await client.PutAsync(Address, PrintJobs.Json("{}"), Token);
        PrintJobs.IsSame(Nothing, (await left.JsonAsync()).GetProperty("limits"));
        using var larger = await customer.UploadToAsync(shop.Prefix(), await customer.CreateAsync(shop.Prefix()), Sample.Pdf(1_000));
        Assert.Equal(HttpStatusCode.OK, larger.StatusCode);

        async Task RefusedAsync(HttpStatusCode status, string code, params Sample[] files)
        {
            using var refused = await customer.UploadToAsync(shop.Prefix(), await customer.CreateAsync(shop.Prefix()), files);
            await refused.IsProblemAsync(status, code);
        }
    }

    [Theory]
    [InlineData("{\"sessionSize\":500}", 500, 500)]
    [InlineData("{\"sessionSize\":1500}", 1_000, 1_500)]
    [InlineData("{\"outstanding\":400}", 400, 400)]
    [InlineData("{\"fileSize\":300,\"outstanding\":400}", 300, 400)]
    public async Task A_whole_that_a_shop_makes_smaller_bounds_its_parts(string limits, int fileSize, int sessionSize)
    {
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(shop.Key);
        using var set = await client.PutAsync(Address, PrintJobs.Json(limits), Token);
        Assert.Equal(HttpStatusCode.OK, set.StatusCode);

        var told = (await GetAsync(relay.UploadApi(), $"{shop.Prefix()}/api/customer/shopkeeper/status")).GetProperty("limits");
        Assert.Equal((fileSize, sessionSize), (told.Number("fileSize"), told.Number("sessionSize")));
    }

    [Fact]
    public async Task What_the_operator_allows_a_shop_is_the_most_that_it_can_allow_also_if_that_is_lowered_later()
    {
        var shop = await relay.ShopAsync();
        await relay.ExecuteAsync("UPDATE shops SET max_file_size = 5000, max_session_size = 6000 WHERE id = @Id", shop);
        using var client = relay.ShopApi(shop.Key);
        PrintJobs.IsSame("""{"files":3,"fileSize":5000,"sessionSize":6000,"outstanding":1000000}""", (await GetAsync(client, Address)).GetProperty("most"));
        using var set = await client.PutAsync(Address, PrintJobs.Json("""{"fileSize":5000}"""), Token);
        Assert.Equal(HttpStatusCode.OK, set.StatusCode);

        await relay.ExecuteAsync("UPDATE shops SET max_file_size = 700 WHERE id = @Id", shop);

        var now = await GetAsync(client, Address);
        Assert.Equal((5_000, 700), (now.GetProperty("limits").Number("fileSize"), now.GetProperty("most").Number("fileSize")));
        Assert.Equal(700, (await GetAsync(relay.UploadApi(), $"{shop.Prefix()}/api/customer/shopkeeper/status")).GetProperty("limits").Number("fileSize"));
        using var again = await client.PutAsync(Address, PrintJobs.Json("""{"fileSize":5000}"""), Token);
        await again.IsProblemAsync(HttpStatusCode.BadRequest, "invalid_limits");
    }

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task Limits_that_cannot_be_are_refused_and_change_nothing(string limits, string code, string words)
    {
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(shop.Key);

        using var answer = await client.PutAsync(Address, PrintJobs.Json(limits), Token);

        await answer.IsProblemAsync(HttpStatusCode.BadRequest, code);
        Assert.Contains(words, (await answer.JsonAsync()).Text("message"), StringComparison.Ordinal);
        PrintJobs.IsSame(Nothing, (await GetAsync(client, Address)).GetProperty("limits"));
    }

    [Fact]
    public async Task Nobody_but_the_shop_sees_or_sets_them()
    {
        var shop = await relay.ShopAsync();
        using var stranger = relay.ShopApi(key: null);
        using var got = await stranger.GetAsync(Address, Token);
        await got.IsProblemAsync(HttpStatusCode.Unauthorized, "api_key_required");
        using var set = await stranger.PutAsync(Address, PrintJobs.Json(Lower), Token);
        await set.IsProblemAsync(HttpStatusCode.Unauthorized, "api_key_required");

        using var revoked = relay.ShopApi(shop.Key);
        await relay.ExecuteAsync("UPDATE api_keys SET revoked_at = now() WHERE shop_id = @Id", shop);
        using var late = await revoked.PutAsync(Address, PrintJobs.Json(Lower), Token);
        await late.IsProblemAsync(HttpStatusCode.Unauthorized, "api_key_invalid");
        Assert.Equal("{}", await relay.ScalarAsync<string>("SELECT own_limits::text FROM shops WHERE id = @Id", shop));
    }

    [Fact]
    public async Task Limits_that_another_PC_has_changed_are_not_overwritten_by_one_that_has_not_seen_it()
    {
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(shop.Key);
        using var seen = await client.GetAsync(Address, Token);
        using var first = await SetAsync("{}", seen.Headers.ETag!.ToString());
        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        using var second = await SetAsync(Lower, first.Headers.ETag!.ToString());
        Assert.Equal(HttpStatusCode.OK, second.StatusCode);

        using var late = await SetAsync(Settings, first.Headers.ETag.ToString());

        await late.IsProblemAsync(HttpStatusCode.PreconditionFailed, "precondition_failed");
        PrintJobs.IsSame(Lower, (await GetAsync(client, Address)).GetProperty("limits"));
        using var unconditional = await client.PutAsync(Address, PrintJobs.Json(Settings), Token);
        Assert.Equal(HttpStatusCode.OK, unconditional.StatusCode);

        async Task<HttpResponseMessage> SetAsync(string limits, string tag)
        {
            using var request = new HttpRequestMessage(HttpMethod.Put, Address) { Headers = { { "If-Match", tag } }, Content = PrintJobs.Json(limits) };
            return await client.SendAsync(request, Token);
        }
    }

    private static async Task<JsonElement> GetAsync(HttpClient client, string path)
    {
        using var answer = await client.GetAsync(path, Token);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return await answer.JsonAsync();
    }
}
