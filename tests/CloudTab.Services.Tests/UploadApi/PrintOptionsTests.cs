using System.Net;
using System.Text.Json;
using CloudTab.Relay;

namespace CloudTab.Services.Tests;

/// <summary>Print options on every way in, and wherever they come out again.</summary>
public sealed class PrintOptionsTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    private const string Usual = """{"copies":1,"colorMode":"monochrome","sides":"one-sided","pageRanges":null,"media":"a4","scaling":"fit"}""";

    // What a shop prints that prints black and white on A4, either on A3, and photos.
    private const string SomeOffer = """
        {"currency":"INR","twoSided":false,"prices":[{"media":"a4","colorMode":"monochrome","price":200},{"media":"a3","colorMode":"monochrome","price":500},
        {"media":"a3","colorMode":"color","price":null},{"media":"photo","colorMode":"color","price":3000}],"upiAddress":null}
        """;

    private readonly HttpClient _client = relay.UploadApi();

    /// <summary>The ways in which options come with a file.</summary>
    public enum Carrier
    {
        Session,
        Form,
        Page,
        Tus,
        TusWithBytes,
        Direct,
        Change,
    }

    public static TheoryData<Carrier> Ways => new(Enum.GetValues<Carrier>());

    /// <summary>Options that are none, with the name of the one that is wrong.</summary>
    public static TheoryData<string, string> Wrong => new()
    {
        { """{"copies":0}""", "copies" },
        { """{"copies":100}""", "copies" },
        { """{"copies":1.5}""", "copies" },
        { """{"copies":"2"}""", "copies" },
        { """{"copies":99999999999}""", "copies" },
        { """{"colorMode":"sepia"}""", "colorMode" },
        { """{"colorMode":"Color"}""", "colorMode" },
        { """{"colorMode":1}""", "colorMode" },
        { """{"sides":"three-sided"}""", "sides" },
        { """{"media":"a5"}""", "media" },
        { """{"scaling":"fill"}""", "scaling" },
        { """{"numberUp":3}""", "numberUp" },
        { """{"numberUp":"2"}""", "numberUp" },
        { """{"pageRanges":""}""", "pageRanges" },
        { """{"pageRanges":"0"}""", "pageRanges" },
        { """{"pageRanges":"3-1"}""", "pageRanges" },
        { """{"pageRanges":"1-"}""", "pageRanges" },
        { """{"pageRanges":"1,,2"}""", "pageRanges" },
        { """{"pageRanges":"100000"}""", "pageRanges" },
        { """{"pageRanges":"1-99999999999"}""", "pageRanges" },
        { """{"pageRanges":[1,2]}""", "pageRanges" },
        { """{"pageRanges":"\ud800"}""", "printOptions" },
        { """{"\ud800":1}""", "printOptions" },
        { """{"staple":true}""", "printOptions" },
        { """{"copies":2,"Copies":3}""", "printOptions" },
        { """[]""", "printOptions" },
        { """5""", "printOptions" },
    };

    [Fact]
    public async Task The_page_says_if_a_document_has_none_of_the_pages_that_were_chosen_afterwards()
    {
        var shop = await relay.OfferingShopAsync();
        var sessionId = await _client.SendJobAsync(shop, PdfSamples.OfPages(3));
        const string warning = "<p class=\"problem\">The document has none of these pages.</p>";
        Assert.DoesNotContain(warning, await _client.GetStringAsync($"{shop.Prefix()}/sessions/{sessionId}", Token), StringComparison.Ordinal);

        using var changed = await _client.ChangeAsync(shop, sessionId, """{"pageRanges":"7-9"}""");

        Assert.Equal(HttpStatusCode.OK, changed.StatusCode);
        Assert.Contains(warning, await _client.GetStringAsync($"{shop.Prefix()}/sessions/{sessionId}", Token), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Options_that_come_with_a_file_are_shown_to_its_customer_and_its_shop(Carrier way)
    {
        var shop = await relay.ShopAsync();
        var prefix = $"/s/{shop.Id}";
        using var socket = await SocketClient.ReadyAsync(relay.SocketAddress, shop.Key);

        var (sessionId, answer) = await SendAsync(way, prefix, """{"copies":3,"colorMode":"color","sides":"two-sided-long-edge","pageRanges":" 5, 1-2,3 ","media":"a3","scaling":"none","numberUp":2}""");
        Assert.True(answer.IsSuccessStatusCode || answer.StatusCode == HttpStatusCode.SeeOther, await answer.Content.ReadAsStringAsync(Token));
        using var submitted = await _client.PostAsync($"{prefix}/api/customer/sessions/{sessionId}/submit");

        const string Chosen = """{"copies":3,"colorMode":"color","sides":"two-sided-long-edge","pageRanges":"1-3,5","media":"a3","scaling":"none","numberUp":2}""";
        PrintJobs.IsSame(Chosen, (await _client.StatusAsync(sessionId, prefix)).GetProperty("files")[0].GetProperty("printOptions"));
        using var details = await relay.ShopApi(shop.Key).GetAsync($"/api/shopkeeper/sessions/{sessionId}", Token);
        PrintJobs.IsSame(Chosen, (await details.JsonAsync()).GetProperty("session").GetProperty("files")[0].GetProperty("printOptions"));
        // A frame tells how the files are when it is read: that of a new session may have been read before the change, or after it.
        var file = (await socket.NextAsync(way == Carrier.Change ? "session_updated" : "new_session")).GetProperty("files")[0];
        Assert.Equal(["id", "scan", "name", "pages", "printOptions"], file.Fields());
        Assert.Equal(("pages.pdf", 4), (file.Text("name"), file.GetProperty("pages").GetInt32()));
        PrintJobs.IsSame(Chosen, file.GetProperty("printOptions"));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task What_is_not_said_is_as_usual(Carrier way)
    {
        var shop = await relay.ShopAsync();

        var (sessionId, answer) = await SendAsync(way, $"/s/{shop.Id}", """{"copies":2}""");
        using (answer)
            PrintJobs.IsSame(Usual.Replace(":1,", ":2,", StringComparison.Ordinal), await OptionsAsync(sessionId, $"/s/{shop.Id}"));
    }

    [Theory]
    [InlineData(Carrier.Form)]
    [InlineData(Carrier.Tus)]
    [InlineData(Carrier.Direct)]
    public async Task What_is_said_of_a_file_changes_what_was_said_of_its_session(Carrier way)
    {
        var shop = await relay.ShopAsync();
        var session = new { printOptions = new { copies = 4, media = "letter", colorMode = "color", pageRanges = "2" } };
        var sessionId = await _client.CreateAsync($"/s/{shop.Id}", session);

        using var answer = await SendAsync(way, $"/s/{shop.Id}", sessionId, """{"copies":null,"pageRanges":null,"scaling":"none"}""");

        PrintJobs.IsSame(
            """{"copies":1,"colorMode":"color","sides":"one-sided","pageRanges":null,"media":"letter","scaling":"none"}""",
            await OptionsAsync(sessionId, $"/s/{shop.Id}"));
    }

    [Theory]
    [InlineData(Way.Form)]
    [InlineData(Way.Tus)]
    [InlineData(Way.Ietf)]
    [InlineData(Way.Direct)]
    public async Task A_client_that_says_nothing_of_its_file_gets_what_was_said_of_the_session(Way way)
    {
        var sessionId = await _client.CreateAsync(body: new { printOptions = new { copies = 7 } });

        await UploadClient.Of(way, _client).SentAsync(sessionId, Sample.Pdf());

        PrintJobs.IsSame(Usual.Replace(":1,", ":7,", StringComparison.Ordinal), await OptionsAsync(sessionId));
    }

    [Fact]
    public async Task Options_in_a_form_hold_for_the_files_behind_them()
    {
        var sessionId = await _client.CreateAsync();
        using var form = Customer.Form(Sample.Pdf(name: "1.pdf"));
        Add(form, """{"copies":2}""");
        AddFile(form, "2.pdf");
        AddFile(form, "3.pdf");
        Add(form, """{"media":"a3"}""");
        AddFile(form, "4.pdf");

        using var answer = await _client.SendFormAsync(sessionId, form);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var options = (await _client.StatusAsync(sessionId)).GetProperty("files").EnumerateArray().Select(file => file.GetProperty("printOptions"));
        Assert.Equal(["1 a4", "2 a4", "2 a4", "1 a3"], options.Select(one => $"{one.GetProperty("copies")} {one.Text("media")}"));
    }

    [Theory]
    [InlineData("/send")]
    [InlineData("/api/customer/sessions/{0}/upload")]
    public async Task Options_behind_the_last_file_of_a_form_are_refused(string path)
    {
        var sessionId = await _client.CreateAsync();
        using var form = Customer.Form(Sample.Pdf());
        form.Add(new StringContent(path == "/send" ? "2" : """{"copies":2}"""), path == "/send" ? "copies" : "printOptions");

        using var answer = await _client.PostAsync(path.Replace("{0}", sessionId, StringComparison.Ordinal), form, Token);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("must come before the files that it is for", await answer.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task Options_that_are_none_are_refused_and_leave_nothing(string options, string field)
    {
        foreach (var way in Enum.GetValues<Carrier>().Except([Carrier.Page]))
        {
            var (sessionId, answer) = await SendAsync(way, "", options);
            using (answer)
            {
                await answer.IsProblemAsync(HttpStatusCode.BadRequest, "invalid_print_options");
                var problem = await answer.JsonAsync();
                Assert.Equal(field, problem.Text("field"));
                Assert.StartsWith(field, problem.Text("message"), StringComparison.Ordinal);
            }

            if (way == Carrier.Change)
                PrintJobs.IsSame(Usual, await OptionsAsync(sessionId));
            else if (way != Carrier.Session)
                await relay.AssertNothingLeftAsync(sessionId);
        }
    }

    [Theory]
    [InlineData("copies", "0", "copies must be a whole number from 1 to 99.")]
    [InlineData("copies", "two", "copies must be a whole number from 1 to 99.")]
    [InlineData("colorMode", "sepia", "colorMode must be one of monochrome, color.")]
    [InlineData("sides", "three-sided", "sides must be one of one-sided, two-sided-long-edge, two-sided-short-edge.")]
    [InlineData("media", "a5", "media must be one of a4, a3, letter, photo.")]
    [InlineData("scaling", "fill", "scaling must be one of fit, none.")]
    [InlineData("pageRanges", "all", "pageRanges must be pages such as 1-3,5, or null for all.")]
    public async Task The_page_says_which_field_is_wrong(string field, string value, string words)
    {
        var shop = await relay.ShopAsync();
        using var form = new MultipartFormDataContent { { new StringContent(value), field } };
        AddFile(form, "a.pdf");

        using var answer = await _client.PostAsync($"/s/{shop.Id}/send", form, Token);

        Assert.Equal((HttpStatusCode.BadRequest, "text/html"), (answer.StatusCode, answer.Content.Headers.ContentType!.MediaType));
        Assert.Contains(words, await answer.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
        Assert.Equal(0, await relay.ScalarAsync<int>("SELECT count(*) FROM sessions WHERE shop_id = @Id", shop));
    }

    [Fact]
    public async Task Fields_that_the_customer_left_empty_on_the_page_are_as_usual()
    {
        var shop = await relay.ShopAsync();
        using var form = new MultipartFormDataContent { { new StringContent(""), "copies" }, { new StringContent(" "), "pageRanges" }, { new StringContent("color"), "colorMode" } };
        AddFile(form, "a.pdf");

        using var answer = await _client.PostAsync($"/s/{shop.Id}/send", form, Token);

        Assert.Equal(HttpStatusCode.SeeOther, answer.StatusCode);
        var sessionId = answer.Headers.Location!.ToString().Split('/')[^1];
        PrintJobs.IsSame(Usual.Replace("monochrome", "color", StringComparison.Ordinal), await OptionsAsync(sessionId, $"/s/{shop.Id}"));
    }

    [Theory]
    [InlineData("""{"sides":"two-sided-long-edge"}""", "sides", "sides must be one-sided: this shop does not print on both sides.")]
    [InlineData("""{"media":"letter"}""", "media", "media cannot be letter: this shop does not print on it.")]
    [InlineData("""{"colorMode":"color"}""", "colorMode", "colorMode cannot be color: this shop does not print so on a4.")]
    [InlineData("""{"media":"photo"}""", "colorMode", "colorMode cannot be monochrome: this shop does not print so on photo.")]
    public async Task What_a_shop_does_not_offer_is_refused_on_every_way(string options, string field, string words)
    {
        var prefix = await ShopAsync(SomeOffer);
        foreach (var way in Enum.GetValues<Carrier>())
        {
            var (_, answer) = await SendAsync(way, prefix, options);
            using (answer)
            {
                if (way == Carrier.Page)
                {
                    Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
                    Assert.Contains(words, await answer.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
                    continue;
                }

                await answer.IsProblemAsync(HttpStatusCode.BadRequest, "invalid_print_options");
                Assert.Equal((field, words), ((await answer.JsonAsync()).Text("field"), (await answer.JsonAsync()).Text("message")));
            }
        }
    }

    [Fact]
    public async Task What_a_shop_offers_is_accepted_on_every_way()
    {
        var prefix = await ShopAsync(SomeOffer);
        foreach (var way in Enum.GetValues<Carrier>())
        {
            var (sessionId, answer) = await SendAsync(way, prefix, """{"media":"photo","colorMode":"color"}""");
            using (answer)
                Assert.Equal("photo", (await OptionsAsync(sessionId, prefix)).Text("media"));
        }
    }

    [Theory]
    [InlineData(Way.Form)]
    [InlineData(Way.Tus)]
    [InlineData(Way.Ietf)]
    [InlineData(Way.Direct)]
    public async Task A_client_that_knows_no_options_gets_what_its_shop_prints(Way way)
    {
        var shop = await relay.ShopAsync();
        await relay.SetOfferAsync(shop, """{"currency":"INR","twoSided":true,"prices":[{"media":"photo","colorMode":"color","price":3000}]}""");
        var sessionId = await _client.CreateAsync($"/s/{shop.Id}");

        await UploadClient.Of(way, _client, $"/s/{shop.Id}").SentAsync(sessionId, Sample.Pdf());

        PrintJobs.IsSame(
            """{"copies":1,"colorMode":"color","sides":"one-sided","pageRanges":null,"media":"photo","scaling":"fit"}""",
            await OptionsAsync(sessionId, $"/s/{shop.Id}"));
    }

    [Fact]
    public async Task Rows_of_the_version_before_have_the_usual_options()
    {
        var sessionId = await _client.CreateAsync();
        await relay.ExecuteAsync("UPDATE sessions SET print_options = DEFAULT WHERE session_id = @sessionId", new { sessionId });
        await _client.UploadedAsync(sessionId, Sample.Pdf());
        await relay.ExecuteAsync("UPDATE files SET print_options = DEFAULT FROM sessions WHERE files.session = sessions.id AND session_id = @sessionId", new { sessionId });

        PrintJobs.IsSame(Usual, await OptionsAsync(sessionId));
        Assert.Equal(Usual, PrintOptions.Default.ToJson());
    }

    private static void Add(MultipartFormDataContent form, string options) => form.Add(new StringContent(options), "printOptions");

    private static void AddFile(MultipartFormDataContent form, string name) => form.Add(new ByteArrayContent(Sample.Pdf().Content), "files", name);

    private async Task<string> ShopAsync(string offer)
    {
        var shop = await relay.ShopAsync();
        await relay.ExecuteAsync("UPDATE shops SET offer = @offer::jsonb WHERE id = @Id", new { shop.Id, offer });
        return $"/s/{shop.Id}";
    }

    private async Task<JsonElement> OptionsAsync(string sessionId, string prefix = "") =>
        (await _client.StatusAsync(sessionId, prefix)).GetProperty("files")[0].GetProperty("printOptions");

    /// <summary>Sends a PDF of four pages in a new session, with these options on their way.</summary>
    /// <returns>The session and the answer to the request that carries the options, unless that goes well: then the last answer.</returns>
    private async Task<(string SessionId, HttpResponseMessage Answer)> SendAsync(Carrier way, string prefix, string options)
    {
        if (way == Carrier.Page)
        {
            using var form = new MultipartFormDataContent();
            foreach (var member in JsonElement.Parse(options).EnumerateObject())
                form.Add(new StringContent(member.Value.ToString()), member.Name);
            form.Add(PdfSamples.OfPages(4));
            var sent = await _client.PostAsync($"{prefix}/send", form, Token);
            return (sent.Headers.Location?.ToString().Split('/')[^1] ?? "", sent);
        }

        if (way == Carrier.Session)
        {
            var created = await _client.PostAsync($"{prefix}/api/customer/sessions/create", PrintJobs.Json($$"""{"printOptions":{{options}}}"""), Token);
            if (!created.IsSuccessStatusCode)
                return ("", created);
            var opened = (await created.JsonAsync()).Text("sessionId")!;
            using var uploaded = await _client.UploadToAsync(prefix, opened, PdfSamples.OfPages(4));
            Assert.Equal(HttpStatusCode.OK, uploaded.StatusCode);
            return (opened, created);
        }

        var sessionId = await _client.CreateAsync(prefix);
        return (sessionId, await SendAsync(way, prefix, sessionId, options));
    }

    private async Task<HttpResponseMessage> SendAsync(Carrier way, string prefix, string sessionId, string options)
    {
        var file = PdfSamples.OfPages(4);
        var creation = $"{prefix}/api/customer/sessions/{sessionId}/files";
        switch (way)
        {
            case Carrier.Form:
                using (var form = new MultipartFormDataContent())
                {
                    Add(form, options);
                    form.Add(file);
                    return await _client.SendFormAsync(sessionId, form, prefix);
                }

            case Carrier.Tus:
                var begun = await _client.SendAsync(
                    HttpMethod.Post, creation, null, TusClient.Length(file.Content.Length), TusClient.Metadata(("filename", file.Name), ("printOptions", options)));
                return begun.IsSuccessStatusCode ? await _client.PatchAsync(begun.Headers.Location!.ToString(), 0, file.Content) : begun;
            case Carrier.TusWithBytes:
                return await _client.SendAsync(
                    HttpMethod.Post, creation, file.Content, TusClient.Length(file.Content.Length), TusClient.Metadata(("filename", file.Name), ("printOptions", options)));
            case Carrier.Direct:
                var announced = JsonSerializer.SerializeToNode(DirectClient.Announce(file))!.AsObject();
                var text = announced.ToJsonString();
                var direct = await _client.PostAsync(creation, PrintJobs.Json($$"""{{text[..^1]}},"printOptions":{{options}}}"""), Token);
                if (!direct.IsSuccessStatusCode)
                    return direct;
                foreach (var part in (await direct.JsonAsync()).GetProperty("parts").EnumerateArray())
                    await part.SentPartAsync(file);
                return await _client.FinishAsync(new(direct.Headers.Location!.ToString(), []));
            default:
                using (var uploaded = await _client.UploadToAsync(prefix, sessionId, file))
                {
                    var id = (await uploaded.JsonAsync()).GetProperty("files")[0].Text("id");
                    return await _client.PatchAsync($"{prefix}/api/customer/sessions/{sessionId}/files/{id}", PrintJobs.Json($$"""{"printOptions":{{options}}}"""), Token);
                }
        }
    }
}
