using System.Net;

namespace CloudTab.Services.Tests;

public sealed class ClaimTests(RelayFixture relay) : IClassFixture<RelayFixture>
{
    [Fact]
    public async Task Details_show_the_session_and_its_files()
    {
        var shop = await relay.ShopAsync();
        var file = new GivenFile("资料.pdf", [1, 2, 3, 4]);
        var given = await relay.SubmitAsync(shop.Id, "Asha", file, new GivenFile());
        using var client = relay.ShopApi(shop.Key);

        using var response = await client.GetAsync($"/api/shopkeeper/sessions/{given.SessionId}", Token);

        Assert.Equal(200, (int)response.StatusCode);
        var session = (await response.JsonAsync()).GetProperty("session");
        Assert.Equal(
            [
                "createdAt", "customerName", "expiresAt", "fileCount", "files", "pages", "paidAmount", "paidAt", "pickupCode", "price", "printing", "sessionId", "status", "submittedAt", "token", "totalSize",
                "uncountedFiles",
            ],
            session.Fields().Order(StringComparer.Ordinal));
        Assert.Equal(given.SessionId, session.Text("sessionId"));
        Assert.Equal(given.PickupCode, session.Text("pickupCode"));
        Assert.Equal("pending", session.Text("status"));
        Assert.Equal(2, session.GetProperty("files").GetArrayLength());
        var first = session.GetProperty("files")[0];
        Assert.Equal(["id", "name", "type", "size", "sha256", "status", "scan", "printOptions", "printedPages", "price"], first.Fields());
        Assert.Equal(given.Files[0], first.GetProperty("id").GetGuid());
        Assert.Equal("资料.pdf", first.Text("name"));
        Assert.Equal("application/pdf", first.Text("type"));
        Assert.Equal(4, first.GetProperty("size").GetInt64());
        Assert.Equal(file.Sha256, first.Text("sha256"));
        Assert.Equal("stored", first.Text("status"));
    }

    [Fact]
    public async Task A_claim_by_pickup_code_in_any_case_is_exclusive_and_shows_its_owner()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.AnnounceAsync(shop.Id);
        using var client = relay.ShopApi(shop.Key);

        using var response = await client.PostAsync($"/api/shopkeeper/sessions/{given.PickupCode.ToLowerInvariant()}/claim");

        Assert.Equal(200, (int)response.StatusCode);
        var answer = await response.JsonAsync();
        Assert.True(answer.GetProperty("success").GetBoolean());
        Assert.Equal(given.SessionId, answer.GetProperty("session").Text("sessionId"));
        Assert.Equal("processing", answer.GetProperty("session").Text("status"));
        Assert.Equal("Front desk", answer.GetProperty("session").Text("claimedBy"));
        Assert.Equal("processing", await StatusAsync(given));

