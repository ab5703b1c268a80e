using System.Net;
using System.Text.Json;
using CloudTab.Janitor;
using CloudTab.Relay;
using CloudTab.UploadApi;

namespace CloudTab.Services.Tests;

/// <summary>Rules for a customer's file that are the same by whatever protocol it comes.</summary>
public sealed class EveryProtocolTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    private static readonly Way[] Protocols = [Way.Form, Way.Tus, Way.Ietf, Way.Direct];

    private readonly HttpClient _client = relay.UploadApi();

    public static TheoryData<Way> Ways => new(Enum.GetValues<Way>());

    public static TheoryData<Way> OnePerProtocol => new(Protocols);

    public static MatrixTheoryData<Way, int> Sizes => new(
        Enum.GetValues<Way>(),
        [1, 1_023, 1_024, 1_025, ObjectUpload.PartSize - 1, ObjectUpload.PartSize, ObjectUpload.PartSize + 1, UploadFixture.MaxFileSize]);

    public static MatrixTheoryData<Way, string> Unprintable => new(
        Enum.GetValues<Way>(), ["program", "archive", "archive of two parts", "text that ends with a zero", "text of two parts that ends with a zero"]);

    public static MatrixTheoryData<Way, int> AnnouncedDigests => new(
        [Way.Tus, Way.TusInPieces, Way.Ietf, Way.IetfInPieces, Way.DirectInParts], [1_000, ObjectUpload.PartSize + 1_000]);

    public static TheoryData<Way, string, string> Names
    {
        get
        {
            var data = new TheoryData<Way, string, string>();
            foreach (var protocol in Protocols)
            {
                data.Add(protocol, "打印 📄.pdf", "打印 📄.pdf");
                data.Add(protocol, "Cafe\u0301.pdf", "Café.pdf");
                data.Add(protocol, "../../etc/passwd", "passwd.pdf");
                data.Add(protocol, "C:\\Users\\me\\a.pdf", "a.pdf");
                data.Add(protocol, "..", "file.pdf");
                data.Add(protocol, "x/", "file.pdf");
                data.Add(protocol, "annexe\u202Efdp\u0001.pdf", "annexefdp.pdf");
                data.Add(protocol, string.Concat(Enumerable.Repeat("😀", 200)) + ".pdf", string.Concat(Enumerable.Repeat("😀", 125)) + ".pdf");
                data.Add(protocol, new string('x', 251) + ".exe", new string('x', 251) + ".pdf");
                data.Add(protocol, "invoice.pdf.jar", "invoice.pdf.jar.pdf");
                data.Add(protocol, "invoice.exe. .", "invoice.exe.pdf");
                data.Add(protocol, "INVOICE.PDF .", "INVOICE.PDF");
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public async Task A_file_arrives_as_it_was_sent(Way way, int size)
    {
        var file = size < 5 ? Sample.Text(size) : Sample.Pdf(size, "रसीद.pdf");
        var sessionId = await _client.CreateAsync();

        await UploadClient.Of(way, _client).SentAsync(sessionId, file);

        await relay.AssertHoldsAsync(sessionId, file);
        var session = await _client.StatusAsync(sessionId);
        Assert.Equal(way == Way.Form ? "pending" : "open", session.Text("status"));
        Assert.Equal(size < 5 ? "text/plain" : "application/pdf", session.GetProperty("files")[0].Text("type"));
    }

    [Theory]
    [MemberData(nameof(OnePerProtocol))]
    public async Task The_shop_is_notified_of_files_once_their_session_is_submitted(Way way)
    {
        var client = UploadClient.Of(way, _client);
        var sessionId = await _client.CreateAsync();
        await client.SentAsync(sessionId, Sample.Pdf(name: "1.pdf"));
        await client.SentAsync(sessionId, Sample.Pdf(name: "2.pdf"));
        if (!client.SubmitsSession)
        {
            Assert.Equal(2, (await _client.StatusAsync(sessionId)).GetProperty("fileCount").GetInt32());
            Assert.Empty(await relay.EventsAsync(sessionId));
            using var submitted = await _client.PostAsync($"/api/customer/sessions/{sessionId}/submit");
            Assert.Equal(HttpStatusCode.OK, submitted.StatusCode);
        }

        await client.SentAsync(sessionId, Sample.Pdf(name: "3.pdf"));

        string[] first = client.SubmitsSession ? ["new_session pending 1", "session_updated pending 2"] : ["new_session pending 2"];
        Assert.Equal([.. first, "session_updated pending 3"], await relay.EventsAsync(sessionId));
        Assert.Equal(
            ["1.pdf", "2.pdf", "3.pdf"], (await _client.StatusAsync(sessionId)).GetProperty("files").EnumerateArray().Select(file => file.Text("name")));
    }

    [Theory]
    [InlineData(Way.Tus)]
    [InlineData(Way.Ietf)]
    [InlineData(Way.Direct)]
    public async Task The_shop_is_not_notified_of_a_file_deleted_before_its_session_is_submitted(Way way)
    {
        var sessionId = await _client.CreateAsync();
        await UploadClient.Of(way, _client).SentAsync(sessionId, Sample.Pdf());
        var file = (await _client.StatusAsync(sessionId)).GetProperty("files")[0].Text("id");

        using var answer = await _client.DeleteAsync($"/api/customer/sessions/{sessionId}/files/{file}", Token);

        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.Equal(0, (await _client.StatusAsync(sessionId)).GetProperty("fileCount").GetInt32());
        Assert.Empty(await relay.EventsAsync(sessionId));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Only_a_live_session_of_the_same_shop_accepts_files(Way way)
    {
        var client = UploadClient.Of(way, _client);
        await client.RefusedAsync("0123456789abcdefghjkmnpqrs", Sample.Pdf(), HttpStatusCode.NotFound, "session_not_found");
        await client.RefusedAsync("x", Sample.Pdf(), HttpStatusCode.NotFound, "session_not_found");
        var anothers = await _client.CreateAsync($"/s/{(await relay.ShopAsync()).Id}");
        await client.RefusedAsync(anothers, Sample.Pdf(), HttpStatusCode.NotFound, "session_not_found");

        foreach (var end in (string[])["status = 'cancelled', ended_at = now()", "status = 'completed', submitted_at = now(), ended_at = now()", "expires_at = created_at"])
        {
            var sessionId = await _client.CreateAsync();
            await relay.ExecuteAsync($"UPDATE sessions SET {end} WHERE session_id = @sessionId", new { sessionId });
            await client.RefusedAsync(sessionId, Sample.Pdf(), HttpStatusCode.Gone, "session_closed");
            await relay.AssertNothingLeftAsync(sessionId);
        }
    }

    [Theory]
    [MemberData(nameof(OnePerProtocol))]
    public async Task A_claimed_session_accepts_more_files_and_gives_none_back(Way way)
    {
        var shop = await relay.ShopAsync();
        var client = UploadClient.Of(way, _client, $"/s/{shop.Id}");
        var sessionId = await _client.CreateAsync($"/s/{shop.Id}");
        await client.SentAsync(sessionId, Sample.Pdf());
        await relay.ClaimAsync(shop, sessionId, client.SubmitsSession);

        var file = (await _client.StatusAsync(sessionId, $"/s/{shop.Id}")).GetProperty("files")[0].Text("id");
        using var deleted = await _client.DeleteAsync($"/s/{shop.Id}/api/customer/sessions/{sessionId}/files/{file}", Token);
        await deleted.IsProblemAsync(HttpStatusCode.Conflict, "already_claimed");
        await client.SentAsync(sessionId, Sample.Pdf());

        var session = await _client.StatusAsync(sessionId, $"/s/{shop.Id}");
        Assert.Equal(("processing", 2), (session.Text("status"), session.GetProperty("fileCount").GetInt32()));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_name_is_cleaned_and_has_an_ending_of_the_type_wherever_it_is_shown_or_served(Way way, string name, string kept)
    {
        var shop = await relay.ShopAsync();
        var prefix = $"/s/{shop.Id}";
        var shopPc = relay.ShopApi(shop.Key);
        var sessionId = await _client.CreateAsync(prefix);

        var client = UploadClient.Of(way, _client, prefix);
        using var answer = await client.SendAsync(sessionId, Sample.Pdf(name: name));
        using var submitted = client.SubmitsSession ? null : await _client.PostAsync($"{prefix}/api/customer/sessions/{sessionId}/submit");

        Assert.True(answer.IsSuccessStatusCode);
        if (await answer.Content.ReadAsStringAsync(Token) is { Length: > 0 } body && JsonElement.Parse(body).TryGetProperty("files", out var files))
            Assert.Equal(kept, files[0].Text("originalName"));
        Assert.Equal(kept, (await _client.StatusAsync(sessionId, prefix)).GetProperty("files")[0].Text("name"));
        using var details = await shopPc.GetAsync($"/api/shopkeeper/sessions/{sessionId}", Token);
        var file = (await details.JsonAsync()).GetProperty("session").GetProperty("files")[0];
        Assert.Equal(kept, file.Text("name"));
        using var download = await shopPc.GetAsync($"/api/shopkeeper/files/{file.Text("id")}/download", Token);
        Assert.Equal(kept, download.Content.Headers.ContentDisposition!.FileNameStar);
        using var asked = new HttpRequestMessage(HttpMethod.Get, $"/api/shopkeeper/files/{file.Text("id")}/download") { Headers = { { "Accept", "application/json" } } };
        using var link = await shopPc.SendAsync(asked, Token);
        var linked = (await link.JsonAsync()).GetProperty("file");
        Assert.Equal(kept, linked.Text("name"));
        using var outside = new HttpClient();
        using var served = await outside.GetAsync(linked.Text("downloadUrl"), Token);
        Assert.Equal(kept, served.Content.Headers.ContentDisposition!.FileNameStar);
    }

    [Theory]
    [MemberData(nameof(Unprintable))]
    public async Task A_file_that_cannot_be_printed_is_refused_and_leaves_nothing(Way way, string kind)
    {
        var file = kind switch
        {
            "program" => new Sample("a.pdf", [0x7F, .. "ELF"u8, .. new byte[3_000]]),
            "archive" => new("a.docx", [.. "PK"u8, 3, 4, .. new byte[1_000]]),
            "archive of two parts" => new("a.docx", [.. "PK"u8, 3, 4, .. new byte[ObjectUpload.PartSize + 1_000]]),
            "text that ends with a zero" => new("a.txt", [.. Sample.Text(20_000).Content, 0]),
            _ => new("a.txt", [.. Sample.Text(ObjectUpload.PartSize).Content, 0]),
        };
        var sessionId = await _client.CreateAsync();

        using var answer = await UploadClient.Of(way, _client).SendAsync(sessionId, file, "application/pdf");

        await UploadClient.Of(way, _client).IsRefusedAsync(answer, HttpStatusCode.UnsupportedMediaType, "type_not_accepted");
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Theory]
    [MemberData(nameof(AnnouncedDigests))]
    public async Task An_announced_SHA_256_is_verified_at_the_end(Way way, int size)
    {
        var client = UploadClient.Of(way, _client);
        var sessionId = await _client.CreateAsync();
        var file = Sample.Pdf(size);

        using var wrong = await client.SendAsync(sessionId, file with { Announced = Sample.Pdf().Sha256 });
        await client.IsRefusedAsync(wrong, way is Way.Ietf or Way.IetfInPieces ? HttpStatusCode.BadRequest : (HttpStatusCode)460, "checksum_mismatch");
        await relay.AssertNothingLeftAsync(sessionId);
        if (client is ResumableClient resumable && way != Way.Ietf)
            await resumable.IsGoneAsync(wrong.RequestMessage!.RequestUri!.AbsolutePath);

        await client.SentAsync(sessionId, file with { Announced = file.Sha256 });
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Theory]
    [MemberData(nameof(OnePerProtocol))]
    public async Task A_file_s_type_is_what_its_content_says(Way way)
    {
        var sessionId = await _client.CreateAsync();

        using var answer = await UploadClient.Of(way, _client).SendAsync(sessionId, Sample.Pdf(name: "a.html"), "text/html");

        Assert.True(answer.IsSuccessStatusCode);
        Assert.Equal("application/pdf", (await _client.StatusAsync(sessionId)).GetProperty("files")[0].Text("type"));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task An_empty_file_is_refused(Way way)
    {
        var sessionId = await _client.CreateAsync();

        await UploadClient.Of(way, _client).RefusedAsync(sessionId, new("a.pdf", []), HttpStatusCode.BadRequest, "empty_file");

        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task One_byte_more_than_the_largest_file_is_refused(Way way)
    {
        var sessionId = await _client.CreateAsync();

        await UploadClient.Of(way, _client).RefusedAsync(
            sessionId, Sample.Pdf(UploadFixture.MaxFileSize + 1), HttpStatusCode.RequestEntityTooLarge, "file_too_large");

        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Pages_of_a_PDF_are_counted_and_reported(Way way)
    {
        var file = PdfSamples.OfPages(3);
        var sessionId = await _client.CreateAsync();
        var asForm = Assert.Single(await _client.UploadedAsync(await _client.CreateAsync(), file)).Fields();

        using var answer = await UploadClient.Of(way, _client).SendAsync(sessionId, file);

        var stored = (await _client.StatusAsync(sessionId)).GetProperty("files")[0];
        Assert.Equal((3, false), (stored.GetProperty("pages").GetInt32(), stored.GetProperty("locked").GetBoolean()));
        if (way is not (Way.Tus or Way.TusInPieces))
        {
            var reported = Assert.Single((await answer.JsonAsync()).GetProperty("files").EnumerateArray());
            Assert.Equal(asForm, reported.Fields());
            Assert.Equal((3, false), (reported.GetProperty("pages").GetInt32(), reported.GetProperty("locked").GetBoolean()));
        }
    }

    [Theory]
    [MemberData(nameof(OnePerProtocol))]
    public async Task An_upload_fails_with_503_while_S3_is_down_and_leaves_no_file(Way way)
    {
        await using var network = relay.NetworkToS3();
        await using var host = relay.StartHost<UploadOptions>(network);
        using var http = host.Client();
        var sessionId = await http.CreateAsync();
        network.Cut();

        using (var refused = await UploadClient.Of(way, http).SendAsync(sessionId, Sample.Pdf()))
        {
            await refused.IsProblemAsync(HttpStatusCode.ServiceUnavailable, "unavailable");
            Assert.NotNull(refused.Headers.RetryAfter);
        }

        Assert.Equal(0, (await http.StatusAsync(sessionId)).GetProperty("fileCount").GetInt32());
        network.Restore();
        await UploadClient.Of(way, http).SentAsync(sessionId, Sample.Pdf());
        await http.WithdrawAsync(sessionId);
        using var janitor = new StateMachine(relay);
        janitor.Clock.Advance(Removal.Lease);
        await janitor.Get<RemoveFiles>().RunOnceAsync(Token);
        await relay.AssertNothingLeftAsync(sessionId, filesHeld: 1);
    }
}
