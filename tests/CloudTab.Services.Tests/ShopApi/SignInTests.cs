using System.Net;
using System.Net.Http.Json;
using CloudTab.Pages;

namespace CloudTab.Services.Tests;

public sealed class SignInTests(RelayFixture relay) : IClassFixture<RelayFixture>
{
    private const string Pending = "/api/shopkeeper/sessions/pending";

    [Fact]
    public async Task A_browser_that_has_signed_in_does_what_the_key_does()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.SubmitAsync(shop.Id);
        using var browser = await relay.BrowserAsync(shop.Key);

        using var listed = await browser.GetAsync(Pending, Token);
        using var claimed = await browser.PostAsync($"/api/shopkeeper/sessions/{given.PickupCode}/claim");
        var file = await browser.GetByteArrayAsync($"/api/shopkeeper/files/{given.Files[0]}/download", Token);
        using var completed = await browser.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/complete");

        Assert.Equal(given.SessionId, (await listed.JsonAsync()).GetProperty("sessions")[0].Text("sessionId"));
        Assert.Equal("Front desk", (await claimed.JsonAsync()).GetProperty("session").Text("claimedBy"));
        Assert.Equal(new GivenFile().Content, file);
        Assert.Equal(HttpStatusCode.OK, completed.StatusCode);
    }

    [Fact]
    public async Task Neither_the_page_nor_the_cookie_nor_the_database_holds_the_key_or_the_cookie_s_secret()
    {
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(key: null);
        using var answer = await client.SignInAsync($" {shop.Key}\n", ("Sec-Fetch-Site", "same-origin"));
        Assert.Equal("/shop", answer.Headers.Location?.ToString());
        var secret = answer.Cookie().Split(';')[0].Split('=')[1];
        Assert.Equal(43, secret.Length);
        Assert.DoesNotContain(shop.Key, answer.Cookie(), StringComparison.Ordinal);
        using var browser = await relay.BrowserAsync(shop.Key);

        using var page = await browser.GetAsync("/shop", Token);

        var html = await page.Content.ReadAsStringAsync(Token);
        Assert.Contains(shop.Name, html, StringComparison.Ordinal);
        Assert.DoesNotContain(shop.Key, html, StringComparison.Ordinal);
        Assert.DoesNotContain(secret, html, StringComparison.Ordinal);
        Assert.Equal("same-origin", page.Headers.GetValues("Referrer-Policy").Single());
        Assert.True(page.Headers.CacheControl?.NoStore);
        Assert.Equal(0, await relay.ScalarAsync<long>("SELECT count(*) FROM sign_ins WHERE position(convert_to(@secret, 'UTF8') IN sha256) > 0", new { secret }));
    }

    [Fact]
    public async Task The_poster_has_the_address_of_the_shop_s_customers_as_a_QR_code()
    {
        var shop = await relay.ShopAsync(name: "Print & <b>Copy</b>");
        using var browser = await relay.BrowserAsync(shop.Key);
        browser.DefaultRequestHeaders.Add("X-Forwarded-Host", "localhost:5000");
        using var signedOut = relay.ShopApi(key: null);

        var html = await browser.GetStringAsync("/shop/poster", Token);
        var form = await signedOut.GetStringAsync("/shop/poster", Token);

        Assert.Contains("Print &amp; &lt;b&gt;Copy&lt;/b&gt;", html, StringComparison.Ordinal);
        Assert.Contains($"http://localhost:5000/s/{shop.Id}", html, StringComparison.Ordinal);
        Assert.Contains("<svg class=\"qr\"", html, StringComparison.Ordinal);
        Assert.DoesNotContain("style=", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<svg class=\"qr\"", form, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("cloudtab.example", "https", "__Host-shop", true)]
    [InlineData("cloudtab.example", "http", "__Host-shop", true)] // TLS ends at a proxy that TRUSTED_PROXIES does not name
    [InlineData("localhost:5000", "https", "__Host-shop", true)]
    [InlineData("localhost:5000", "http", "shop", false)]
    [InlineData("127.0.0.1", "http", "shop", false)]
    [InlineData("[::1]:5000", "http", "shop", false)]
    [InlineData("shop.localhost:5000", "http", "shop", false)]
    [InlineData("localhost.example", "http", "__Host-shop", true)]
    public async Task The_cookie_is_for_this_host_over_TLS_and_for_no_script_or_other_site(string host, string scheme, string name, bool isSecure)
    {
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(key: null);
        (string, string)[] proxied = [("X-Forwarded-Host", host), ("X-Forwarded-Proto", scheme)];

        using var answer = await client.SignInAsync(shop.Key, [.. proxied, ("Origin", $"{(isSecure ? "https" : "http")}://{host}")]);

        Assert.Equal(HttpStatusCode.SeeOther, answer.StatusCode);
        var attributes = answer.Cookie().ToLowerInvariant().Split("; ");
        Assert.StartsWith($"{name}=", answer.Cookie(), StringComparison.Ordinal);
        Assert.Equal(isSecure, attributes.Contains("secure"));
        Assert.Contains("httponly", attributes);
        Assert.Contains("samesite=strict", attributes);
        Assert.Contains("path=/", attributes);
        Assert.DoesNotContain(attributes, attribute => attribute.StartsWith("domain", StringComparison.Ordinal));

        // The name is a part of the protection: no other host can set it.
        var secret = answer.Cookie().Split(';')[0].Split('=')[1];
        Assert.Equal(HttpStatusCode.OK, await StatusAsync($"{name}={secret}"));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync($"{(isSecure ? "shop" : "__Host-shop")}={secret}"));

        async Task<HttpStatusCode> StatusAsync(string cookie)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, Pending) { Headers = { { "Cookie", cookie } } };
            foreach (var (header, value) in proxied)
                request.Headers.Add(header, value);
            using var response = await client.SendAsync(request, Token);
            return response.StatusCode;
        }
    }

    [Theory]
    [InlineData("en")]
    [InlineData("hi")]
    public async Task A_right_key_over_plain_HTTP_is_told_that_the_page_needs_HTTPS(string language)
    {
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(key: null);
        (string, string)[] page =
        [
            ("X-Forwarded-Host", "192.168.1.20:5000"), ("X-Forwarded-Proto", "http"), ("Origin", "http://192.168.1.20:5000"), ("Accept-Language", language),
        ];

        using var right = await client.SignInAsync(shop.Key, page);
        using var wrong = await client.SignInAsync("a wrong key of some length", page);

        Assert.Equal(HttpStatusCode.Forbidden, right.StatusCode);
        Assert.False(right.Headers.Contains("Set-Cookie"));
        var words = Words.All.Single(one => one.Language == language);
        Assert.Contains(words["signIn.https_required"], WebUtility.HtmlDecode(await right.Content.ReadAsStringAsync(Token)), StringComparison.Ordinal);
        Assert.Equal(0, await relay.ScalarAsync<long>("SELECT count(*) FROM sign_ins JOIN api_keys ON api_keys.id = key_id WHERE shop_id = @Id", shop));
        Assert.Equal(HttpStatusCode.Unauthorized, wrong.StatusCode);
    }

    [Theory]
    [InlineData("UPDATE api_keys SET revoked_at = now() WHERE shop_id = @Id")]
    [InlineData("UPDATE shops SET suspended_at = now() WHERE id = @Id")]
    public async Task A_sign_in_ends_at_once_with_its_key_or_its_shop(string sql)
    {
        var shop = await relay.ShopAsync();
        using var browser = await relay.BrowserAsync(shop.Key);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(browser));
        await relay.ExecuteAsync(sql, shop);

        using var refused = await browser.GetAsync(Pending, Token);
        using var page = await browser.GetAsync("/shop", Token);

        await refused.IsProblemAsync(HttpStatusCode.Unauthorized, "signed_out");
        Assert.NotEmpty(refused.Headers.WwwAuthenticate);
        Assert.Contains("name=\"apiKey\"", await page.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Signing_out_ends_this_sign_in_and_no_other()
    {
        var shop = await relay.ShopAsync();
        using var browser = await relay.BrowserAsync(shop.Key);
        using var other = await relay.BrowserAsync(shop.Key);

        using var answer = await browser.PostAsync("/shop/sign-out");

        Assert.Equal(HttpStatusCode.SeeOther, answer.StatusCode);
        Assert.StartsWith("shop=;", answer.Cookie(), StringComparison.Ordinal);
        Assert.Contains("max-age=0", answer.Cookie(), StringComparison.OrdinalIgnoreCase);
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(browser));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(other));
    }

    [Fact]
    public async Task Signing_in_again_ends_the_sign_in_before()
    {
        var shop = await relay.ShopAsync();
        using var browser = await relay.BrowserAsync(shop.Key);

        using var again = await browser.SignInAsync(shop.Key);

        Assert.Equal(HttpStatusCode.SeeOther, again.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(browser));
    }

    [Fact]
    public async Task A_sign_in_lasts_for_thirty_days_from_its_last_use()
    {
        var shop = await relay.ShopAsync();
        using var browser = await relay.BrowserAsync(shop.Key);
        using var idle = await relay.BrowserAsync(shop.Key);

        foreach (var expected in (HttpStatusCode[])[HttpStatusCode.OK, HttpStatusCode.OK])
        {
            relay.Clock.Advance(TimeSpan.FromDays(29));
            Assert.Equal(expected, await StatusAsync(browser));
        }

        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(idle));
        relay.Clock.Advance(TimeSpan.FromDays(30));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(browser));
    }

    [Fact]
    public async Task Using_a_sign_in_is_noted_on_its_key_once_a_minute()
    {
        var shop = await relay.ShopAsync();
        using var browser = await relay.BrowserAsync(shop.Key);
        const string sql = "SELECT (SELECT xmin::text FROM sign_ins WHERE key_id = api_keys.id) || ' ' || xmin || ' ' || last_used_at FROM api_keys WHERE shop_id = @Id";
        var before = await relay.ScalarAsync<string>(sql, shop);
        for (var i = 0; i < 3; i++)
            Assert.Equal(HttpStatusCode.OK, await StatusAsync(browser));
        Assert.Equal(before, await relay.ScalarAsync<string>(sql, shop));

        relay.Clock.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(browser));

        Assert.NotEqual(before, await relay.ScalarAsync<string>(sql, shop));
    }

    [Theory]
    [InlineData("cross-site", null)]
    [InlineData("same-site", null)]
    [InlineData("none", null)]
    [InlineData("cross-site", "own")] // what the browser says of the request comes first
    [InlineData(null, "https://shop.example")]
    [InlineData(null, "null")]
    [InlineData(null, "")]
    [InlineData(null, null)]
    public async Task A_request_of_another_page_changes_nothing(string? site, string? origin)
    {
        var shop = await relay.ShopAsync();
        var given = await relay.AnnounceAsync(shop.Id);
        using var browser = await relay.BrowserAsync(shop.Key);
        browser.DefaultRequestHeaders.Remove("Sec-Fetch-Site");
        if (site is not null)
            browser.DefaultRequestHeaders.Add("Sec-Fetch-Site", site);
        if (origin is not null)
            browser.DefaultRequestHeaders.TryAddWithoutValidation("Origin", origin == "own" ? Origin(browser) : origin);

        using var claim = await browser.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/claim");
        using var ticket = await browser.PostAsync("/api/shopkeeper/ticket");
        using var signOut = await browser.PostAsync("/shop/sign-out");
        using var signIn = await browser.SignInAsync(shop.Key);

        await claim.IsProblemAsync(HttpStatusCode.Forbidden, "cross_site_request");
        await ticket.IsProblemAsync(HttpStatusCode.Forbidden, "cross_site_request");
        foreach (var page in (HttpResponseMessage[])[signOut, signIn])
        {
            Assert.Equal(HttpStatusCode.Forbidden, page.StatusCode);
            Assert.Equal("text/html", page.Content.Headers.ContentType?.MediaType);
            Assert.False(page.Headers.Contains("Set-Cookie"));
        }

        Assert.Equal("pending", await relay.ScalarAsync<string>("SELECT status FROM sessions WHERE id = @Id", given));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(browser));
    }

    [Fact]
    public async Task A_browser_that_does_not_say_the_site_is_believed_its_Origin()
    {
        var shop = await relay.ShopAsync();
        using var browser = await relay.BrowserAsync(shop.Key);
        browser.DefaultRequestHeaders.Remove("Sec-Fetch-Site");
        browser.DefaultRequestHeaders.Add("Origin", Origin(browser));

        await browser.TicketAsync();
    }

    [Fact]
    public async Task A_program_with_the_key_is_of_no_site()
    {
        var shop = await relay.ShopAsync();
        using var program = relay.ShopApi(shop.Key);
        program.DefaultRequestHeaders.Add("Origin", "https://shop.example");

        await program.TicketAsync();
    }

    [Fact]
    public async Task A_sign_in_sees_nothing_of_other_shops()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.SubmitAsync(shop.Id);
        using var browser = await relay.BrowserAsync((await relay.ShopAsync()).Key);

        using var listed = await browser.GetAsync(Pending, Token);
        using var details = await browser.GetAsync($"/api/shopkeeper/sessions/{given.SessionId}", Token);
        using var file = await browser.GetAsync($"/api/shopkeeper/files/{given.Files[0]}/download", Token);

        Assert.Equal(0, (await listed.JsonAsync()).GetProperty("count").GetInt32());
        await details.IsProblemAsync(HttpStatusCode.NotFound, "session_not_found");
        await file.IsProblemAsync(HttpStatusCode.NotFound, "file_not_found");
    }

    [Theory]
    [InlineData("a wrong key of some length")]
    [InlineData("")]
    [InlineData("ctk_é")]
    public async Task A_wrong_key_is_told_on_the_form(string key)
    {
        using var client = relay.ShopApi(key: null);

        using var answer = await client.SignInAsync(key, ("Sec-Fetch-Site", "same-origin"));

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.NotEmpty(answer.Headers.WwwAuthenticate);
        Assert.False(answer.Headers.Contains("Set-Cookie"));
        var html = await answer.Content.ReadAsStringAsync(Token);
        Assert.Contains("role=\"alert\"", html, StringComparison.Ordinal);
        Assert.Contains("name=\"apiKey\"", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_no_form_of_a_key_is_refused_before_it_is_read()
    {
        using var client = relay.ShopApi(key: null);
        client.DefaultRequestHeaders.Add("Sec-Fetch-Site", "same-origin");

        using var large = await client.SignInAsync(new string('a', 100_000));
        using var json = await client.PostAsJsonAsync("/shop/sign-in", new { apiKey = "a" }, Token);

        await large.IsProblemAsync(HttpStatusCode.RequestEntityTooLarge, "request_too_large");
        await json.IsProblemAsync(HttpStatusCode.UnsupportedMediaType, "unsupported_media_type");
    }

    private static string Origin(HttpClient client) => client.BaseAddress!.GetLeftPart(UriPartial.Authority);

    private static async Task<HttpStatusCode> StatusAsync(HttpClient browser)
    {
        using var answer = await browser.GetAsync(Pending, Token);
        return answer.StatusCode;
    }
}

public sealed class SignInFailuresTests(FewWrongKeys relay) : IClassFixture<FewWrongKeys>
{
    [Fact]
    public async Task Wrong_keys_on_the_form_count_with_those_on_calls()
    {
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(key: null);
        client.DefaultRequestHeaders.Add("Sec-Fetch-Site", "same-origin");
        client.DefaultRequestHeaders.Add("X-Forwarded-For", "192.0.2.7");
        for (var i = 0; i < 3; i++)
        {
            using var wrong = await client.SignInAsync($"a wrong key of some length {i}");
            Assert.Equal(HttpStatusCode.Unauthorized, wrong.StatusCode);
        }

        using var right = await client.SignInAsync(shop.Key);
        client.DefaultRequestHeaders.Add("X-API-Key", shop.Key);
        using var call = await client.GetAsync("/api/shopkeeper/sessions/pending", Token);

        Assert.Equal(HttpStatusCode.TooManyRequests, right.StatusCode);
        Assert.Equal("text/html", right.Content.Headers.ContentType?.MediaType);
        Assert.NotNull(right.Headers.RetryAfter);
        await call.IsProblemAsync(HttpStatusCode.TooManyRequests, "too_many_requests");
    }
}