        using var other = relay.ShopApi(await relay.KeyAsync(shop.Id));
        await (await other.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/claim")).IsProblemAsync(HttpStatusCode.Conflict, "already_claimed");
        await (await other.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/release")).IsProblemAsync(HttpStatusCode.Conflict, "already_claimed");
        await (await other.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/complete")).IsProblemAsync(HttpStatusCode.Conflict, "already_claimed");
        Assert.Equal("processing", await StatusAsync(given));
    }

    [Fact]
    public async Task A_claim_lapses_unless_it_is_renewed()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.AnnounceAsync(shop.Id);
        using var client = relay.ShopApi(shop.Key);
        using var other = relay.ShopApi(await relay.KeyAsync(shop.Id));
        await client.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/claim");

        relay.Clock.Advance(TimeSpan.FromMinutes(8));
        Assert.Equal(200, (int)(await client.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/claim")).StatusCode);
        relay.Clock.Advance(TimeSpan.FromMinutes(8));
        await (await other.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/claim")).IsProblemAsync(HttpStatusCode.Conflict, "already_claimed");
        relay.Clock.Advance(TimeSpan.FromMinutes(3));

        Assert.Equal(200, (int)(await other.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/claim")).StatusCode);
        await (await client.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/complete")).IsProblemAsync(HttpStatusCode.Conflict, "already_claimed");
        Assert.Equal(2, await relay.ScalarAsync<int>("SELECT count(*) FROM events WHERE session = @Id AND status = 'processing'", given));
    }

    [Fact]
    public async Task A_renewal_renews_a_claim_and_makes_none()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.AnnounceAsync(shop.Id);
        using var client = relay.ShopApi(shop.Key);
        using var other = relay.ShopApi(await relay.KeyAsync(shop.Id));
        var claim = $"/api/shopkeeper/sessions/{given.SessionId}/claim";
        await (await client.PostAsync($"{claim}?renew=true")).IsProblemAsync(HttpStatusCode.Conflict, "not_claimed");

        await client.PostAsync(claim);
        relay.Clock.Advance(TimeSpan.FromMinutes(8));
        Assert.Equal(200, (int)(await client.PostAsync($"{claim}?renew=true")).StatusCode);
        await (await other.PostAsync($"{claim}?renew=true")).IsProblemAsync(HttpStatusCode.Conflict, "already_claimed");
        relay.Clock.Advance(TimeSpan.FromMinutes(8));
        await (await other.PostAsync(claim)).IsProblemAsync(HttpStatusCode.Conflict, "already_claimed");
        await client.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/release");

        await (await client.PostAsync($"{claim}?renew=true")).IsProblemAsync(HttpStatusCode.Conflict, "not_claimed");
        Assert.Equal("pending", await StatusAsync(given));
    }

    [Fact]
    public async Task A_released_session_is_pending_again_for_all_keys()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.AnnounceAsync(shop.Id);
        using var client = relay.ShopApi(shop.Key);
        using var other = relay.ShopApi(await relay.KeyAsync(shop.Id));
        await client.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/claim");

        using var released = await client.PostAsync($"/api/shopkeeper/sessions/{given.PickupCode}/release");
        Assert.Equal(["success", "message"], (await released.JsonAsync()).Fields());
        Assert.Equal("pending", await StatusAsync(given));
        using var again = await client.PostAsync($"/api/shopkeeper/sessions/{given.PickupCode}/release");
        Assert.Equal(200, (int)again.StatusCode);

        Assert.Equal(200, (int)(await other.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/claim")).StatusCode);
    }

    [Fact]
    public async Task Completing_deletes_the_files_at_once_and_may_be_repeated()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.SubmitAsync(shop.Id, "Asha", new GivenFile(), new GivenFile());
        var keys = await relay.ObjectsAsync();
        Assert.All(given.Files, file => Assert.Contains(keys, key => key.EndsWith(file.ToString(), StringComparison.Ordinal)));
        using var client = relay.ShopApi(shop.Key);
        await client.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/claim");

        foreach (var name in (string[])[given.SessionId, given.SessionId, given.PickupCode])
        {
            using var response = await client.PostAsync($"/api/shopkeeper/sessions/{name}/complete");
            Assert.Equal(200, (int)response.StatusCode);
            Assert.Equal(["success", "message"], (await response.JsonAsync()).Fields());
        }

        Assert.Equal("completed", await StatusAsync(given));
        keys = await relay.ObjectsAsync();
        Assert.All(given.Files, file => Assert.DoesNotContain(keys, key => key.EndsWith(file.ToString(), StringComparison.Ordinal)));
        Assert.Equal(2, await relay.ScalarAsync<int>("SELECT count(*) FROM files WHERE session = @Id AND status = 'deleted'", given));
        await (await client.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/claim")).IsProblemAsync(HttpStatusCode.Conflict, "session_closed");
        await (await client.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/release")).IsProblemAsync(HttpStatusCode.Conflict, "session_closed");
        using var download = await client.GetAsync($"/api/shopkeeper/files/{given.Files[0]}/download", Token);
        await download.IsProblemAsync(HttpStatusCode.Gone, "file_deleted");

        using var details = await client.GetAsync($"/api/shopkeeper/sessions/{given.SessionId}", Token);
        var session = (await details.JsonAsync()).GetProperty("session");
        Assert.Equal("completed", session.Text("status"));
        Assert.Equal("deleted", session.GetProperty("files")[0].Text("status"));
    }

    [Theory]
    [InlineData("pending", "complete", "not_claimed")]
    [InlineData("open", "claim", "not_submitted")]
    [InlineData("open", "release", "not_submitted")]
    [InlineData("open", "complete", "not_submitted")]
    [InlineData("expired", "claim", "session_closed")]
    [InlineData("expired", "release", "session_closed")]
    [InlineData("expired", "complete", "session_closed")]
    public async Task A_call_that_a_session_s_state_does_not_allow_is_refused_and_changes_nothing(string state, string verb, string code)
    {
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(shop.Key);
        var sessionId = state == "open" ? (await relay.OpenSessionAsync(shop.Id)).SessionId : (await relay.AnnounceAsync(shop.Id)).SessionId;
        if (state == "expired") // the Janitor has not run yet
            await relay.ExecuteAsync("UPDATE sessions SET expires_at = now() - interval '1 s' WHERE session_id = @sessionId", new { sessionId });

        await (await client.PostAsync($"/api/shopkeeper/sessions/{sessionId}/{verb}")).IsProblemAsync(HttpStatusCode.Conflict, code);

        if (state != "open")
        {
            using var details = await client.GetAsync($"/api/shopkeeper/sessions/{sessionId}", Token);
            Assert.Equal(state, (await details.JsonAsync()).GetProperty("session").Text("status"));
        }
    }

    [Fact]
    public async Task Another_shop_s_session_is_not_found()
    {
        var shop = await relay.ShopAsync();
        var other = await relay.ShopAsync();
        var given = await relay.AnnounceAsync(shop.Id);
        using var client = relay.ShopApi(other.Key);

        foreach (var name in (string[])[given.SessionId, given.PickupCode, "0123456789abcdefghjkmnpqrs", "ZZZZZZ", "no-name", "%F0%9F%98%80"])
        {
            using var details = await client.GetAsync($"/api/shopkeeper/sessions/{name}", Token);
            await details.IsProblemAsync(HttpStatusCode.NotFound, "session_not_found");
            foreach (var verb in (string[])["claim", "release", "complete"])
                await (await client.PostAsync($"/api/shopkeeper/sessions/{name}/{verb}")).IsProblemAsync(HttpStatusCode.NotFound, "session_not_found");
        }

        Assert.Equal("pending", await StatusAsync(given));
    }

    [Fact]
    public async Task A_shop_sees_no_files_of_a_session_that_was_not_submitted()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.SubmitAsync(shop.Id);
        // As after a resumable upload, before the customer submits.
        await relay.ExecuteAsync("UPDATE sessions SET status = 'open', submitted_at = NULL WHERE id = @Id", given);
        using var client = relay.ShopApi(shop.Key);

        using var details = await client.GetAsync($"/api/shopkeeper/sessions/{given.PickupCode}", Token);
        var session = (await details.JsonAsync()).GetProperty("session");
        Assert.Equal("open", session.Text("status"));
        Assert.Equal(0, session.GetProperty("fileCount").GetInt32());
        Assert.Equal(0, session.GetProperty("totalSize").GetInt32());
        Assert.Empty(session.GetProperty("files").EnumerateArray());
        using var download = await client.GetAsync($"/api/shopkeeper/files/{given.Files[0]}/download", Token);
        await download.IsProblemAsync(HttpStatusCode.NotFound, "file_not_found");
    }

    private Task<string?> StatusAsync(GivenSession session) =>
        relay.ScalarAsync<string>("SELECT status FROM sessions WHERE id = @Id", session);
}
