using System.Net;
using CloudTab.Janitor;
using CloudTab.Relay;
using CloudTab.ShopApi;

namespace CloudTab.Services.Tests;

public sealed class DaySheetTests(RelayFixture relay) : IClassFixture<RelayFixture>
{
    [Fact]
    public async Task A_day_has_the_jobs_that_were_completed_on_it_and_what_was_paid_for_them()
    {
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(shop.Key);
        await CompleteAsync(client, await JobAsync(shop, pages: 3, color: false, price: 200), isPaid: true);
        var unpaid = await JobAsync(shop, pages: 2, color: true, price: 1_000);
        await CompleteAsync(client, unpaid, isPaid: false);
        await CompleteAsync(client, await JobAsync(shop, pages: null, color: false, price: null), isPaid: true);
        await relay.AnnounceAsync(shop.Id); // still waits
        var other = await relay.ShopAsync();
        using var otherClient = relay.ShopApi(other.Key);

        var sheet = await SheetAsync(client, Today);

        Assert.Equal(["success", "jobs", "files", "pages", "monochrome", "color", "uncountedFiles", "paid", "unpaid", "unpricedJobs", "currency"], sheet.Fields());
        Assert.Equal("""3 3 5 3 2 1 600 2000 1 "INR" """.Trim(), string.Join(' ', sheet.EnumerateObject().Skip(1).Select(field => field.Value.GetRawText())));
        Assert.Equal(0, (await SheetAsync(otherClient, Today)).GetProperty("jobs").GetInt32());
        Assert.Equal(0, (await SheetAsync(client, Today.AddDays(-1))).GetProperty("jobs").GetInt32());

        // Paid when it was completed already, and taken back.
        using var paid = await client.PostAsync($"/api/shopkeeper/sessions/{unpaid.SessionId}/paid");
        Assert.Equal((2_600, 0), await MoneyAsync(client));
        using var takenBack = await client.DeleteAsync($"/api/shopkeeper/sessions/{unpaid.SessionId}/paid", Token);
        Assert.Equal((600, 2_000), await MoneyAsync(client));
    }

    /// <summary>Of the texts one was printed again, of one the printer has counted nothing, one was not printed, and one was printed by a person.</summary>
    [Fact]
    public async Task Pages_that_the_relay_does_not_know_are_those_that_the_printer_has_counted()
    {
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(shop.Key);
        var texts = await JobAsync(shop, pages: null, color: true, price: null, [.. ((string[])["a", "b", "c", "d"]).Select(name => new GivenFile($"{name}.txt", [1]))]);
        var counted = await JobAsync(shop, pages: 3, color: false, price: 200);

        await client.PostAsync($"/api/shopkeeper/sessions/{texts.SessionId}/claim");
        await ReportAsync(client, texts.Files[0], """ "state":"printed","pages":5""");
        await ReportAsync(client, texts.Files[0], """ "state":"printed","pages":7,"again":"it was crumpled" """);
        await ReportAsync(client, texts.Files[0], """ "state":"failed","pages":2,"again":"it was crumpled too" """);
        await ReportAsync(client, texts.Files[1], """ "state":"printed","pages":0""");
        await ReportAsync(client, texts.Files[2], """ "state":"failed","pages":4""");
        await CompleteAsync(client, texts, isPaid: false);
        await client.PostAsync($"/api/shopkeeper/sessions/{counted.SessionId}/claim");
        await ReportAsync(client, counted.Files[0], """ "state":"printed","pages":9""");
        await CompleteAsync(client, counted, isPaid: false);

        Assert.Equal("""2 5 10 3 7 3 0 600 1 "INR" """.Trim(), string.Join(' ', (await SheetAsync(client, Today)).EnumerateObject().Skip(1).Select(field => field.Value.GetRawText())));
        Assert.Equal([(3, 0), (7, 3)], (await JobsAsync(client)).Select(job => (job.Number("pages")!.Value, job.Number("uncountedFiles")!.Value)).Order());
    }

    [Fact]
    public async Task A_claim_whose_late_files_stay_is_a_job_and_they_are_another()
    {
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(shop.Key);
        var given = await JobAsync(shop, pages: 3, color: false, price: 200, new GivenFile("first.pdf", [1]), new GivenFile("late.pdf", [2]));
        await client.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/claim");
        await relay.ExecuteAsync("UPDATE files SET added_in_claim = 1 WHERE id = @id", new { id = given.Files[1] });

        await client.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/complete");
        await client.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/complete");
        Assert.Equal("1 1 3", await CountsAsync(client));

        await CompleteAsync(client, given, isPaid: true);
        Assert.Equal("2 2 6", await CountsAsync(client));
        Assert.Equal((600, 600), await MoneyAsync(client));
    }

