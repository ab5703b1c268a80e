using System.Net;
using System.Text;
using CloudTab.Testing;
using CloudTab.UploadApi;

namespace CloudTab.Services.Tests;

public sealed class CustomerSessionsTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    private const string Unknown = "00000000000000000000000000";

    private readonly HttpClient _client = relay.UploadApi();

    [Theory]
    [InlineData(null)]
    [InlineData("application/json")]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    public async Task An_empty_body_opens_a_session_whatever_its_type(string? contentType)
    {
        using var body = new ByteArrayContent([]);
        if (contentType is not null)
            body.Headers.ContentType = new(contentType);
        using var answer = await _client.PostAsync("/api/customer/sessions/create", body, Token);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var session = await answer.JsonAsync();
        Assert.True(session.GetProperty("success").GetBoolean());
        Assert.Matches("^[23456789ABCDEFGHJKMNPQRSTVWXYZ]{6}$", session.GetProperty("pickupCode").GetString());
        Assert.InRange(session.GetProperty("expiresAt").GetDateTimeOffset() - relay.Clock.GetUtcNow(), TimeSpan.FromMinutes(29), TimeSpan.FromMinutes(30));
        Assert.NotEmpty(session.GetProperty("message").GetString()!);
        var sessionId = session.GetProperty("sessionId").GetString();
        Assert.Matches("^[0-7][0-9a-hjkmnp-tv-z]{25}$", sessionId);
        Assert.Equal("open default", await relay.ScalarAsync<string>(
            "SELECT status || ' ' || shop_id FROM sessions WHERE session_id = @sessionId", new { sessionId }));
    }

    [Theory]
    [InlineData("Asha", "Asha")]
    [InlineData("  आशा शर्मा ", "आशा शर्मा")]
    [InlineData("王小明 😀", "王小明 😀")]
    [InlineData("Zoe\u0308", "Zoë")]
    [InlineData("a\u0000b\u001fc\u202ed", "abcd")]
    [InlineData("", null)]
    [InlineData(" \t ", null)]
    [InlineData(null, null)]
    public async Task A_customer_s_name_is_cleaned_for_display(string? given, string? kept)
    {
        var sessionId = await _client.CreateAsync(body: new { customerName = given });

        Assert.Equal(kept, await relay.ScalarAsync<string>("SELECT customer_name FROM sessions WHERE session_id = @sessionId", new { sessionId }));
    }

    [Theory]
    [InlineData("x", 200)]
    [InlineData("😀", 200)]
    [InlineData("\u0958", 200)] // NFC makes two characters of it
    public async Task A_customer_s_name_may_have_200_characters(string character, int count)
    {
        await _client.CreateAsync(body: new { customerName = string.Concat(Enumerable.Repeat(character, count)) });
    }

    public static TheoryData<string> Malformed => new(
        "{", "[]", "null", "\"x\"", "5", "{}{}", "{} x", "{\"customerName\":5}", "{\"customerName\":{}}", "{\"customerName\":[\"x\"]}", "{\"shop\":5}",
        "{\"customerName\":\"\\ud800\"}", "{\"customerName\":\"\\udc00x\"}", "{\"shop\":\"\\ud800\"}", "customerName=x",
        $"{{\"customerName\":\"{new string('x', 201)}\"}}",
        $"{{\"customerName\":\"{string.Concat(Enumerable.Repeat("😀", 201))}\"}}",
        $"{{\"customerName\":\"{new string('x', 1_000_000)}\"}}");

    [Theory]
    [MemberData(nameof(Malformed))]
    public async Task Malformed_JSON_is_refused(string body)
    {
        using var answer = await _client.PostAsync("/api/customer/sessions/create", new StringContent(body, Encoding.UTF8, "application/json"), Token);

        await answer.IsProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
    }

    [Fact]
    public async Task JSON_that_is_not_UTF8_is_refused()
    {
        using var answer = await _client.PostAsync("/api/customer/sessions/create", new ByteArrayContent([.. "{\"customerName\":\""u8, 0xFF, 0xFE, .. "\"}"u8]), Token);

        await answer.IsProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
    }

    [Theory]
    [InlineData("/s/no-such-shop", "{}")]
    [InlineData("/s/No%20Shop!", "{}")]
    [InlineData("", "{\"shop\":\"no-such-shop\"}")]
    [InlineData("", "{\"shop\":\"a\\u0000b\"}")]
    [InlineData("", "{\"shop\":\"\"}")]
    public async Task An_unknown_shop_is_not_found(string prefix, string body)
    {
        using var answer = await _client.PostAsync($"{prefix}/api/customer/sessions/create", new StringContent(body), Token);

        await answer.IsProblemAsync(HttpStatusCode.NotFound, "shop_not_found");
    }

    [Fact]
    public async Task A_shop_is_chosen_by_path_or_body_and_both_must_agree()
    {
        var shop = await relay.ShopAsync();
        var byPath = await _client.CreateAsync($"/s/{shop.Id}", new { shop = shop.Id });
        var byBody = await _client.CreateAsync(body: new { shop = shop.Id });
        Assert.Equal(2, await relay.ScalarAsync<int>(
            "SELECT count(*) FROM sessions WHERE shop_id = @shop AND session_id IN (@byPath, @byBody)", new { shop = shop.Id, byPath, byBody }));

        using var answer = await _client.PostAsync($"/s/{shop.Id}/api/customer/sessions/create", new StringContent("{\"shop\":\"default\"}"), Token);
        await answer.IsProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
    }

    [Fact]
    public async Task A_closed_shop_opens_no_session()
    {
        var shop = await relay.ShopAsync();
        await relay.ExecuteAsync("UPDATE shops SET accepts_uploads = false WHERE id = @Id", shop);

        using var answer = await _client.PostAsync($"/s/{shop.Id}/api/customer/sessions/create", null, Token);

        await answer.IsProblemAsync(HttpStatusCode.Conflict, "shop_closed");
        Assert.Equal(0, await relay.ScalarAsync<int>("SELECT count(*) FROM sessions WHERE shop_id = @Id", shop));
    }

    [Theory]
    [InlineData(false, "cancelled")]
    [InlineData(true, "pending")]
    public async Task Closing_a_shop_ends_sessions_that_were_not_submitted_and_none_takes_more_files(bool isSubmitted, string status)
    {
        var shop = await relay.ShopAsync();
        var prefix = $"/s/{shop.Id}";
        var sessionId = await _client.CreateAsync(prefix);
        using var before = isSubmitted ? await _client.UploadToAsync(prefix, sessionId, Sample.Pdf()) : null;

        await using var migrator = await ChildProcess.StartAsync("CloudTab.Migrator", relay.Environment(), null, Token, "shop", "close", shop.Id);
        Assert.True(await migrator.WaitForExitAsync(Token) == 0, migrator.Output);

        Assert.Equal(status, (await _client.StatusAsync(sessionId, prefix)).GetProperty("status").GetString());
        using var refused = await _client.UploadToAsync(prefix, sessionId, Sample.Pdf());
        await refused.IsProblemAsync(HttpStatusCode.Gone, "session_closed");
    }

    [Fact]
    public async Task The_status_of_a_new_session_is_open_and_empty()
    {
        var session = await _client.StatusAsync(await _client.CreateAsync());

        Assert.Equal("open", session.GetProperty("status").GetString());
        Assert.Equal(0, session.GetProperty("fileCount").GetInt32());
        Assert.Equal(0, session.GetProperty("totalSize").GetInt64());
        Assert.Equal(System.Text.Json.JsonValueKind.Null, session.GetProperty("completedAt").ValueKind);
        var lifetime = session.GetProperty("expiresAt").GetDateTimeOffset() - session.GetProperty("createdAt").GetDateTimeOffset();
        Assert.InRange(lifetime, TimeSpan.FromMinutes(30), TimeSpan.FromMinutes(30.1));
        Assert.Empty(session.GetProperty("files").EnumerateArray());
    }

    [Theory]
    [InlineData(Unknown)]
    [InlineData("x")]
    [InlineData("%20")]
    [InlineData("ZZZZZZZZZZZZZZZZZZZZZZZZZZ")]
    [InlineData("0123456789%27%20OR%201=1--")]
    public async Task An_unknown_session_is_not_found(string sessionId)
    {
        using var status = await _client.GetAsync($"/api/customer/sessions/{sessionId}/status", Token);
        await status.IsProblemAsync(HttpStatusCode.NotFound, "session_not_found");
        await AssertChangesRefusedAsync("", sessionId, Guid.NewGuid(), HttpStatusCode.NotFound, "session_not_found");
    }

    [Fact]
    public async Task Shops_do_not_see_each_other_s_sessions()
    {
        var (one, other) = (await relay.ShopAsync(), await relay.ShopAsync());
        var sessionId = await _client.CreateAsync($"/s/{one.Id}");
        using var uploaded = await _client.SendFormAsync(sessionId, Customer.Form(Sample.Pdf()), $"/s/{one.Id}");
        var file = (await uploaded.JsonAsync()).GetProperty("files")[0].GetProperty("id").GetGuid();

        foreach (var prefix in (string[])["", $"/s/{other.Id}"])
        {
            using var status = await _client.GetAsync($"{prefix}/api/customer/sessions/{sessionId}/status", Token);
            await status.IsProblemAsync(HttpStatusCode.NotFound, "session_not_found");
            await AssertChangesRefusedAsync(prefix, sessionId, file, HttpStatusCode.NotFound, "session_not_found");
        }

        Assert.Equal("pending", (await _client.StatusAsync(sessionId, $"/s/{one.Id}")).GetProperty("status").GetString());
    }

    [Fact]
    public async Task A_session_past_its_expiry_is_expired_and_closed()
    {
        var sessionId = await _client.CreateAsync();
        var file = (await _client.UploadedAsync(sessionId, Sample.Pdf()))[0].GetProperty("id").GetGuid();
        await relay.ExecuteAsync("UPDATE sessions SET expires_at = created_at WHERE session_id = @sessionId", new { sessionId });

        Assert.Equal("expired", (await _client.StatusAsync(sessionId)).GetProperty("status").GetString());
        await AssertChangesRefusedAsync("", sessionId, file, HttpStatusCode.Gone, "session_closed");
    }

    [Fact]
    public async Task A_completed_session_reports_when_and_is_closed()
    {
        var sessionId = await _client.CreateAsync();
        var file = (await _client.UploadedAsync(sessionId, Sample.Pdf()))[0].GetProperty("id").GetGuid();
        await relay.ExecuteAsync("UPDATE sessions SET status = 'completed', ended_at = now() WHERE session_id = @sessionId", new { sessionId });

        var session = await _client.StatusAsync(sessionId);
        Assert.Equal("completed", session.GetProperty("status").GetString());
        Assert.InRange(session.GetProperty("completedAt").GetDateTimeOffset(), TimeProvider.System.GetUtcNow().AddMinutes(-1), TimeProvider.System.GetUtcNow().AddMinutes(1));
        Assert.Equal("deleted", session.GetProperty("files")[0].GetProperty("status").GetString());
        await AssertChangesRefusedAsync("", sessionId, file, HttpStatusCode.Gone, "session_closed", isSubmitted: true);
    }

    [Fact]
    public async Task Submitting_needs_a_file_and_can_be_repeated()
    {
        var sessionId = await _client.CreateAsync();
        using var nothing = await _client.PostAsync($"/api/customer/sessions/{sessionId}/submit", null, Token);
        await nothing.IsProblemAsync(HttpStatusCode.BadRequest, "no_files");

        await _client.UploadedAsync(sessionId, Sample.Pdf());
        using var again = await _client.PostAsync($"/api/customer/sessions/{sessionId}/submit", null, Token);
        Assert.Equal(HttpStatusCode.OK, again.StatusCode);
        Assert.Equal(sessionId, (await again.JsonAsync()).GetProperty("sessionId").GetString());
        Assert.Equal(["new_session pending 1"], await relay.EventsAsync(sessionId));
    }

    [Fact]
    public async Task Withdrawing_deletes_the_files_and_notifies_the_shop()
    {
        var sessionId = await _client.CreateAsync();
        await _client.UploadedAsync(sessionId, Sample.Pdf(), Sample.Text());
        var keys = await relay.ColumnAsync<string>(
            "SELECT object_key FROM files JOIN sessions ON sessions.id = files.session WHERE session_id = @sessionId", new { sessionId });

        for (var i = 0; i < 2; i++)
        {
            using var answer = await _client.DeleteAsync($"/api/customer/sessions/{sessionId}", Token);
            Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        }

        Assert.Equal("cancelled", (await _client.StatusAsync(sessionId)).GetProperty("status").GetString());
        Assert.Empty((await relay.ObjectsAsync()).Intersect(keys, StringComparer.Ordinal));
        Assert.Equal(["new_session pending 2", "session_updated cancelled 2"], await relay.EventsAsync(sessionId));
        using var upload = await _client.UploadAsync(sessionId, Sample.Pdf());
        await upload.IsProblemAsync(HttpStatusCode.Gone, "session_closed");
    }

    [Fact]
    public async Task A_status_that_the_client_has_is_304_until_something_that_it_tells_changes()
    {
        var shop = await relay.ShopAsync();
        var (before, session) = (await relay.AnnounceAsync(shop.Id), await relay.AnnounceAsync(shop.Id));
        var (tag, body) = await ReadAsync("\"another\"");
        Assert.Matches("^\"[0-9a-f]{32}\"$", tag);

        foreach (var known in (string[])[tag, $"W/{tag}", $"\"another\", W/\"one\",{tag}", "*"])
        {
            using var answer = await AskAsync(known);
            Assert.Equal(HttpStatusCode.NotModified, answer.StatusCode);
            Assert.Equal(tag, answer.Headers.ETag?.ToString());
            Assert.True(answer.Headers.CacheControl?.NoStore);
            Assert.Empty(await answer.Content.ReadAsByteArrayAsync(Token));
        }

        foreach (var other in (string[])[$"W/\"{tag[1..^2]}\"", tag.Trim('"'), "nonsense"])
            Assert.Equal((tag, body), await ReadAsync(other));

        await relay.Service<Relay.Sessions>().CancelAsync(shop.Id, before.SessionId, Token);
        Assert.Contains("\"before\":0", await ChangedAsync(), StringComparison.Ordinal);
        await relay.ExecuteAsync("UPDATE sessions SET paid_at = now(), paid_amount = 5 WHERE id = @Id", session);
        Assert.Contains("\"paidAmount\":5", await ChangedAsync(), StringComparison.Ordinal);
        relay.Clock.Advance(TimeSpan.FromMinutes(31));
        Assert.Contains("\"expired\"", await ChangedAsync(), StringComparison.Ordinal);

        async Task<HttpResponseMessage> AskAsync(string known)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"/s/{shop.Id}/api/customer/sessions/{session.SessionId}/status");
            request.Headers.TryAddWithoutValidation("If-None-Match", known);
            return await _client.SendAsync(request, Token);
        }

        async Task<(string Tag, string Body)> ReadAsync(string known)
        {
            using var answer = await AskAsync(known);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            return (answer.Headers.ETag!.ToString(), await answer.Content.ReadAsStringAsync(Token));
        }

        async Task<string> ChangedAsync()
        {
            (tag, body) = await ReadAsync(tag);
            using var again = await AskAsync(tag);
            Assert.Equal(HttpStatusCode.NotModified, again.StatusCode);
            return body;
        }
    }

    [Fact]
    public async Task A_shop_s_status_says_whether_it_accepts_uploads_and_is_connected()
    {
        var shop = await relay.ShopAsync();
        Assert.Equal((true, false), await ShopStatusAsync($"/s/{shop.Id}/api/customer/shopkeeper/status"));
        await relay.ExecuteAsync(
            "INSERT INTO connected_sockets (replica, shop_id, sockets, seen_at) VALUES (gen_random_uuid(), @Id, 1, @now)",
            new { shop.Id, now = relay.Clock.GetUtcNow().UtcDateTime });
        await relay.ExecuteAsync("UPDATE shops SET accepts_uploads = false WHERE id = @Id", shop);

        Assert.Equal((false, true), await ShopStatusAsync($"/api/customer/shopkeeper/status?shop={shop.Id}"));
        Assert.Equal((true, false), await ShopStatusAsync("/api/customer/shopkeeper/status"));
    }

    [Theory]
    [InlineData("/api/customer/shopkeeper/status?shop=no-such-shop")]
    [InlineData("/api/customer/shopkeeper/status?shop=%00")]
    [InlineData("/s/no-such-shop/api/customer/shopkeeper/status")]
    public async Task An_unknown_shop_has_no_status(string address)
    {
        using var answer = await _client.GetAsync(address, Token);

        await answer.IsProblemAsync(HttpStatusCode.NotFound, "shop_not_found");
    }

    [Fact]
    public async Task Too_many_new_sessions_from_one_address_are_refused_with_429()
    {
        await using var host = relay.StartHost<UploadOptions>(("RATE_LIMIT_SESSIONS_PER_MINUTE", "3"));
        using var client = host.Client();
        for (var i = 0; i < 3; i++)
            await client.CreateAsync();

        using var answer = await client.PostAsync("/api/customer/sessions/create", null, Token);
        await answer.IsProblemAsync(HttpStatusCode.TooManyRequests, "too_many_requests");
        Assert.InRange(answer.Headers.RetryAfter?.Delta ?? default, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60));

        using var forwarded = new HttpRequestMessage(HttpMethod.Post, "/api/customer/sessions/create") { Headers = { { "X-Forwarded-For", "192.0.2.7" } } };
        using var another = await client.SendAsync(forwarded, Token);
        Assert.Equal(HttpStatusCode.OK, another.StatusCode);
    }

    [Fact]
    public async Task Too_many_new_sessions_of_one_shop_are_refused_with_429_from_any_address()
    {
        await using var host = relay.StartHost<UploadOptions>(("RATE_LIMIT_SHOP_SESSIONS_PER_MINUTE", "2"));
        using var client = host.Client();
        var (busy, other) = (await relay.ShopAsync(), await relay.ShopAsync());
        await client.CreateAsync($"/s/{busy.Id}");
        await client.CreateAsync(body: new { shop = busy.Id });

        client.DefaultRequestHeaders.Add("X-Forwarded-For", "192.0.2.9");
        using var answer = await client.PostAsync($"/s/{busy.Id}/api/customer/sessions/create", null, Token);

        await answer.IsProblemAsync(HttpStatusCode.TooManyRequests, "too_many_requests");
        Assert.Equal(TimeSpan.FromMinutes(1), answer.Headers.RetryAfter?.Delta);
        await client.CreateAsync($"/s/{other.Id}");
    }

    /// <param name="isSubmitted">Whether the shop was told of it: that is then still the answer.</param>
    private async Task AssertChangesRefusedAsync(string prefix, string sessionId, Guid file, HttpStatusCode status, string code, bool isSubmitted = false)
    {
        var address = $"{prefix}/api/customer/sessions/{sessionId}";
        using var upload = await _client.UploadToAsync(prefix, sessionId, Sample.Pdf());
        await upload.IsProblemAsync(status, code);
        using var submit = await _client.PostAsync($"{address}/submit", null, Token);
        if (isSubmitted)
            Assert.Equal(HttpStatusCode.OK, submit.StatusCode);
        else
            await submit.IsProblemAsync(status, code);
        using var delete = await _client.DeleteAsync($"{address}/files/{file}", Token);
        await delete.IsProblemAsync(status, code);
        using var cancel = await _client.DeleteAsync(address, Token);
        await cancel.IsProblemAsync(status, code);
    }

    private async Task<(bool Online, bool Connected)> ShopStatusAsync(string address)
    {
        using var answer = await _client.GetAsync(address, Token);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var status = await answer.JsonAsync();
        Assert.NotEmpty(status.GetProperty("message").GetString()!);
        return (status.GetProperty("online").GetBoolean(), status.GetProperty("connected").GetBoolean());
    }
}
