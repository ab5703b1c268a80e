using System.Globalization;
using System.Net;
using CloudTab.ShopApi;

namespace CloudTab.Services.Tests;

public sealed class ShopAuthenticationTests(RelayFixture relay) : IClassFixture<RelayFixture>
{
    public static TheoryData<string, string> Calls => new()
    {
        { "GET", "/api/shopkeeper/sessions/pending" },
        { "GET", "/api/shopkeeper/sessions/ABC234" },
        { "POST", "/api/shopkeeper/sessions/ABC234/claim" },
        { "POST", "/api/shopkeeper/sessions/ABC234/release" },
        { "POST", "/api/shopkeeper/sessions/ABC234/complete" },
        { "GET", "/api/shopkeeper/sessions/ABC234/download" },
        { "GET", "/api/shopkeeper/files/00000000-0000-0000-0000-000000000000/preview" },
        { "POST", "/api/shopkeeper/ticket" },
        { "GET", "/api/shopkeeper/days/2026-11-29" },
        { "GET", "/api/shopkeeper/shop" },
        { "PATCH", "/api/shopkeeper/shop" },
        { "GET", "/api/shopkeeper/keys" },
        { "POST", "/api/shopkeeper/keys" },
        { "DELETE", "/api/shopkeeper/keys/00000000-0000-0000-0000-000000000000" },
        { "GET", "/api/shopkeeper/files/00000000-0000-0000-0000-000000000000/download" },
    };

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task A_call_without_a_key_is_refused(string method, string path)
    {
        using var client = relay.ShopApi(key: null);
        using var request = new HttpRequestMessage(new HttpMethod(method), path);

        using var response = await client.SendAsync(request, Token);

        await response.IsProblemAsync(HttpStatusCode.Unauthorized, "api_key_required");
        Assert.NotEmpty(response.Headers.WwwAuthenticate);
    }

    [Theory]
    [InlineData("x")]
    [InlineData("ctk_unknown1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    public async Task An_unknown_key_is_refused(string key)
    {
        using var client = relay.ShopApi(key);

        using var response = await client.GetAsync("/api/shopkeeper/sessions/pending", Token);

        await response.IsProblemAsync(HttpStatusCode.Unauthorized, "api_key_invalid");
    }

    [Fact]
    public async Task A_refusal_is_problem_details_whatever_the_client_accepts()
    {
        using var client = relay.ShopApi("an unknown key");
        client.DefaultRequestHeaders.Add("Accept", "application/pdf");

        using var response = await client.GetAsync($"/api/shopkeeper/files/{Guid.NewGuid()}/download", Token);

        await response.IsProblemAsync(HttpStatusCode.Unauthorized, "api_key_invalid");
    }

    [Fact]
    public async Task A_revoked_key_is_refused()
    {
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(shop.Key);
        using var before = await client.GetAsync("/api/shopkeeper/sessions/pending", Token);
        Assert.Equal(200, (int)before.StatusCode);
        await relay.ExecuteAsync("UPDATE api_keys SET revoked_at = now() WHERE shop_id = @Id", shop);

        using var after = await client.GetAsync("/api/shopkeeper/sessions/pending", Token);

        await after.IsProblemAsync(HttpStatusCode.Unauthorized, "api_key_invalid");
    }
}

/// <summary>Three wrong keys a minute.</summary>
public sealed class FewWrongKeys(Dependencies dependencies) : RelayFixture(dependencies)
{
    protected override IReadOnlyDictionary<string, string> Settings { get; } =
        new Dictionary<string, string>(StringComparer.Ordinal) { ["RATE_LIMIT_KEY_FAILURES_PER_MINUTE"] = "3" };
}

public sealed class ShopKeyFailuresTests(FewWrongKeys relay) : IClassFixture<FewWrongKeys>
{
    private const string Wrong = "a wrong key of some length";

    [Theory]
    [InlineData("HTTP")]
    [InlineData("socket")]
    public async Task Too_many_wrong_keys_of_one_address_are_refused_on_every_replica_and_protocol_and_those_of_others_are_not(string over)
    {
        var shop = await relay.ShopAsync();
        var guesser = over == "HTTP" ? "192.0.2.1" : "192.0.2.2";
        for (var i = 0; i < 3; i++)
            Assert.Equal("wrong", await (over == "HTTP" ? GetAsync(Wrong, guesser) : AuthenticateAsync(Wrong, guesser)));

        // Not even the right one: the answer would tell a guesser.
        await using var replica = relay.StartHost<ApiKeyAuthentication>();
        Assert.Equal("too many", await GetAsync(shop.Key, guesser));
        Assert.Equal("too many", await GetAsync(shop.Key, guesser, replica.Client()));
        Assert.Equal("too many", await AuthenticateAsync(shop.Key, guesser));

        Assert.Equal("right", await GetAsync(shop.Key, $"{guesser}0"));
        Assert.Equal("right", await AuthenticateAsync(shop.Key, $"{guesser}1"));

        await relay.ExecuteAsync("UPDATE key_guesses SET began_at = began_at - interval '1 minute'");
        Assert.Equal("right", await GetAsync(shop.Key, guesser));
    }

    [Fact]
    public async Task Guesses_at_the_same_moment_do_not_exceed_the_limit()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => GetAsync($"{Wrong} {i}", "192.0.2.3")));