    [Fact]
    public async Task The_first_part_of_a_job_that_was_finished_unpaid_is_corrected_while_its_late_files_wait_and_when_its_session_is_forgotten()
    {
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(shop.Key);
        var given = await JobAsync(shop, pages: 3, color: false, price: 200, new GivenFile("first.pdf", [1]), new GivenFile("late.pdf", [2]));
        await client.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/claim");
        await relay.ExecuteAsync("UPDATE files SET added_in_claim = 1 WHERE id = @id", new { id = given.Files[1] });
        await client.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/complete");
        var first = Assert.Single(await JobsAsync(client));
        Assert.Equal(["id", "time", "token", "counter", "files", "pages", "uncountedFiles", "amount", "isComplete", "currency", "paidAmount", "isPaid"], first.Fields());
        Assert.Equal((1, 3, 600, 0, false), (first.Number("files"), first.Number("pages"), first.Number("amount"), first.Number("paidAmount"), first.GetProperty("isPaid").GetBoolean()));

        await CorrectAsync(client, HttpMethod.Post, first);

        Assert.Equal((600, 0), await MoneyAsync(client));
        // The late files are another job, which nobody has paid.
        Assert.Null((await relay.DetailsAsync(shop, given.SessionId)).Text("paidAt"));
        await CompleteAsync(client, given, isPaid: false);
        Assert.Equal((600, 600), await MoneyAsync(client));
        await CorrectAsync(client, HttpMethod.Delete, first);
        await CorrectAsync(client, HttpMethod.Delete, first);
        Assert.Equal((0, 1_200), await MoneyAsync(client));

        await relay.ExecuteAsync("UPDATE finished_jobs SET session = gen_random_uuid() WHERE shop_id = @Id", shop); // as when the session is forgotten
        foreach (var job in await JobsAsync(client))
            await CorrectAsync(client, HttpMethod.Post, job);
        Assert.Equal((1_200, 0), await MoneyAsync(client));
    }

    [Fact]
    public async Task The_customer_of_a_completed_job_sees_that_it_was_corrected_and_no_other_shop_can()
    {
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(shop.Key);
        var given = await JobAsync(shop, pages: 3, color: false, price: 200);
        await CompleteAsync(client, given, isPaid: false);
        var job = Assert.Single(await JobsAsync(client));
        using var stranger = relay.ShopApi((await relay.ShopAsync()).Key);
        foreach (var (caller, id) in ((HttpClient, string)[])[(stranger, job.Text("id")!), (client, Guid.NewGuid().ToString()), (client, "1")])
        {
            using var refused = await caller.PostAsync($"/api/shopkeeper/days/jobs/{id}/paid");
            await refused.IsProblemAsync(HttpStatusCode.NotFound, "job_not_found");
        }

        Assert.Equal((0, 600), await MoneyAsync(client));
        await CorrectAsync(client, HttpMethod.Post, job);
        Assert.Equal((600, 0), await MoneyAsync(client));
        using var customer = relay.UploadApi();
        Assert.Equal(600, (await customer.StatusAsync(given.SessionId, shop.Prefix())).Number("paidAmount"));
        await CorrectAsync(client, HttpMethod.Delete, job);
        Assert.Null((await customer.StatusAsync(given.SessionId, shop.Prefix())).Text("paidAt"));
    }

    [Fact]
    public async Task A_day_lies_between_the_midnights_of_the_shop_s_zone()
    {
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(shop.Key);
        await CompleteAsync(client, await JobAsync(shop, pages: 1, color: false, price: 200), isPaid: true);
        await relay.ExecuteAsync("UPDATE finished_jobs SET finished_at = '2026-03-01T20:00:00Z' WHERE shop_id = @Id", shop);

        Assert.Equal(1, await JobsAsync("2026-03-01?timeZone=UTC"));
        Assert.Equal(1, await JobsAsync("2026-03-01"));
        Assert.Equal(1, await JobsAsync("2026-03-02?timeZone=Asia/Kolkata"));
        Assert.Equal(0, await JobsAsync("2026-03-01?timeZone=Asia%2FKolkata"));
        Assert.Equal(1, await JobsAsync("2026-03-02?timeZone=Asia/Calcutta"));

        async Task<int> JobsAsync(string day)
        {
            using var answer = await client.GetAsync($"/api/shopkeeper/days/{day}", Token);
            return (await answer.JsonAsync()).GetProperty("jobs").GetInt32();
        }
    }

