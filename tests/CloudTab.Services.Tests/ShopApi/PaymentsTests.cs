using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace CloudTab.Services.Tests;

/// <summary>The shop, and nobody else, marks jobs as paid.</summary>
public sealed class PaymentsTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    private readonly HttpClient _client = relay.UploadApi();

    [Theory]
    [InlineData("pending")]
    [InlineData("processing")]
    [InlineData("processing, by another key")]
    [InlineData("completed")]
    public async Task The_shop_marks_a_job_as_paid_and_takes_it_back(string state)
    {
        var shop = await relay.OfferingShopAsync();
        using var socket = await SocketClient.ReadyAsync(relay.SocketAddress, shop.Key);
        var sessionId = await _client.SendJobAsync(shop, PdfSamples.OfPages(3));
        if (state != "pending")
            await relay.ClaimAsync(shop, sessionId, isSubmitted: true);
        using var client = relay.ShopApi(state.EndsWith("another key", StringComparison.Ordinal) ? await relay.KeyAsync(shop.Id) : shop.Key);
        if (state == "completed")
        {
            using var completed = await client.PostAsync($"/api/shopkeeper/sessions/{sessionId}/complete");
            Assert.Equal(HttpStatusCode.OK, completed.StatusCode);
        }

        var path = $"/api/shopkeeper/sessions/{(await _client.StatusAsync(sessionId, shop.Prefix())).Text("pickupCode")}/paid";
        using var paid = await client.PostAsync(path);

        Assert.Equal(HttpStatusCode.OK, paid.StatusCode);
        var session = (await paid.JsonAsync()).GetProperty("session");
        Assert.Equal(state.Split(',')[0], session.Text("status"));
        Assert.InRange(relay.Clock.GetUtcNow() - session.GetProperty("paidAt").GetDateTimeOffset(), TimeSpan.FromSeconds(-1), TimeSpan.FromMinutes(1));
        var frame = await UpdateAsync(isPaid: true);
        foreach (var seen in (JsonElement[])[session, frame, await _client.StatusAsync(sessionId, shop.Prefix()), await relay.DetailsAsync(shop, sessionId)])
        {
            Assert.Equal(600, seen.Number("paidAmount"));
            Assert.Equal(session.Text("paidAt"), seen.Text("paidAt"));
        }

        using var again = await client.PostAsync(path);
        Assert.Equal(session.Text("paidAt"), (await again.JsonAsync()).GetProperty("session").Text("paidAt"));
        using var takenBack = await client.DeleteAsync(path, Token);
        Assert.Equal(HttpStatusCode.OK, takenBack.StatusCode);
        using var againTakenBack = await client.DeleteAsync(path, Token);
        Assert.Equal(HttpStatusCode.OK, againTakenBack.StatusCode);
        var status = await _client.StatusAsync(sessionId, shop.Prefix());
        Assert.Equal((null, null), (status.Text("paidAt"), status.Number("paidAmount")));
        await UpdateAsync(isPaid: false);

        // A frame tells how the job is when it is read: that of the claim may have been read after the payment.
        async Task<JsonElement> UpdateAsync(bool isPaid)
        {
            while (true)
            {
                var update = await socket.NextAsync("session_updated");
                if (update.Text("paidAt") is not null == isPaid)
                    return update;
            }
        }
    }

    [Fact]
    public async Task A_payment_is_of_what_the_job_costs_then()
    {
        var shop = await relay.OfferingShopAsync();
        var sessionId = await _client.SendJobAsync(shop, PdfSamples.OfPages(3));
        using var paid = await relay.ShopApi(shop.Key).PostAsync($"/api/shopkeeper/sessions/{sessionId}/paid");

        using var more = await _client.UploadToAsync(shop.Prefix(), sessionId, PdfSamples.OfPages(1));

        var session = await _client.StatusAsync(sessionId, shop.Prefix());
        PrintJobs.AssertTotal(session, pages: 4, uncounted: 0, amount: 800, isComplete: true);
        Assert.Equal(600, session.Number("paidAmount"));
    }

    [Fact]
    public async Task Marking_a_job_again_that_costs_more_by_now_pays_the_rest()
    {
        var shop = await relay.OfferingShopAsync();
        var sessionId = await _client.SendJobAsync(shop, PdfSamples.OfPages(3));
        using var client = relay.ShopApi(shop.Key);
        Assert.Equal(600, await PayAsync());

        using var more = await _client.UploadToAsync(shop.Prefix(), sessionId, PdfSamples.OfPages(1));
        Assert.Equal(800, await PayAsync());
        // All of it, also what the shop told at the counter; and that stays.
        using var unpriced = await _client.UploadToAsync(shop.Prefix(), sessionId, Sample.Text());
        Assert.Null(await PayAsync());
        using var last = await _client.UploadToAsync(shop.Prefix(), sessionId, PdfSamples.OfPages(1));
        Assert.Null(await PayAsync());

        async Task<int?> PayAsync()
        {
            using var paid = await client.PostAsync($"/api/shopkeeper/sessions/{sessionId}/paid");
            Assert.Equal(HttpStatusCode.OK, paid.StatusCode);
            var session = (await paid.JsonAsync()).GetProperty("session");
            Assert.NotNull(session.Text("paidAt"));
            return session.Number("paidAmount");
        }
    }

    [Fact]
    public async Task A_payment_of_another_sum_than_the_job_costs_marks_nothing()
    {
        var shop = await relay.OfferingShopAsync();
        var sessionId = await _client.SendJobAsync(shop, PdfSamples.OfPages(3));
        using var client = relay.ShopApi(shop.Key);
        var path = $"/api/shopkeeper/sessions/{sessionId}/paid";
        using var more = await _client.UploadToAsync(shop.Prefix(), sessionId, PdfSamples.OfPages(1));

        using (var refused = await client.PostAsJsonAsync(path, new { amount = 600 }, Token))
            await refused.IsProblemAsync(HttpStatusCode.Conflict, "price_changed");

        Assert.Null((await _client.StatusAsync(sessionId, shop.Prefix())).Text("paidAt"));
        foreach (var _ in (int[])[1, 2])
        {
            using var paid = await client.PostAsJsonAsync(path, new { amount = 800 }, Token);
            Assert.Equal(800, (await paid.JsonAsync()).GetProperty("session").Number("paidAmount"));
        }

        // Another counter was faster, and was shown another price.
        using (var refused = await client.PostAsJsonAsync(path, new { amount = 600 }, Token))
            await refused.IsProblemAsync(HttpStatusCode.Conflict, "price_changed");
        // A price that is not all known is no sum.
        using var unpriced = await _client.UploadToAsync(shop.Prefix(), sessionId, Sample.Text());
        using (var refused = await client.PostAsJsonAsync(path, new { amount = 800 }, Token))
            await refused.IsProblemAsync(HttpStatusCode.Conflict, "price_changed");
        using (var malformed = await client.PostAsJsonAsync(path, new { amount = "800" }, Token))
            await malformed.IsProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
        Assert.Equal(800, (await _client.StatusAsync(sessionId, shop.Prefix())).Number("paidAmount"));
    }

    [Fact]
    public async Task A_payment_of_a_sum_that_is_not_known_has_no_amount()
    {
        var shop = await relay.OfferingShopAsync();
        var sessionId = await _client.SendJobAsync(shop, Sample.Text());

        using var paid = await relay.ShopApi(shop.Key).PostAsync($"/api/shopkeeper/sessions/{sessionId}/paid");

        var session = (await paid.JsonAsync()).GetProperty("session");
        Assert.NotNull(session.Text("paidAt"));
        Assert.Null(session.Number("paidAmount"));
    }

    [Theory]
    [InlineData("before", null)]
    [InlineData("after", 400)]
    public async Task Files_that_outlive_a_claim_are_paid_for_if_the_payment_was_for_them_too(string payment, int? amount)
    {
        var shop = await relay.OfferingShopAsync();
        var sessionId = await _client.SendJobAsync(shop, PdfSamples.OfPages(3));
        using var client = relay.ShopApi(shop.Key);
        await relay.ClaimAsync(shop, sessionId, isSubmitted: true);
        if (payment == "before")
            await PayAsync();
        using var late = await _client.UploadToAsync(shop.Prefix(), sessionId, PdfSamples.OfPages(2));
        if (payment == "after")
            await PayAsync();

        using var completed = await client.PostAsync($"/api/shopkeeper/sessions/{sessionId}/complete");

        var session = await _client.StatusAsync(sessionId, shop.Prefix());
        Assert.Equal("pending", session.Text("status"));
        PrintJobs.AssertTotal(session, pages: 2, uncounted: 0, amount: 400, isComplete: true);
        Assert.Equal((amount is null, amount), (session.Text("paidAt") is null, session.Number("paidAmount")));

        async Task PayAsync()
        {
            using var paid = await client.PostAsync($"/api/shopkeeper/sessions/{sessionId}/paid");
            Assert.Equal(HttpStatusCode.OK, paid.StatusCode);
        }
    }

    [Theory]
    [InlineData("open", HttpStatusCode.Conflict, "not_submitted")]
    [InlineData("cancelled", HttpStatusCode.Conflict, "session_closed")]
    [InlineData("another shop", HttpStatusCode.NotFound, "session_not_found")]
    [InlineData("no key", HttpStatusCode.Unauthorized, "api_key_required")]
    [InlineData("revoked", HttpStatusCode.Unauthorized, "api_key_invalid")]
    public async Task Other_jobs_are_not_marked_as_paid(string state, HttpStatusCode status, string code)
    {
        var shop = await relay.OfferingShopAsync();
        var sessionId = state == "open" ? await _client.CreateAsync(shop.Prefix()) : await _client.SendJobAsync(shop, PdfSamples.OfPages(1));
        if (state == "cancelled")
            await _client.DeleteAsync($"{shop.Prefix()}/api/customer/sessions/{sessionId}", Token);
        using var client = relay.ShopApi(state == "another shop" ? (await relay.ShopAsync()).Key : state == "no key" ? null : shop.Key);
        if (state == "revoked")
            await relay.ExecuteAsync("UPDATE api_keys SET revoked_at = now() WHERE shop_id = @Id", shop);

        using var paid = await client.PostAsync($"/api/shopkeeper/sessions/{sessionId}/paid");
        await paid.IsProblemAsync(status, code);
        using var takenBack = await client.DeleteAsync($"/api/shopkeeper/sessions/{sessionId}/paid", Token);
        await takenBack.IsProblemAsync(status, code);
        Assert.Null((await _client.StatusAsync(sessionId, shop.Prefix())).Text("paidAt"));
    }
}
