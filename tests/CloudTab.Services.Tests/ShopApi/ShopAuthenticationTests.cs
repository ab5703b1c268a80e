using System.Globalization;
using System.Net;

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
    [Fact]
    public async Task Too_many_wrong_keys_from_one_address_are_refused_with_429_and_others_are_not()
    {
        var shop = await relay.ShopAsync();
        using var guesser = relay.ShopApi("a wrong key of some length");
        guesser.DefaultRequestHeaders.Add("X-Forwarded-For", "192.0.2.1");
        for (var i = 0; i < 3; i++)
        {
            using var wrong = await guesser.GetAsync("/api/shopkeeper/sessions/pending", Token);
            await wrong.IsProblemAsync(HttpStatusCode.Unauthorized, "api_key_invalid");
        }

        using var refused = await guesser.GetAsync("/api/shopkeeper/sessions/pending", Token);
        await refused.IsProblemAsync(HttpStatusCode.TooManyRequests, "too_many_requests");
        Assert.InRange(int.Parse(refused.Headers.GetValues("Retry-After").Single(), CultureInfo.InvariantCulture), 1, 60);

        using var rightFromThere = relay.ShopApi(shop.Key);
        rightFromThere.DefaultRequestHeaders.Add("X-Forwarded-For", "192.0.2.1");
        using var refusedToo = await rightFromThere.GetAsync("/api/shopkeeper/sessions/pending", Token);
        await refusedToo.IsProblemAsync(HttpStatusCode.TooManyRequests, "too_many_requests");

        using var elsewhere = relay.ShopApi(shop.Key);
        elsewhere.DefaultRequestHeaders.Add("X-Forwarded-For", "192.0.2.2");
        using var answered = await elsewhere.GetAsync("/api/shopkeeper/sessions/pending", Token);
        Assert.Equal(200, (int)answered.StatusCode);
    }
}