    /// <summary>This PostgreSQL has all names; Debian's has none of the old ones.</summary>
    [Fact]
    public async Task A_zone_that_browsers_name_by_its_old_name_is_asked_for_by_that_of_today()
    {
        const string sql = """
            SELECT old FROM unnest(@old, @today) AS renamed (old, today), generate_series('2024-01-01'::timestamptz, '2026-12-31', '7 days') AS instant
            WHERE instant AT TIME ZONE old <> instant AT TIME ZONE today
            LIMIT 1
            """;
        var (old, today) = (TimeZones.Renamed.Keys.ToArray(), TimeZones.Renamed.Values.ToArray());

        // What Chrome sends in India.
        Assert.Equal("Asia/Kolkata", TimeZones.NameOf("Asia/Calcutta"));
        Assert.Equal("Asia/Tokyo", TimeZones.NameOf("Asia/Tokyo"));
        Assert.Null(await relay.ScalarAsync<string?>(sql, new { old, today }));
        Assert.DoesNotContain(today, TimeZones.Renamed.ContainsKey);
    }

    [Theory]
    [InlineData("2026-02-30")]
    [InlineData("today")]
    [InlineData("0001-01-01")]
    [InlineData("2026-03-01?timeZone=Nowhere/City")]
    [InlineData("2026-03-01?timeZone=")]
    [InlineData("2026-03-01?timeZone=%27%3B")]
    public async Task What_is_no_day_is_refused(string day)
    {
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(shop.Key);

        using var answer = await client.GetAsync($"/api/shopkeeper/days/{day}", Token);

        await answer.IsProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
    }

