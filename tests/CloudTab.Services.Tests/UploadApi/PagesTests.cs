using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using CloudTab.Pages;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace CloudTab.Services.Tests;

public sealed partial class PagesTests(SmallLimitsFixture relay) : IClassFixture<SmallLimitsFixture>
{
    private readonly HttpClient _client = relay.UploadApi();

    [Fact]
    public async Task The_form_names_the_shop_and_has_no_script_of_its_own()
    {
        var shop = await relay.ShopAsync(name: "Bits & <Pieces>");

        var html = await PageAsync($"/s/{shop.Id}", HttpStatusCode.OK);

        Assert.Contains("Bits &amp; &lt;Pieces&gt;", html, StringComparison.Ordinal);
        Assert.Contains($"action=\"/s/{shop.Id}/send\"", html, StringComparison.Ordinal);
        Assert.Contains("enctype=\"multipart/form-data\"", html, StringComparison.Ordinal);
        Assert.Contains("<html lang=\"en\">", html, StringComparison.Ordinal);
        // Besides the module that upgrades it: data.
        Assert.All(Scripts().Matches(html), script => Assert.Matches("^<script type=\"(module\" src=\"/assets/[A-Za-z0-9_-]+\\.js\"></script>|application/json\")", script.Value));
        Assert.DoesNotContain("style=", html, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("Photos are sent as they are, with what they say about where they were taken.", html, StringComparison.Ordinal);
        foreach (Match input in Regex.Matches(html, "<input id=\"(?<id>[a-z]+)\"", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1)))
            Assert.Contains($"<label for=\"{input.Groups["id"].Value}\"", html, StringComparison.Ordinal);
        Assert.Contains("action=\"/send\"", await PageAsync("/", HttpStatusCode.OK), StringComparison.Ordinal);
    }

    [Fact]
    public void Pages_start_nothing_that_writes_a_file()
    {
        var services = new ServiceCollection();

        services.AddPages();

        Assert.DoesNotContain(services, service => service.ServiceType == typeof(IHostedService));
    }

    [Fact]
    public async Task The_pages_assets_are_served()
    {
        var html = await PageAsync("/", HttpStatusCode.OK);
        var assets = Regex.Matches(html, "\"(?<path>/assets/[^\"]+)\"", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1));