        Assert.Equal(3, answers.Count(answer => answer == "wrong"));
        Assert.Equal(37, answers.Count(answer => answer == "too many"));
    }

    [Fact]
    public async Task A_key_that_was_right_lately_is_not_locked_out_by_wrong_ones_of_its_address()
    {
        var shop = await relay.ShopAsync();
        Assert.Equal("right", await GetAsync(shop.Key, "2001:db8::1"));
        for (var i = 0; i < 5; i++)
            await GetAsync(Wrong, "2001:db8::2"); // of the same /64

        Assert.Equal("right", await GetAsync(shop.Key, "2001:db8::1"));
        Assert.Equal("right", await AuthenticateAsync(shop.Key, "2001:db8::1"));
        Assert.Equal("too many", await GetAsync(await relay.KeyAsync(shop.Id), "2001:db8::1"));
    }

    [Fact]
    public async Task A_key_that_is_used_again_and_again_is_not_written_again_and_again()
    {
        var shop = await relay.ShopAsync();
        await GetAsync(shop.Key, "192.0.2.4");
        const string sql = "SELECT xmin::text || ' ' || (SELECT xmin FROM key_uses WHERE key_id = api_keys.id) || ' ' || last_used_at FROM api_keys WHERE shop_id = @Id";
        var before = await relay.ScalarAsync<string>(sql, shop);
        Assert.NotNull(before);

        for (var i = 0; i < 5; i++)
            Assert.Equal("right", await GetAsync(shop.Key, "192.0.2.4"));

        Assert.Equal(before, await relay.ScalarAsync<string>(sql, shop));
    }

    [Theory]
    [InlineData("SHOP_DEFAULT_KEY_12345")]
    [InlineData("nineteen characters")]
    public async Task A_weak_key_that_is_stored_already_opens_nothing_outside_Development(string key)
    {
        var shop = await relay.ShopAsync();
        await relay.KeyAsync(shop.Id, key);

        Assert.Equal("wrong", await GetAsync(key, "192.0.2.5"));
    }

    private async Task<string> GetAsync(string key, string address, HttpClient? client = null)
    {
        using var used = client ?? relay.ShopApi(key: null);
        used.DefaultRequestHeaders.Add("X-API-Key", key);
        used.DefaultRequestHeaders.Add("X-Forwarded-For", address);
        using var response = await used.GetAsync("/api/shopkeeper/sessions/pending", Token);
        if (response.StatusCode == HttpStatusCode.OK)
            return "right";
        if (response.StatusCode == HttpStatusCode.Unauthorized)
        {
            await response.IsProblemAsync(HttpStatusCode.Unauthorized, "api_key_invalid");
            return "wrong";
        }

        await response.IsProblemAsync(HttpStatusCode.TooManyRequests, "too_many_requests");
        Assert.InRange(int.Parse(response.Headers.GetValues("Retry-After").Single(), CultureInfo.InvariantCulture), 1, 60);
        return "too many";
    }

    private async Task<string> AuthenticateAsync(string key, string address)
    {
        using var client = await SocketClient.ConnectAsync(relay.SocketAddress, null, ("X-Forwarded-For", address));
        var answer = await client.AskAsync(new { type = "authenticate", apiKey = key });
        if (answer.Text("type") == "authenticated")
            return "right";
        var code = await client.CloseCodeAsync();
        if (answer.Text("type") == "auth_failed")
        {
            Assert.Equal(4401, code);
            return "wrong";
        }

        Assert.Equal("too_many_requests", answer.Text("code"));
        Assert.Equal(4429, code);
        return "too many";
    }
}