    [Theory]
    [InlineData("?format=csv", null)]
    [InlineData("", "text/csv")]
    public async Task As_CSV_a_day_has_a_line_for_each_job_and_no_formula(string query, string? accept)
    {
        var shop = await relay.ShopAsync();
        await relay.ExecuteAsync("UPDATE api_keys SET name = '=HYPERLINK(\"x\",1)' WHERE shop_id = @Id", shop);
        using var client = relay.ShopApi(shop.Key);
        await CompleteAsync(client, await JobAsync(shop, pages: 3, color: false, price: 250), isPaid: true);
        if (accept is not null)
            client.DefaultRequestHeaders.Add("Accept", accept);

        using var answer = await client.GetAsync($"/api/shopkeeper/days/{Today:yyyy-MM-dd}{query}", Token);

        Assert.Equal("text/csv; charset=utf-8", answer.Content.Headers.ContentType?.ToString());
        Assert.Equal($"attachment; filename={Today:yyyy-MM-dd}.csv", answer.Content.Headers.ContentDisposition?.ToString());
        var bytes = await answer.Content.ReadAsByteArrayAsync(Token);
        Assert.Equal([0xEF, 0xBB, 0xBF], bytes[..3]);
        var lines = System.Text.Encoding.UTF8.GetString(bytes[3..]).Split("\r\n");
        Assert.Equal(3, lines.Length);
        Assert.StartsWith("date,time,token,counter,", lines[0], StringComparison.Ordinal);
        Assert.StartsWith($"{Today:yyyy-MM-dd},", lines[1], StringComparison.Ordinal);
        Assert.EndsWith(""",1,"'=HYPERLINK(""x"",1)",1,3,0,0,7.50,7.50,INR,yes""", lines[1], StringComparison.Ordinal);
        Assert.DoesNotContain("Asha", lines[1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Front desk", "Front desk")]
    [InlineData("=1+1", "'=1+1")]
    [InlineData("+1", "'+1")]
    [InlineData("-1", "'-1")]
    [InlineData("@SUM(A1)", "'@SUM(A1)")]
    [InlineData("＝1", "'＝1")]
    [InlineData("\t=1", "\"'\t=1\"")]
    [InlineData("a,b", "\"a,b\"")]
    [InlineData("a\"b", "\"a\"\"b\"")]
    [InlineData("a\r\n=1", "\"a\r\n=1\"")]
    [InlineData("", "")]
    public void A_cell_is_text_for_any_spreadsheet(string text, string cell) => Assert.Equal(cell, DayCsv.Cell(text));

    [Fact]
    public async Task A_finished_job_outlives_its_session_and_is_forgotten_in_the_end()
    {
        using var states = new StateMachine(relay);
        var shop = await relay.ShopAsync();
        using var client = relay.ShopApi(shop.Key);
        var (kept, old) = (await JobAsync(shop, pages: 1, color: false, price: 200), await JobAsync(shop, pages: 1, color: false, price: 200));
        await CompleteAsync(client, kept, isPaid: true);
        await CompleteAsync(client, old, isPaid: true);
        await states.ExecuteAsync("UPDATE files SET status = 'deleted', lease_until = NULL WHERE session = @Id", kept);
        await states.ExecuteAsync("UPDATE sessions SET ended_at = '2000-01-01' WHERE id = @Id", kept);
        await states.ExecuteAsync("UPDATE finished_jobs SET finished_at = @then WHERE session = @Id", new { old.Id, then = DateTimeOffset.UnixEpoch.UtcDateTime });

        await states.Get<Purge>().RunOnceAsync(Token);

        Assert.Equal(0, await relay.ScalarAsync<long>("SELECT count(*) FROM sessions WHERE id = @Id", kept));
        Assert.Equal(1, await relay.ScalarAsync<long>("SELECT count(*) FROM finished_jobs WHERE shop_id = @Id", shop));
        Assert.Equal(1, (await SheetAsync(client, Today)).GetProperty("jobs").GetInt32());
    }

    private DateOnly Today => DateOnly.FromDateTime(relay.Clock.GetUtcNow().UtcDateTime);

    /// <summary>A job whose files have so many pages each, at a price for each page.</summary>
    private async Task<GivenSession> JobAsync(TestShop shop, int? pages, bool color, int? price, params GivenFile[] files)
    {
        var given = await relay.SubmitAsync(shop.Id, "Asha", files);
        await relay.ExecuteAsync(
            """
            UPDATE files SET printed_pages = @pages, page_price = @price, currency = CASE WHEN @price::bigint IS NOT NULL THEN 'INR' END,
                print_options = jsonb_set(print_options, '{colorMode}', to_jsonb(@mode::text))
            WHERE session = @Id
            """,
            new { given.Id, pages = (long?)pages, price = (long?)price, mode = color ? "color" : "monochrome" });
        return given;
    }

    private static async Task CompleteAsync(HttpClient client, GivenSession given, bool isPaid)
    {
        foreach (var step in isPaid ? (string[])["claim", "paid", "complete"] : ["claim", "complete"])
        {
            using var answer = await client.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/{step}");
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }
    }

    private static async Task ReportAsync(HttpClient client, Guid file, string report)
    {
        using var answer = await client.PostAsync(
            $"/api/shopkeeper/files/{file}/prints", PrintJobs.Json($$"""{"attempt":"{{Guid.NewGuid()}}","printer":"HP LaserJet",{{report}}}"""), Token);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    private static async Task<System.Text.Json.JsonElement> SheetAsync(HttpClient client, DateOnly day)
    {
        using var answer = await client.GetAsync($"/api/shopkeeper/days/{day:yyyy-MM-dd}", Token);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return await answer.JsonAsync();
    }

    private async Task<List<System.Text.Json.JsonElement>> JobsAsync(HttpClient client)
    {
        using var answer = await client.GetAsync($"/api/shopkeeper/days/{Today:yyyy-MM-dd}/jobs", Token);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return [.. (await answer.JsonAsync()).GetProperty("jobs").EnumerateArray()];
    }

    private static async Task CorrectAsync(HttpClient client, HttpMethod method, System.Text.Json.JsonElement job)
    {
        using var request = new HttpRequestMessage(method, $"/api/shopkeeper/days/jobs/{job.Text("id")}/paid");
        using var answer = await client.SendAsync(request, Token);
        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
    }

    private async Task<(long Paid, long Unpaid)> MoneyAsync(HttpClient client)
    {
        var sheet = await SheetAsync(client, Today);
        return (sheet.GetProperty("paid").GetInt64(), sheet.GetProperty("unpaid").GetInt64());
    }

    private async Task<string> CountsAsync(HttpClient client)
    {
        var sheet = await SheetAsync(client, Today);
        return $"{sheet.GetProperty("jobs")} {sheet.GetProperty("files")} {sheet.GetProperty("pages")}";
    }
}