        Assert.NotEmpty(assets);
        foreach (Match asset in assets)
        {
            using var answer = await _client.GetAsync(asset.Groups["path"].Value, Token);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }
    }

    [Fact]
    public async Task The_icons_of_the_installed_page_are_pictures_of_the_sizes_that_are_told()
    {
        var html = await PageAsync("/", HttpStatusCode.OK);
        var manifest = await _client.GetFromJsonAsync<JsonElement>("/manifest.webmanifest", Token);

        var told = manifest.GetProperty("icons").EnumerateArray().Where(icon => icon.Text("type") == "image/png").ToDictionary(icon => icon.Text("src")!, icon => icon.Text("sizes")!);
        Assert.Equal(["192x192", "512x512"], told.Values);
        told.Add(Regex.Match(html, "<link rel=\"apple-touch-icon\" href=\"(?<icon>[^\"]+)\"", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1)).Groups["icon"].Value, "180x180");
        foreach (var (address, sizes) in told)
        {
            using var answer = await _client.GetAsync(address, Token);
            Assert.Equal("image/png", answer.Content.Headers.ContentType?.ToString());
            var png = await answer.Content.ReadAsByteArrayAsync(Token);
            // The header is the first chunk: width and height, big-endian (https://www.w3.org/TR/png-3/#11IHDR).
            Assert.Equal("\u0089PNG\r\n\u001A\n\0\0\0\rIHDR", Encoding.Latin1.GetString(png, 0, 16));
            Assert.Equal(sizes, $"{BinaryPrimitives.ReadUInt32BigEndian(png.AsSpan(16))}x{BinaryPrimitives.ReadUInt32BigEndian(png.AsSpan(20))}");
        }
    }

    [Theory]
    [InlineData("/s/no-such-shop")]
    [InlineData("/s/No%20Shop")]
    [InlineData("/sessions/00000000000000000000000000")]
    [InlineData("/sessions/x")]
    public async Task An_unknown_page_is_an_HTML_page_with_404(string address)
    {
        Assert.Contains("<h1>Not found</h1>", await PageAsync(address, HttpStatusCode.NotFound), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_page_that_adds_to_files_leads_back_to_them_and_without_them_to_the_form()
    {
        var prefix = $"/s/{(await relay.ShopAsync()).Id}";
        var session = $"{prefix}/sessions/{await _client.CreateAsync(prefix)}";

        Assert.Contains($"<a href=\"{session}\">Back to your code</a>", await PageAsync($"{session}/add", HttpStatusCode.OK), StringComparison.Ordinal);
        using var withdrawn = await _client.PostAsync($"{session}/withdraw", null, Token);
        Assert.Contains($"<a href=\"{session}\">Back</a>", await PageAsync($"{session}/add", HttpStatusCode.Gone), StringComparison.Ordinal);
        foreach (var page in (string[])["", "/add"])
            Assert.Contains($"<a href=\"{prefix}/\">Back</a>", await PageAsync($"{prefix}/sessions/{new string('0', 26)}{page}", HttpStatusCode.NotFound), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Sending_the_form_leads_to_the_pickup_code(bool named)
    {
        var prefix = named ? $"/s/{(await relay.ShopAsync()).Id}" : "";
        using var form = new MultipartFormDataContent
        {
            { new StringContent(" Zoë "), "customerName" },
            { new ByteArrayContent(Sample.Pdf(500).Content), "files", "<b>.pdf" },
            { new ByteArrayContent(Sample.Text(10).Content), "files", "b.txt" },
        };

        using var sent = await _client.PostAsync($"{prefix}/send", form, Token);

        Assert.Equal(HttpStatusCode.SeeOther, sent.StatusCode);
        var location = sent.Headers.Location!.ToString();
        Assert.Matches($"^{prefix}/sessions/[0-7][0-9a-hjkmnp-tv-z]{{25}}$", location);
        var html = await PageAsync(location, HttpStatusCode.OK);
        var session = await _client.StatusAsync(location.Split('/')[^1], prefix);
        Assert.Equal("pending", session.GetProperty("status").GetString());
        Assert.Contains($">{session.GetProperty("pickupCode").GetString()}<", html, StringComparison.Ordinal);
        Assert.Contains("http-equiv=\"refresh\"", html, StringComparison.Ordinal);
        Assert.Contains("<bdi>&lt;b&gt;.pdf</bdi>", html, StringComparison.Ordinal);
        Assert.Equal("Zoë", await relay.ScalarAsync<string>(
            "SELECT customer_name FROM sessions WHERE session_id = @sessionId", new { sessionId = location.Split('/')[^1] }));
    }

    [Theory]
    [InlineData("multipart/form-data", "x")] // without a boundary
    [InlineData("application/x-www-form-urlencoded", "a&", 1_025)]
    [InlineData("application/json", "{}")]
    public async Task A_form_of_options_that_cannot_be_read_is_refused_in_words(string type, string text, int times = 1)
    {
        var session = await _client.CreateAsync();
        var content = new ByteArrayContent(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(text, times))));
        content.Headers.TryAddWithoutValidation("Content-Type", type);

        using var answer = await _client.PostAsync($"/sessions/{session}/files/{Guid.NewGuid()}/options", content, Token);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Equal("text/html", answer.Content.Headers.ContentType?.MediaType);
        Assert.StartsWith("default-src 'self'; script-src 'self';", answer.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_form_without_options_changes_nothing_and_the_page_waits_while_one_is_filled_in()
    {
        var session = await _client.CreateAsync();
        await _client.UploadedAsync(session, Sample.Pdf(500));
        var before = (await _client.StatusAsync(session)).GetProperty("files")[0];

        using var answer = await _client.PostAsync($"/sessions/{session}/files/{before.Text("id")}/options", new FormUrlEncodedContent([]), Token);

        Assert.Equal(HttpStatusCode.SeeOther, answer.StatusCode);
        Assert.Equal(before.GetRawText(), (await _client.StatusAsync(session)).GetProperty("files")[0].GetRawText());
        var page = await PageAsync($"/sessions/{session}", HttpStatusCode.OK);
        Assert.Contains($"href=\"/sessions/{session}?change\"", page, StringComparison.Ordinal);
        Assert.Contains("This page updates itself.", page, StringComparison.Ordinal);
        Assert.Contains("http-equiv=\"refresh\"", page, StringComparison.Ordinal);
        Assert.DoesNotContain("http-equiv=\"refresh\"", await PageAsync($"/sessions/{session}?change", HttpStatusCode.OK), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_page_of_an_ended_session_does_not_refresh()
    {
        var sessionId = await _client.CreateAsync();
        using var cancelled = await _client.DeleteAsync($"/api/customer/sessions/{sessionId}", Token);

        var html = await PageAsync($"/sessions/{sessionId}", HttpStatusCode.OK);

        Assert.Contains("<h1>Withdrawn</h1>", html, StringComparison.Ordinal);
        Assert.DoesNotContain("http-equiv=\"refresh\"", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_page_from_before_the_claim_withdraws_nothing_that_may_be_printing()
    {
        var shop = await relay.ShopAsync();
        var prefix = $"/s/{shop.Id}";
        var session = await _client.CreateAsync(prefix);
        using var sent = await _client.UploadToAsync(prefix, session, Sample.Pdf(500));
        await relay.ClaimAsync(shop, session, isSubmitted: true);

        using var answer = await _client.PostAsync($"{prefix}/sessions/{session}/withdraw", null, Token);

        Assert.Equal(HttpStatusCode.Conflict, answer.StatusCode);
        Assert.Contains("The shop is already working on it. Ask at the counter.", await answer.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
        Assert.Equal("processing", (await _client.StatusAsync(session, prefix)).Text("status"));
        // A program may: it asks its customer by itself.
        using var withdrawn = await _client.DeleteAsync($"{prefix}/api/customer/sessions/{session}", Token);
        Assert.Equal(HttpStatusCode.NoContent, withdrawn.StatusCode);
    }

    [Fact]
    public async Task The_page_counts_down_to_the_end_of_the_first_file_if_that_is_before_the_session_s()
    {
        var session = await _client.CreateAsync();
        await _client.UploadedAsync(session, Sample.Pdf(500));
        Assert.Contains(">29 min</time>", await PageAsync($"/sessions/{session}", HttpStatusCode.OK), StringComparison.Ordinal);

        await relay.ExecuteAsync(
            "UPDATE files SET stored_at = stored_at - interval '23 h 50 min' FROM sessions WHERE sessions.id = files.session AND session_id = @session", new { session });

        Assert.Contains(">9 min</time>", await PageAsync($"/sessions/{session}", HttpStatusCode.OK), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_page_of_a_session_that_the_shop_has_ended_does_not_say_that_its_customer_did()
    {
        var shop = await relay.ShopAsync();
        var session = $"/s/{shop.Id}/sessions/{await _client.CreateAsync($"/s/{shop.Id}")}";
        using var client = relay.ShopApi(shop.Key);
        using var closed = await client.PatchAsJsonAsync("/api/shopkeeper/shop", new { acceptsUploads = false }, Token);
        Assert.Equal(HttpStatusCode.OK, closed.StatusCode);

        Assert.Contains("role=\"status\" data-part=\"status\">These files are withdrawn and deleted.<", await PageAsync(session, HttpStatusCode.OK), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("no file", HttpStatusCode.BadRequest, "Choose at least one file.")]
    [InlineData("blank file", HttpStatusCode.BadRequest, "Choose at least one file.")]
    [InlineData("empty file", HttpStatusCode.BadRequest, "One of the files is empty.")]
    [InlineData("long name", HttpStatusCode.BadRequest, "The name is longer than 200 characters.")]
    [InlineData("large file", HttpStatusCode.RequestEntityTooLarge, "One of the files is too large.")]
    [InlineData("large session", HttpStatusCode.RequestEntityTooLarge, "too large together")]
    [InlineData("many files", HttpStatusCode.RequestEntityTooLarge, "too many files")]
    [InlineData("large fields", HttpStatusCode.RequestEntityTooLarge, "too much text")]
    [InlineData("part without a name", HttpStatusCode.BadRequest, "neither a file nor text")]
    [InlineData("page", HttpStatusCode.UnsupportedMediaType, "This kind of file cannot be printed here.")]
    [InlineData("no form", HttpStatusCode.BadRequest, "multipart/form-data")]
    [InlineData("cut form", HttpStatusCode.BadRequest, "multipart/form-data")]
    public async Task A_refused_form_is_shown_again_with_the_reason_and_leaves_nothing(string what, HttpStatusCode status, string reason)
    {
        var shop = await relay.ShopAsync();
        using HttpContent form = what switch
        {
            "no file" => new MultipartFormDataContent { { new StringContent("Zoë"), "customerName" } },
            "blank file" => Blank(),
            "empty file" => Customer.Form(Sample.Pdf(), new Sample("b.pdf", [])),
            "long name" => new MultipartFormDataContent { { new StringContent(new string('x', 201)), "customerName" } },
            "large file" => Customer.Form(Sample.Pdf(), Sample.Pdf(1_001)),
            "large session" => Customer.Form(Sample.Pdf(), Sample.Pdf(), Sample.Pdf(501)),
            "many files" => Customer.Form(Sample.Text(1), Sample.Text(1), Sample.Text(1), Sample.Text(1)),
            "large fields" => new MultipartFormDataContent { { new ByteArrayContent(Sample.Pdf().Content), "files", "a.pdf" }, { new StringContent(new string('x', 70_000)), "note" } },
            "part without a name" => new MultipartFormDataContent { { new ByteArrayContent(Sample.Pdf().Content), "files", "a.pdf" }, new ByteArrayContent(Sample.Pdf().Content) },
            "page" => Customer.Form(Sample.Pdf(), new Sample("a.txt", "<html>"u8.ToArray())),
            "cut form" => Cut(),
            _ => new StringContent("{}"),
        };
        using var answer = await _client.PostAsync($"/s/{shop.Id}/send", form, Token);

        var html = await answer.Content.ReadAsStringAsync(Token);
        Assert.Equal(status, answer.StatusCode);
        Assert.Contains(reason, html, StringComparison.Ordinal);
        Assert.Contains("role=\"alert\"", html, StringComparison.Ordinal);
        Assert.Contains($"action=\"/s/{shop.Id}/send\"", html, StringComparison.Ordinal);
        Assert.Equal(0, await relay.ScalarAsync<int>("SELECT count(*) FROM sessions WHERE shop_id = @Id", shop));
        await relay.AssertNothingLeftAsync("");
    }

    [Fact]
    public async Task A_refused_form_keeps_what_was_filled_in()
    {
        using var form = new MultipartFormDataContent
        {
            { new StringContent("Asha \"A\""), "customerName" },
            { new StringContent("3"), "copies" },
            { new StringContent("2"), "numberUp" },
            { new StringContent("1-2"), "pageRanges" },
            { new ByteArrayContent("<html>"u8.ToArray()), "files", "a.txt" },
        };
        using var answer = await _client.PostAsync("/send", form, Token);

        var html = await answer.Content.ReadAsStringAsync(Token);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, answer.StatusCode);
        foreach (var field in (string[])["id=\"name\" [^>]*value=\"Asha &quot;A&quot;\"", "name=\"copies\" [^>]*value=\"3\"", "name=\"pageRanges\" [^>]*value=\"1-2\"", "<option value=\"2\" selected"])
            Assert.Matches(field, html);
    }

    [Fact]
    public async Task The_form_of_a_closed_shop_says_so()
    {
        var shop = await relay.ShopAsync();
        await relay.ExecuteAsync("UPDATE shops SET accepts_uploads = false WHERE id = @Id", shop);

        Assert.Contains("not taking files right now", await PageAsync($"/s/{shop.Id}", HttpStatusCode.OK), StringComparison.Ordinal);
        using var form = Customer.Form(Sample.Pdf());
        using var answer = await _client.PostAsync($"/s/{shop.Id}/send", form, Token);
        Assert.Equal(HttpStatusCode.Conflict, answer.StatusCode);
    }

    [GeneratedRegex("<script[^>]*>(</script>)?", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Scripts();

    private static MultipartFormDataContent Blank()
    {
        var blank = new ByteArrayContent([]);
        blank.Headers.TryAddWithoutValidation("Content-Disposition", "form-data; name=\"files\"; filename=\"\"");
        return new MultipartFormDataContent { blank };
    }

    private static ByteArrayContent Cut()
    {
        var cut = new ByteArrayContent("--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.pdf\"\r\n\r\n%PDF-1.7"u8.ToArray());
        cut.Headers.TryAddWithoutValidation("Content-Type", "multipart/form-data; boundary=b");
        return cut;
    }

    private async Task<string> PageAsync(string address, HttpStatusCode status)
    {
        using var answer = await _client.GetAsync(address, Token);
        Assert.Equal(status, answer.StatusCode);
        Assert.Equal("text/html", answer.Content.Headers.ContentType?.MediaType);
        Assert.StartsWith("default-src 'self'; script-src 'self';", answer.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        return await answer.Content.ReadAsStringAsync(Token);
    }
}
