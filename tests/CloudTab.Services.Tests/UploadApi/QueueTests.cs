using System.Net;
using System.Text.RegularExpressions;

namespace CloudTab.Services.Tests;

/// <summary>The number that a session gets when it is submitted, and its place in the shop's queue.</summary>
public sealed partial class QueueTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    private readonly HttpClient _client = relay.UploadApi();

    [Fact]
    public async Task Tokens_count_the_submissions_of_each_shop_whatever_the_protocol()
    {
        var (shop, other) = (await relay.ShopAsync(), await relay.ShopAsync());

        Assert.Equal((1, 0), await PlaceAsync(shop, await SubmitAsync(shop)));
        Assert.Equal((2, 1), await PlaceAsync(shop, await SubmitAsync(shop, Way.Tus)));
        Assert.Equal((3, 2), await PlaceAsync(shop, await SubmitAsync(shop, Way.Ietf)));
        Assert.Equal((1, 0), await PlaceAsync(other, await SubmitAsync(other)));
    }

    [Fact]
    public async Task After_999_the_tokens_begin_at_1_and_the_queue_goes_on()
    {
        var shop = await relay.ShopAsync();
        var first = await SubmitAsync(shop);
        await relay.ExecuteAsync("UPDATE queues SET last = 998 WHERE shop_id = @Id", shop);

        var (last, next) = (await SubmitAsync(shop), await SubmitAsync(shop));

        Assert.Equal((1, 0), await PlaceAsync(shop, first));
        Assert.Equal((999, 1), await PlaceAsync(shop, last));
        Assert.Equal((1, 2), await PlaceAsync(shop, next));
    }

    [Fact]
    public async Task Sessions_that_are_submitted_at_the_same_moment_have_tokens_without_a_gap()
    {
        const int Sessions = 24;
        var shop = await relay.ShopAsync();

        await Parallel.ForEachAsync(
            Enumerable.Range(0, Sessions),
            new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = Token },
            async (_, _) => await relay.AnnounceAsync(shop.Id));

        Assert.Equal(
            Enumerable.Range(1, Sessions), await relay.ColumnAsync<int>("SELECT token FROM sessions WHERE shop_id = @Id ORDER BY token", shop));
    }

    [Fact]
    public async Task A_session_keeps_its_token_when_files_are_added_or_its_claim_is_released()
    {
        var shop = await relay.ShopAsync();
        var (first, second) = (await SubmitAsync(shop), await SubmitAsync(shop));
        using var added = await _client.UploadToAsync($"/s/{shop.Id}", first, Sample.Pdf());
        using var again = await _client.PostAsync($"/s/{shop.Id}/api/customer/sessions/{first}/submit");
        await PostAsShopAsync(shop, first, "claim");

        Assert.Equal((1, 0), await PlaceAsync(shop, first));
        await PostAsShopAsync(shop, first, "release");
        Assert.Equal((1, 0), await PlaceAsync(shop, first));
        Assert.Equal((2, 1), await PlaceAsync(shop, second));
    }

    [Fact]
    public async Task Only_sessions_that_are_not_finished_and_hold_a_file_are_before_others()
    {
        var shop = await relay.ShopAsync();
        var prefix = $"/s/{shop.Id}";
        var (completed, withdrawn, emptied, claimed, expired) =
            (await SubmitAsync(shop), await SubmitAsync(shop), await SubmitAsync(shop), await SubmitAsync(shop), await SubmitAsync(shop));
        var last = await SubmitAsync(shop);
        Assert.Equal((6, 5), await PlaceAsync(shop, last));
        var file = (await _client.StatusAsync(emptied, prefix)).GetProperty("files")[0].Text("id");

        await PostAsShopAsync(shop, completed, "claim");
        await PostAsShopAsync(shop, completed, "complete");
        Assert.Equal((6, 4), await PlaceAsync(shop, last));
        using var withdrawal = await _client.DeleteAsync($"{prefix}/api/customer/sessions/{withdrawn}", Token);
        Assert.Equal((6, 3), await PlaceAsync(shop, last));
        using var removal = await _client.DeleteAsync($"{prefix}/api/customer/sessions/{emptied}/files/{file}", Token);
        Assert.Equal((6, 2), await PlaceAsync(shop, last));
        await PostAsShopAsync(shop, claimed, "claim");
        Assert.Equal((6, 2), await PlaceAsync(shop, last));
        await relay.ExecuteAsync("UPDATE sessions SET expires_at = now() WHERE session_id = @expired", new { expired });
        Assert.Equal((6, 1), await PlaceAsync(shop, last));

        foreach (var without in (string[])[completed, withdrawn, emptied, expired, await _client.CreateAsync(prefix)])
            Assert.False((await _client.StatusAsync(without, prefix)).TryGetProperty("queue", out _));
    }

    [Fact]
    public async Task A_place_behind_more_than_999_others_is_told_as_999()
    {
        var shop = await relay.ShopAsync();
        var (first, second, third) = (await SubmitAsync(shop), await SubmitAsync(shop), await SubmitAsync(shop));
        await relay.ExecuteAsync("UPDATE sessions SET queue_number = 5000 + queue_number WHERE session_id = ANY(@late)", new { late = new[] { second, third } });

        await AddAsync(1, 997);
        Assert.Equal((0, 998, 999), await BeforeAsync());
        await AddAsync(998, 1500);
        Assert.Equal((0, 999, 999), await BeforeAsync());

        Task AddAsync(int from, int to) => relay.ExecuteAsync(
            """
            INSERT INTO sessions (id, shop_id, session_id, pickup_code, status, file_count, total_size, created_at, expires_at, submitted_at, queue_number)
            SELECT gen_random_uuid(), shop_id, '0' || translate(substr(md5(n || shop_id), 1, 25), 'ilou', '0123'), translate(lpad(n::text, 6, 'Z'), '01', 'AB'),
                   'pending', 1, 1, created_at, expires_at, submitted_at, 1 + n
            FROM sessions, generate_series(@from, @to) AS n
            WHERE session_id = @first
            """,
            new { first, from, to });

        async Task<(int First, int Second, int Third)> BeforeAsync() =>
            ((await PlaceAsync(shop, first)).Before, (await PlaceAsync(shop, second)).Before, (await PlaceAsync(shop, third)).Before);
    }

    [Fact]
    public async Task The_shop_sees_the_token_in_its_lists_and_messages()
    {
        var shop = await relay.ShopAsync();
        using var socket = await SocketClient.ReadyAsync(relay.SocketAddress, shop.Key);
        using var client = relay.ShopApi(shop.Key);

        await SubmitAsync(shop);
        Assert.Equal(1, (await socket.NextAsync("new_session")).GetProperty("token").GetInt32());
        var session = await SubmitAsync(shop);
        Assert.Equal(2, (await socket.NextAsync("new_session")).GetProperty("token").GetInt32());
        using var pending = await client.GetAsync("/api/shopkeeper/sessions/pending", Token);
        Assert.Equal([2, 1], (await pending.JsonAsync()).GetProperty("sessions").EnumerateArray().Select(one => one.GetProperty("token").GetInt32()));
        using var details = await client.GetAsync($"/api/shopkeeper/sessions/{session}", Token);
        Assert.Equal(2, (await details.JsonAsync()).GetProperty("session").GetProperty("token").GetInt32());
        var unsubmitted = await _client.CreateAsync($"/s/{shop.Id}");
        using var opened = await client.GetAsync($"/api/shopkeeper/sessions/{unsubmitted}", Token);
        Assert.False((await opened.JsonAsync()).GetProperty("session").TryGetProperty("token", out _));
    }

    [Fact]
    public async Task The_shop_sees_since_when_a_session_waits_in_the_order_that_customers_read()
    {
        var shop = await relay.ShopAsync();
        var prefix = $"/s/{shop.Id}";
        using var socket = await SocketClient.ReadyAsync(relay.SocketAddress, shop.Key);
        using var client = relay.ShopApi(shop.Key);
        using var browser = await relay.BrowserAsync(shop.Key);
        var early = await _client.CreateAsync(prefix);
        relay.Clock.Advance(TimeSpan.FromMinutes(5));
        var quick = await _client.CreateAsync(prefix);

        using var first = await _client.UploadToAsync(prefix, quick, Sample.Pdf());
        var quickAt = (await socket.NextAsync("new_session")).GetProperty("submittedAt").GetDateTime();
        relay.Clock.Advance(TimeSpan.FromMinutes(4));
        using var second = await _client.UploadToAsync(prefix, early, Sample.Pdf());
        var earlyAt = (await socket.NextAsync("new_session")).GetProperty("submittedAt").GetDateTime();
        relay.Clock.Advance(TimeSpan.FromMinutes(2));
        using var more = await _client.UploadToAsync(prefix, quick, Sample.Pdf());

        Assert.Equal(((1, 0), (2, 1)), (await PlaceAsync(shop, quick), await PlaceAsync(shop, early)));
        Assert.Equal(quickAt.AddMinutes(4), earlyAt, TimeSpan.FromSeconds(30));
        Assert.Equal([(quick, quickAt), (early, earlyAt)], await ListedAsync("pending")); // as before: the one that was opened last comes first
        var html = await browser.GetStringAsync("/shop", Token);
        Assert.Equal(["6 min", "2 min"], Ages.Matches(html).Select(age => age.Groups["age"].Value));

        await PostAsShopAsync(shop, early, "claim");
        await PostAsShopAsync(shop, quick, "claim");
        Assert.Equal([(early, earlyAt), (quick, quickAt)], await ListedAsync("processing"));
        using var details = await client.GetAsync($"/api/shopkeeper/sessions/{early}", Token);
        Assert.Equal(earlyAt, (await details.JsonAsync()).GetProperty("session").GetProperty("submittedAt").GetDateTime());
        html = await browser.GetStringAsync("/shop", Token);
        Assert.Equal(["6 min", "2 min"], Ages.Matches(html).Select(age => age.Groups["age"].Value));
        using var unsubmitted = await client.GetAsync($"/api/shopkeeper/sessions/{await _client.CreateAsync(prefix)}", Token);
        Assert.False((await unsubmitted.JsonAsync()).GetProperty("session").TryGetProperty("submittedAt", out _));

        async Task<List<(string?, DateTime)>> ListedAsync(string list)
        {
            using var answer = await client.GetAsync($"/api/shopkeeper/sessions/{list}", Token);
            return [.. (await answer.JsonAsync()).GetProperty("sessions").EnumerateArray().Select(one => (one.Text("sessionId"), one.GetProperty("submittedAt").GetDateTime()))];
        }
    }

    private async Task<string> SubmitAsync(TestShop shop, Way way = Way.Form)
    {
        var prefix = $"/s/{shop.Id}";
        var session = await _client.CreateAsync(prefix);
        await UploadClient.Of(way, _client, prefix).SentAsync(session, Sample.Pdf());
        if (way != Way.Form)
        {
            using var submitted = await _client.PostAsync($"{prefix}/api/customer/sessions/{session}/submit");
            Assert.Equal(HttpStatusCode.OK, submitted.StatusCode);
        }

        return session;
    }

    private async Task<(int Token, int Before)> PlaceAsync(TestShop shop, string session)
    {
        var queue = (await _client.StatusAsync(session, $"/s/{shop.Id}")).GetProperty("queue");
        return (queue.GetProperty("token").GetInt32(), queue.GetProperty("before").GetInt32());
    }

    private async Task PostAsShopAsync(TestShop shop, string session, string verb)
    {
        using var client = relay.ShopApi(shop.Key);
        using var answer = await client.PostAsync($"/api/shopkeeper/sessions/{session}/{verb}");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [GeneratedRegex("class=\"job-age\">(?<age>[^<]+)<", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Ages { get; }
}
