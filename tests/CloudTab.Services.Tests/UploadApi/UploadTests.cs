using System.Net;
using System.Net.Http.Headers;
using System.Text;
using CloudTab.Relay;
using Npgsql;

namespace CloudTab.Services.Tests;

public sealed class UploadTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    private const string Good = "--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"good.pdf\"\r\n\r\n%PDF-1.7\r\n";

    private readonly HttpClient _client = relay.UploadApi();

    [Fact]
    public async Task Files_of_a_request_are_stored_in_their_order_and_submit_the_session()
    {
        var sessionId = await _client.CreateAsync();
        await _client.UploadedAsync(sessionId, Sample.Pdf(10, "1.pdf"), Sample.Text(20, "2.txt"), Sample.Text(30, "3.csv"));
        await _client.UploadedAsync(sessionId, Sample.Pdf(40, "4.pdf"));

        var session = await _client.StatusAsync(sessionId);
        Assert.Equal("pending", session.GetProperty("status").GetString());
        Assert.Equal(4, session.GetProperty("fileCount").GetInt32());
        Assert.Equal(100, session.GetProperty("totalSize").GetInt64());
        Assert.Equal(
            ["1.pdf application/pdf 10 stored", "2.txt text/plain 20 stored", "3.csv text/csv 30 stored", "4.pdf application/pdf 40 stored"],
            session.GetProperty("files").EnumerateArray().Select(file =>
                $"{file.GetProperty("name")} {file.GetProperty("type")} {file.GetProperty("size")} {file.GetProperty("status")}"));
        Assert.Equal(["new_session pending 3", "session_updated pending 4"], await relay.EventsAsync(sessionId));
    }

    [Fact]
    public async Task A_chunked_body_is_accepted()
    {
        var file = Sample.Pdf(100_000);
        var sessionId = await _client.CreateAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/customer/sessions/{sessionId}/upload") { Content = Customer.Form(file) };
        request.Headers.TransferEncodingChunked = true;

        using var answer = await _client.SendAsync(request, Token);

        Assert.Equal(file.Sha256, (await answer.JsonAsync()).GetProperty("files")[0].GetProperty("sha256").GetString());
    }

    [Theory]
    [InlineData("filename=\"रसीद.pdf\"", "रसीद.pdf")]
    [InlineData("filename=\"a%22b%0D%0Ac.pdf\"", "a\"bc.pdf")]
    [InlineData("filename=\"a\\\"b.pdf\"", "a\"b.pdf")]
    [InlineData("filename=\"C:\\Users\\me\\a.pdf\"", "a.pdf")]
    [InlineData("filename=\"\"", "file.pdf")]
    [InlineData("filename=\"100%.pdf\"", "100%.pdf")]
    [InlineData("filename=plain.pdf", "plain.pdf")]
    [InlineData("filename=\"fallback.pdf\"; filename*=UTF-8''r%C3%A9sum%C3%A9.pdf", "résumé.pdf")]
    [InlineData("filename*=UTF-8''%2e%2e%2fa%00b.pdf", "ab.pdf")]
    [InlineData("filename*=\"UTF-8''caf%C3%A9.pdf\"", "café.pdf")]
    [InlineData("filename*=iso-8859-1'de'gr%fc%DFe.pdf", "grüße.pdf")]
    [InlineData("filename*=KOI8-R''%C1.pdf; filename=a.pdf", "a.pdf")]
    [InlineData("filename*=100%.pdf", "100%.pdf")]
    [InlineData("filename*0*=UTF-8''%E2%82; filename*1*=%AC%20; filename*2=\"a b.pdf\"", "€ a b.pdf")]
    [InlineData("filename*1=b.pdf; filename*0=\"a'\"", "a'b.pdf")]
    [InlineData("filename=\"=?utf-8?B?csOpc3Vtw6kucGRm?=\"", "résumé.pdf")]
    [InlineData("filename=\"12\" pizza.pdf\"", "12\" pizza.pdf")]
    [InlineData("filename=\"a\"; b.pdf\"", "a\"; b.pdf")]
    [InlineData("filename=\"a\\\\\"; size=1", "file.pdf")]
    [InlineData("filename=\"a;b=c.pdf\" ; ", "a;b=c.pdf")]
    [InlineData("filename=my file.pdf", "my file.pdf")]
    [InlineData("filename = file(1).pdf ; size=1", "file(1).pdf")]
    [InlineData("filename=दस्तावेज़.pdf", "दस्तावेज़.pdf")]
    [InlineData("filename=a;b.pdf", "a;b.pdf")]
    [InlineData("FileName=A.pdf; filename=b.pdf", "A.pdf")]
    public async Task File_names_are_read_from_Content_Disposition(string parameter, string kept)
    {
        var sessionId = await _client.CreateAsync();
        var part = $"--b\r\nContent-Disposition: form-data; name=\"files\"; {parameter}\r\n\r\n%PDF-1.7\r\n";
        using var answer = await _client.SendFormAsync(sessionId, Raw($"{Good}{part}--b--\r\n"));

        Assert.Equal(kept, (await answer.JsonAsync()).GetProperty("files")[1].GetProperty("originalName").GetString());
        Assert.Equal(kept, (await _client.StatusAsync(sessionId)).GetProperty("files")[1].GetProperty("name").GetString());
    }

    [Theory]
    [InlineData("Content-Disposition: form-data; name=\"files\"\r\nContent-Type: application/pdf", "file.pdf")]
    [InlineData("Content-Disposition: form-data; name=files; filename=b.pdf\r\nContent-Transfer-Encoding: Binary", "b.pdf")]
    [InlineData("Content-Disposition: form-data; name*=UTF-8''files; filename=b.pdf", "b.pdf")]
    [InlineData("content-disposition: attachment; filename=\"b.pdf\"; name=\"files\"", "b.pdf")]
    public async Task A_part_that_says_enough_is_a_file(string headers, string kept)
    {
        var sessionId = await _client.CreateAsync();

        using var answer = await _client.SendFormAsync(sessionId, Raw($"{Good}--b\r\n{headers}\r\n\r\n%PDF-1.7\r\n--b--\r\n"));

        Assert.Equal(
            ["good.pdf", kept],
            (await answer.JsonAsync()).GetProperty("files").EnumerateArray().Select(file => file.GetProperty("originalName").GetString()));
    }

    [Theory]
    [InlineData("", "%PDF-1.7", "invalid_request")]
    [InlineData("Content-Type: application/pdf", "%PDF-1.7", "invalid_request")]
    [InlineData("Content-Disposition: form-data", "%PDF-1.7", "invalid_request")]
    [InlineData("Content-Disposition: form-data; filename=\"b.pdf\"", "%PDF-1.7", "invalid_request")]
    [InlineData("Content-Disposition: form-data; name=\"\"; filename=\"b.pdf\"", "%PDF-1.7", "invalid_request")]
    [InlineData("Content-Disposition: name=\"files\"; filename=\"b.pdf\"", "%PDF-1.7", "invalid_request")]
    [InlineData("Content-Disposition: form-data; name=\"files\"; filename=\"b.pdf", "%PDF-1.7", "invalid_request")]
    [InlineData("Content-Disposition: form-data; name=\"files\"; (b.pdf)", "%PDF-1.7", "invalid_request")]
    [InlineData("Content-Disposition: form-data; name=\"files\"; filename=a\r\nContent-Disposition: form-data; name=\"files\"; filename=b", "%PDF-1.7", "invalid_request")]
    [InlineData("Content-Disposition: form-data; name=\"files\"; filename=\"b.pdf\"\r\nContent-Transfer-Encoding: base64", "JVBERi0xLjc=", "invalid_request")]
    [InlineData("Content-Disposition: form-data; name=\"files\"; filename=\"b.pdf\"\r\nContent-Transfer-Encoding: quoted-printable", "=25PDF-1.7", "invalid_request")]
    [InlineData("Content-Disposition: form-data; name=\"files\"\r\nContent-Type: multipart/mixed; boundary=c", "--c\r\n\r\nhello\r\n--c--", "invalid_request")]
    [InlineData("Content-Disposition: form-data; name=\"files\"", "a.pdf", "no_files")]
    [InlineData("Content-Disposition: form-data; name=\"photo\"\r\nContent-Type: application/pdf", "%PDF-1.7", "invalid_request")]
    [InlineData("Content-Disposition: form-data; name=\"note\"", "\u00ff", "invalid_request")]
    public async Task Nothing_is_kept_if_a_part_is_neither_a_file_nor_a_field(string headers, string content, string code)
    {
        var sessionId = await _client.CreateAsync();
        var part = Encoding.Latin1.GetBytes($"--b\r\n{headers}\r\n\r\n{content}\r\n");

        using var answer = await _client.SendFormAsync(sessionId, Raw([.. Encoding.UTF8.GetBytes(Good), .. part, .. "--b--\r\n"u8]));

        await answer.IsProblemAsync(HttpStatusCode.BadRequest, code);
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Theory]
    [InlineData(100, 655, true)]
    [InlineData(101, 1, false)]
    [InlineData(1, 64 << 10, true)]
    [InlineData(1, (64 << 10) + 1, false)]
    [InlineData(2, (32 << 10) + 1, false)]
    public async Task Fields_besides_files_are_limited(int count, int size, bool accepted)
    {
        var sessionId = await _client.CreateAsync();
        using var form = Customer.Form(Sample.Pdf());
        for (var i = 0; i < count; i++)
            form.Add(new StringContent(new string('x', size)), $"note{i}");

        using var answer = await _client.SendFormAsync(sessionId, form);

        if (accepted)
        {
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            return;
        }

        await answer.IsProblemAsync(HttpStatusCode.RequestEntityTooLarge, "fields_too_large");
        await relay.AssertNothingLeftAsync(sessionId);
    }

    public static TheoryData<string, string> Refused => new()
    {
        { "--b--\r\n", "no_files" },
        { "--b\r\nContent-Disposition: form-data; name=\"files\"\r\n\r\njust text\r\n--b--\r\n", "no_files" },
        { "--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n--b--\r\n", "no_files" },
        { "--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.pdf\"\r\n\r\n\r\n--b--\r\n", "empty_file" },
        { "--b\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a.pdf\"\r\n\r\n%PDF-1.7\r\n--b--\r\n", "invalid_request" },
        { "--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.pdf\"\r\n\r\n%PDF-1.7\r\n", "invalid_request" },
        { "--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.pdf\"\r\n\r\n%PDF-1.7\r\n--b\r\nno header here", "invalid_request" },
        { $"--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{new string('x', 20_000)}\"\r\n\r\n%PDF-1.7\r\n--b--\r\n", "invalid_request" },
        { "no boundary at all", "invalid_request" },
        { "", "invalid_request" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task A_form_without_a_file_or_malformed_is_refused(string body, string code)
    {
        var sessionId = await _client.CreateAsync();

        using var answer = await _client.SendFormAsync(sessionId, Raw(body));

        await answer.IsProblemAsync(HttpStatusCode.BadRequest, code);
        await relay.AssertNothingLeftAsync(sessionId);
        Assert.Equal("open", (await _client.StatusAsync(sessionId)).GetProperty("status").GetString());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("application/json")]
    [InlineData("multipart/form-data")]
    [InlineData("multipart/mixed; boundary=b")]
    [InlineData("text/plain; boundary=b")]
    public async Task A_body_that_is_no_form_is_refused(string? contentType)
    {
        var sessionId = await _client.CreateAsync();
        using var content = new ByteArrayContent("--b--\r\n"u8.ToArray());
        content.Headers.TryAddWithoutValidation("Content-Type", contentType);

        using var answer = await _client.SendFormAsync(sessionId, content);

        await answer.IsProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
    }

    [Fact]
    public async Task No_file_of_a_form_is_kept_if_one_is_refused()
    {
        var sessionId = await _client.CreateAsync();
        await _client.UploadedAsync(sessionId, Sample.Pdf());

        using var answer = await _client.UploadAsync(sessionId, Sample.Pdf(), Sample.Pdf(ObjectUpload.PartSize + 1), new Sample("a.exe", [.. "MZ"u8, 0, 1, 2]));

        await answer.IsProblemAsync(HttpStatusCode.UnsupportedMediaType, "type_not_accepted");
        await relay.AssertNothingLeftAsync(sessionId, filesHeld: 1);
        Assert.Equal(1, (await _client.StatusAsync(sessionId)).GetProperty("fileCount").GetInt32());
    }

    [Fact]
    public async Task Many_uploads_into_one_session_add_up()
    {
        var sessionId = await _client.CreateAsync();

        await Parallel.ForAsync(0, 24, new ParallelOptions { MaxDegreeOfParallelism = 12, CancellationToken = Token }, async (i, _) =>
            await _client.UploadedAsync(sessionId, Sample.Pdf(100 + i), Sample.Text(10)));

        var session = await _client.StatusAsync(sessionId);
        Assert.Equal(48, session.GetProperty("fileCount").GetInt32());
        Assert.Equal(24 * 110 + 23 * 24 / 2, session.GetProperty("totalSize").GetInt64());
        await relay.AssertNothingLeftAsync(sessionId, filesHeld: 48);
        Assert.Equal(Enumerable.Range(1, 48), await relay.ColumnAsync<int>(
            "SELECT position FROM files JOIN sessions ON sessions.id = files.session WHERE session_id = @sessionId ORDER BY position", new { sessionId }));
    }

    [Fact]
    public async Task A_session_has_no_place_for_two_files()
    {
        var sessionId = await _client.CreateAsync();
        await _client.UploadedAsync(sessionId, Sample.Pdf(10), Sample.Pdf(10));

        var twice = await Assert.ThrowsAsync<PostgresException>(() => relay.ExecuteAsync(
            "UPDATE files SET position = 1 FROM sessions WHERE sessions.id = files.session AND session_id = @sessionId AND position = 2", new { sessionId }));
        Assert.Equal(PostgresErrorCodes.UniqueViolation, twice.SqlState);
    }

    [Fact]
    public async Task Deleting_a_file_notifies_the_shop()
    {
        var sessionId = await _client.CreateAsync();
        var files = await _client.UploadedAsync(sessionId, Sample.Pdf(10), Sample.Pdf(20));
        var address = $"/api/customer/sessions/{sessionId}/files/{files[0].GetProperty("id")}";

        for (var i = 0; i < 2; i++)
        {
            using var answer = await _client.DeleteAsync(address, Token);
            Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        }

        var session = await _client.StatusAsync(sessionId);
        Assert.Equal(1, session.GetProperty("fileCount").GetInt32());
        Assert.Equal(20, session.GetProperty("totalSize").GetInt64());
        Assert.Equal(["deleted", "stored"], session.GetProperty("files").EnumerateArray().Select(file => file.GetProperty("status").GetString()));
        Assert.Equal(["new_session pending 2", "session_updated pending 1"], await relay.EventsAsync(sessionId));
        await relay.AssertNothingLeftAsync(sessionId, filesHeld: 2);
    }

    [Fact]
    public async Task Files_deleted_at_once_are_each_counted_once()
    {
        var sessionId = await _client.CreateAsync();
        var files = await _client.UploadedAsync(sessionId, [.. Enumerable.Range(1, 8).Select(i => Sample.Pdf(i * 10))]);

        await Parallel.ForEachAsync(files.Concat(files), Token, async (file, _) =>
        {
            using var answer = await _client.DeleteAsync($"/api/customer/sessions/{sessionId}/files/{file.GetProperty("id")}", Token);
            Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        });

        var session = await _client.StatusAsync(sessionId);
        Assert.Equal(0, session.GetProperty("fileCount").GetInt32());
        Assert.Equal(0, session.GetProperty("totalSize").GetInt64());
    }

    [Fact]
    public async Task A_file_of_another_session_is_not_found()
    {
        var other = (await _client.UploadedAsync(await _client.CreateAsync(), Sample.Pdf()))[0].GetProperty("id").GetString()!;
        var sessionId = await _client.CreateAsync();

        foreach (var file in (string[])[other, $"{Guid.NewGuid()}", "x", "%00"])
        {
            using var answer = await _client.DeleteAsync($"/api/customer/sessions/{sessionId}/files/{file}", Token);
            if (file != "%00") // refused by Kestrel itself
                await answer.IsProblemAsync(HttpStatusCode.NotFound, "file_not_found");
            else
                Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        }
    }

    private static ByteArrayContent Raw(string body) => Raw(Encoding.UTF8.GetBytes(body));

    private static ByteArrayContent Raw(byte[] body) => new(body)
    {
        Headers = { ContentType = MediaTypeHeaderValue.Parse("multipart/form-data; boundary=b") },
    };
}

public sealed class UploadLimitsTests(SmallLimitsFixture relay) : IClassFixture<SmallLimitsFixture>
{
    private readonly HttpClient _client = relay.UploadApi();

    [Fact]
    public async Task The_files_of_one_form_count_together()
    {
        var sessionId = await _client.CreateAsync();
        using var fourInOne = await _client.UploadAsync(sessionId, Sample.Pdf(10), Sample.Pdf(10), Sample.Pdf(10), Sample.Pdf(10));
        await fourInOne.IsProblemAsync(HttpStatusCode.RequestEntityTooLarge, "too_many_files");
        await relay.AssertNothingLeftAsync(sessionId);

        await _client.UploadedAsync(sessionId, Sample.Pdf(1_000));
        using var tooMany = await _client.UploadAsync(sessionId, Sample.Pdf(10), Sample.Pdf(10), Sample.Pdf(10));
        await tooMany.IsProblemAsync(HttpStatusCode.RequestEntityTooLarge, "too_many_files");
        using var tooMuch = await _client.UploadAsync(sessionId, Sample.Pdf(1_000), Sample.Pdf(501));
        await tooMuch.IsProblemAsync(HttpStatusCode.RequestEntityTooLarge, "session_too_large");
        await relay.AssertNothingLeftAsync(sessionId, filesHeld: 1);

        await _client.UploadedAsync(sessionId, Sample.Pdf(1_000), Sample.Pdf(500));
        Assert.Equal(2_500, (await _client.StatusAsync(sessionId)).GetProperty("totalSize").GetInt64());
    }

    [Fact]
    public async Task Racing_uploads_do_not_exceed_the_session_s_limit()
    {
        for (var round = 0; round < 10; round++)
        {
            var sessionId = await _client.CreateAsync();
            var answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => _client.UploadAsync(sessionId, Sample.Pdf(10), Sample.Pdf(10))));

            Assert.Single(answers, answer => answer.StatusCode == HttpStatusCode.OK);
            foreach (var answer in answers.Where(answer => answer.StatusCode != HttpStatusCode.OK))
                await answer.IsProblemAsync(HttpStatusCode.RequestEntityTooLarge, "too_many_files");
            await relay.AssertNothingLeftAsync(sessionId, filesHeld: 2);
        }
    }
}
