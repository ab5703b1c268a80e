using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace CloudTab.Services.Tests;

/// <summary>What agents report over HTTP and the socket, and where shops and customers see it.</summary>
public sealed class PrintReportsTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    [Fact]
    public async Task A_report_is_answered_with_the_attempt_and_listed()
    {
        var shop = await relay.ShopAsync();
        var given = await ClaimedAsync(shop);
        using var client = relay.ShopApi(shop.Key);
        var (attempt, file) = (Guid.NewGuid(), given.Files[0]);

        using var answer = await client.PostAsync(
            Prints(file),
            PrintJobs.Json($$"""{"attempt":"{{attempt}}","printer":" HP\u202e LaserJet ","state":"printing","options":{"copies":2,"media":"a3"},"pages":3,"copies":1,"reasons":["media-empty-error"]}"""),
            Token);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var body = await answer.JsonAsync();
        Assert.Equal(["success", "print"], body.Fields());
        var print = body.GetProperty("print");
        Assert.Equal(["attempt", "printer", "options", "state", "grade", "pages", "copies", "reasons", "again", "givenBack", "at"], print.Fields());
        Assert.Equal((attempt, "HP LaserJet", "printing"), (print.GetProperty("attempt").GetGuid(), print.Text("printer"), print.Text("state")));
        PrintJobs.IsSame("""{"copies":2,"colorMode":"monochrome","sides":"one-sided","pageRanges":null,"media":"a3","scaling":"fit"}""", print.GetProperty("options"));
        PrintJobs.IsSame("""["media-empty-error"]""", print.GetProperty("reasons"));
        Assert.Equal((3, 1), (print.Number("pages"), print.Number("copies")));
        Assert.Equal(DateTimeKind.Utc, print.GetProperty("at").GetDateTime().Kind);

        using var list = await client.GetAsync(Prints(file), Token);
        PrintJobs.IsSame($$"""{"success":true,"prints":[{{print.GetRawText()}}]}""", await list.JsonAsync());
        // What a later report does not say stays.
        var printed = await ReportedAsync(client, file, attempt, "printed", "printer_finished");
        Assert.Equal((3, 1, "printer_finished"), (printed.Number("pages"), printed.Number("copies"), printed.Text("grade")));
        Assert.Equal(0, printed.GetProperty("reasons").GetArrayLength());
    }

    [Theory]
    [InlineData("""{"printer":"a","state":"sent"}""", "invalid_request")]
    [InlineData("""{"attempt":"1","printer":"a","state":"sent"}""", "invalid_request")]
    [InlineData("""{"attempt":"$","state":"sent"}""", "invalid_request")]
    [InlineData("""{"attempt":"$","printer":"a"}""", "invalid_request")]
    [InlineData("""{"attempt":"$","printer":"a","state":"done"}""", "invalid_request")]
    [InlineData("""{"attempt":"$","printer":"a","state":1}""", "invalid_request")]
    [InlineData("""{"attempt":"$","printer":"a","state":"sent","grade":"confirmed"}""", "invalid_request")]
    [InlineData("""{"attempt":"$","printer":"a","state":"sent","pages":-1}""", "invalid_request")]
    [InlineData("""{"attempt":"$","printer":"a","state":"sent","copies":1000001}""", "invalid_request")]
    [InlineData("""{"attempt":"$","printer":"a","state":"sent","reasons":["no paper"]}""", "invalid_request")]
    [InlineData("""{"attempt":"$","printer":"a","state":"sent","reasons":[null]}""", "invalid_request")]
    [InlineData("""{"attempt":"$","printer":"a","state":"sent","options":{"copies":0}}""", "invalid_print_options")]
    [InlineData("""{"attempt":"$","printer":"a","state":"sent","options":7}""", "invalid_print_options")]
    [InlineData("21 reasons", "invalid_request")]
    [InlineData("long printer", "invalid_request")]
    [InlineData("""[]""", "invalid_request")]
    public async Task A_report_that_cannot_be_one_is_refused(string json, string code)
    {
        var shop = await relay.ShopAsync();
        var given = await ClaimedAsync(shop);
        using var client = relay.ShopApi(shop.Key);
        json = json switch
        {
            "21 reasons" => JsonSerializer.Serialize(new { attempt = "$", printer = "a", state = "sent", reasons = Enumerable.Repeat("other", 21) }),
            "long printer" => JsonSerializer.Serialize(new { attempt = "$", printer = new string('a', 201), state = "sent" }),
            _ => json,
        };

        using var answer = await client.PostAsync(Prints(given.Files[0]), PrintJobs.Json(json.Replace("$", $"{Guid.NewGuid()}", StringComparison.Ordinal)), Token);

        await answer.IsProblemAsync(HttpStatusCode.BadRequest, code);
        Assert.False(await relay.ScalarAsync<bool>("SELECT EXISTS (SELECT FROM prints WHERE file = @file)", new { file = given.Files[0] }));
    }

    [Fact]
    public async Task Each_refusal_has_its_code()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.AnnounceAsync(shop.Id);
        var file = given.Files[0];
        using var client = relay.ShopApi(shop.Key);
        using var other = relay.ShopApi(await relay.KeyAsync(shop.Id));
        using var stranger = relay.ShopApi((await relay.ShopAsync()).Key);

        await (await ReportAsync(client, file, Guid.NewGuid(), "sent")).IsProblemAsync(HttpStatusCode.Conflict, "not_claimed");
        await client.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/claim");
        await (await ReportAsync(other, file, Guid.NewGuid(), "sent")).IsProblemAsync(HttpStatusCode.Conflict, "already_claimed");
        await (await ReportAsync(stranger, file, Guid.NewGuid(), "sent")).IsProblemAsync(HttpStatusCode.NotFound, "file_not_found");
        await (await ReportAsync(client, Guid.NewGuid(), Guid.NewGuid(), "sent")).IsProblemAsync(HttpStatusCode.NotFound, "file_not_found");
        await (await stranger.GetAsync(Prints(file), Token)).IsProblemAsync(HttpStatusCode.NotFound, "file_not_found");
        await (await client.GetAsync("/api/shopkeeper/files/none/prints", Token)).IsProblemAsync(HttpStatusCode.NotFound, "file_not_found");
        await (await client.PostAsync("/api/shopkeeper/files/none/prints", JsonContent.Create(new { attempt = Guid.NewGuid(), printer = "a", state = "sent" }), Token))
            .IsProblemAsync(HttpStatusCode.NotFound, "file_not_found");
        var attempt = Guid.NewGuid();
        await ReportedAsync(client, file, attempt, "sent");
        await (await ReportAsync(client, file, Guid.NewGuid(), "sent")).IsProblemAsync(HttpStatusCode.Conflict, "still_printing");
        await (await client.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/complete")).IsProblemAsync(HttpStatusCode.Conflict, "still_printing");
        await (await client.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/release")).IsProblemAsync(HttpStatusCode.Conflict, "still_printing");
        await ReportedAsync(client, file, attempt, "printed");
        await (await ReportAsync(client, file, Guid.NewGuid(), "sent")).IsProblemAsync(HttpStatusCode.Conflict, "already_printed");
        await ReportedAsync(client, file, Guid.NewGuid(), "failed", again: "The customer wants it darker");
        using var completed = await client.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/complete");
        Assert.Equal(HttpStatusCode.OK, completed.StatusCode);
        await (await ReportAsync(client, file, Guid.NewGuid(), "sent", again: "Once more")).IsProblemAsync(HttpStatusCode.Conflict, "session_closed");
    }

    [Theory]
    [InlineData("""{"reason":7}""")]
    [InlineData("""{"reason":" "}""")]
    [InlineData("""{"reason":""")]
    [InlineData("long")]
    public async Task Giving_back_takes_a_reason_that_can_be_shown(string body)
    {
        var shop = await relay.ShopAsync();
        var given = await ClaimedAsync(shop);
        using var agent = relay.ShopApi(shop.Key);
        using var counter = relay.ShopApi(await relay.KeyAsync(shop.Id));
        await ReportedAsync(agent, given.Files[0], Guid.NewGuid(), "printing");
        if (body == "long")
            body = JsonSerializer.Serialize(new { reason = new string('a', 201) });
        var release = $"/api/shopkeeper/sessions/{given.PickupCode}/release";

        await (await counter.PostAsync(release, PrintJobs.Json(body), Token)).IsProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
        await (await counter.PostAsync(release, PrintJobs.Json("{}"), Token)).IsProblemAsync(HttpStatusCode.Conflict, "already_claimed");
        using var answer = await counter.PostAsync(release, PrintJobs.Json("""{"reason":"The PC has died"}"""), Token);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var session = await relay.DetailsAsync(shop, given.SessionId);
        Assert.Equal(("pending", false), (session.Text("status"), session.GetProperty("printing").GetBoolean()));
        using var list = await counter.GetAsync(Prints(given.Files[0]), Token);
        Assert.Equal("The PC has died", (await list.JsonAsync()).GetProperty("prints")[0].Text("givenBack"));
        // Of a file that was tried more than once, lists tell the newest attempt.
        using var taken = await counter.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/claim");
        await ReportedAsync(counter, given.Files[0], Guid.NewGuid(), "failed", again: "Nobody saw it");
        using var back = await counter.PostAsync(release);
        using var pending = await counter.GetAsync("/api/shopkeeper/sessions/pending", Token);
        Assert.Equal("failed", Assert.Single((await pending.JsonAsync()).GetProperty("sessions")[0].GetProperty("prints").EnumerateArray()).Text("state"));
    }

    [Fact]
    public async Task The_socket_takes_reports_and_every_socket_of_the_shop_hears_of_them()
    {
        var shop = await relay.ShopAsync();
        var given = await ClaimedAsync(shop);
        using var agent = await SocketClient.ReadyAsync(relay.SocketAddress, shop.Key);
        using var counter = await SocketClient.ReadyAsync(relay.SocketAddress, await relay.KeyAsync(shop.Id));
        var (attempt, fileId) = (Guid.NewGuid(), given.Files[0]);

        await agent.SendAsync(new { type = "report_print", fileId, attempt, printer = "HP LaserJet", state = "printing", reasons = (string[])["media-jam"] });
        var reported = (await agent.NextAsync("print_reported")).GetProperty("print");
        var changed = await counter.NextAsync("print_changed");

        Assert.Equal(["type", "eventId", "sessionId", "pickupCode", "fileId", "print", "timestamp"], changed.Fields());
        Assert.Equal((given.SessionId, given.PickupCode, fileId), (changed.Text("sessionId"), changed.Text("pickupCode"), changed.GetProperty("fileId").GetGuid()));
        PrintJobs.IsSame(reported.GetRawText(), changed.GetProperty("print"));
        Assert.Equal(("printing", "media-jam"), (reported.Text("state"), reported.GetProperty("reasons")[0].GetString()));

        foreach (var (message, code) in ((object, string)[])[
            (new { type = "report_print", fileId, printer = "a", state = "sent" }, "invalid_request"),
            (new { type = "report_print", fileId, attempt = "1", printer = "a", state = "sent" }, "invalid_message"),
            (new { type = "report_print", fileId, attempt, printer = "a", state = "sent", options = new { copies = 0 } }, "invalid_print_options"),
            (new { type = "report_print", fileId = "none", attempt, printer = "a", state = "sent" }, "file_not_found"),
            (new { type = "report_print", fileId, attempt = Guid.NewGuid(), printer = "a", state = "sent" }, "still_printing"),
            (new { type = "complete_session", sessionId = given.SessionId }, "still_printing")])
        {
            await agent.SendAsync(message);
            Assert.Equal(code, (await agent.NextAsync("error")).Text("code"));
        }
    }

    [Fact]
    public async Task A_customer_sees_what_the_printer_says()
    {
        var shop = await relay.ShopAsync();
        var given = await ClaimedAsync(shop);
        using var client = relay.ShopApi(shop.Key);
        using var customer = relay.UploadApi();
        var (attempt, file) = (Guid.NewGuid(), given.Files[0]);
        await using var events = await EventClient.OpenAsync(customer, EventClient.AddressOf(given.SessionId, shop.Prefix()));
        var before = await events.NextStatusAsync("processing");
        Assert.Equal((false, false), (before.GetProperty("printing").GetBoolean(), before.GetProperty("files")[0].TryGetProperty("print", out _)));
        await events.NextPlaceAsync(1, 0);

        await client.PostAsync(Prints(file), PrintJobs.Json($$"""{"attempt":"{{attempt}}","printer":"a","state":"printing","reasons":["media-empty"]}"""), Token);
        var told = await events.NextStatusAsync("processing");
        Assert.Equal((await customer.StatusAsync(given.SessionId, shop.Prefix())).GetRawText(), told.GetRawText());
        var print = told.GetProperty("files")[0].GetProperty("print");
        Assert.Equal(["state", "reasons", "at"], print.Fields());
        Assert.Equal(("printing", "media-empty", true), (print.Text("state"), print.GetProperty("reasons")[0].GetString(), told.GetProperty("printing").GetBoolean()));
        var details = await relay.DetailsAsync(shop, given.SessionId);
        Assert.True(details.GetProperty("printing").GetBoolean());
        PrintJobs.IsSame(print.GetRawText(), details.GetProperty("files")[0].GetProperty("print"));
        using var processing = await client.GetAsync("/api/shopkeeper/sessions/processing", Token);
        var listed = (await processing.JsonAsync()).GetProperty("sessions")[0];
        Assert.True(listed.GetProperty("printing").GetBoolean());
        var inList = Assert.Single(listed.GetProperty("prints").EnumerateArray());
        Assert.Equal(["fileId", "state", "reasons", "at"], inList.Fields());
        Assert.Equal((file, "printing", print.Text("at")), (inList.GetProperty("fileId").GetGuid(), inList.Text("state"), inList.Text("at")));

        await ReportedAsync(client, file, attempt, "printed", "handed_over");
        var printed = await events.NextStatusAsync("processing");
        Assert.False(printed.GetProperty("printing").GetBoolean());
        print = printed.GetProperty("files")[0].GetProperty("print");
        Assert.Equal(["state", "grade", "reasons", "at"], print.Fields());
        Assert.Equal(("printed", "handed_over"), (print.Text("state"), print.Text("grade")));
    }

    [Theory]
    [InlineData("sent", null, null, "At the printer")]
    [InlineData("printing", null, "media-empty-error", "Being printed · The printer is out of paper.")]
    [InlineData("printing", null, "com.maker.odd-state", "Being printed")]
    [InlineData("printed", "handed_over", null, "Handed to the printer")]
    [InlineData("printed", "confirmed", null, "Printed, and seen by the shop")]
    [InlineData("failed", null, "aborted-by-system", "Not printed")]
    [InlineData("unknown", null, null, "Ask at the counter whether it was printed")]
    public async Task The_customer_s_page_says_it_in_words(string state, string? grade, string? reason, string words)
    {
        var shop = await relay.ShopAsync();
        var given = await ClaimedAsync(shop);
        using var client = relay.ShopApi(shop.Key);
        using var customer = relay.UploadApi();

        using var answer = await client.PostAsJsonAsync(
            Prints(given.Files[0]), new { attempt = Guid.NewGuid(), printer = "a", state, grade, reasons = reason is null ? [] : (string[])[reason] }, Token);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);

        var html = WebUtility.HtmlDecode(await customer.GetStringAsync(new Uri($"{shop.Prefix()}/sessions/{given.SessionId}", UriKind.Relative), Token));
        Assert.Contains($">{words}</p>", html, StringComparison.Ordinal);
        Assert.Equal(state is not ("sent" or "printing"), html.Contains("data-countdown", StringComparison.Ordinal));
    }

    private static string Prints(Guid file) => $"/api/shopkeeper/files/{file}/prints";

    private static Task<HttpResponseMessage> ReportAsync(HttpClient client, Guid file, Guid attempt, string state, string? grade = null, string? again = null) =>
        client.PostAsync(Prints(file), JsonContent.Create(new { attempt, printer = "HP LaserJet", state, grade, again }), Token);

    private static async Task<JsonElement> ReportedAsync(HttpClient client, Guid file, Guid attempt, string state, string? grade = null, string? again = null)
    {
        using var answer = await ReportAsync(client, file, attempt, state, grade, again);
        Assert.True(answer.StatusCode == HttpStatusCode.OK, await answer.Content.ReadAsStringAsync(Token));
        return (await answer.JsonAsync()).GetProperty("print");
    }

    private async Task<GivenSession> ClaimedAsync(TestShop shop)
    {
        var given = await relay.AnnounceAsync(shop.Id);
        using var client = relay.ShopApi(shop.Key);
        using var claimed = await client.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/claim");
        Assert.Equal(HttpStatusCode.OK, claimed.StatusCode);
        return given;
    }
}
