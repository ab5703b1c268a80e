using System.Net;
using System.Text;
using CloudTab.Relay;

namespace CloudTab.Services.Tests;

/// <summary>Resumable Uploads for HTTP (draft-ietf-httpbis-resumable-upload), which shares addresses and uploads with tus.</summary>
public sealed class IetfTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    private readonly HttpClient _client = relay.UploadApi();

    [Theory]
    [InlineData(1)]
    [InlineData(ObjectUpload.PartSize + 1)]
    public async Task A_file_arrives_in_chunks_with_its_creation(int size)
    {
        var file = size < 5 ? Sample.Text(size) : Sample.Pdf(size, "रसीद.pdf");
        var sessionId = await _client.CreateAsync();
        using var request = IetfClient.Request(
            HttpMethod.Post, IetfClient.Creation(sessionId), file.Content, IetfClient.Complete(true), IetfClient.Named(file.Name));
        request.Headers.TransferEncodingChunked = true;

        using var answer = await _client.SendAsync(request, Token);

        await answer.IsFinalAsync(sessionId, file);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_name_is_UTF_8_or_Latin_1_and_any_byte_may_be_in_other_headers(bool isUtf8)
    {
        var (encoding, name) = isUtf8 ? (Encoding.UTF8, "रसीद.pdf") : (Encoding.Latin1, "Reçu.pdf");
        var sessionId = await _client.CreateAsync();
        var head = $"POST {IetfClient.Creation(sessionId)} HTTP/1.1\r\nUpload-Draft-Interop-Version: 8\r\nUpload-Complete: ?1\r\nContent-Length: 9\r\n"
            + $"Cookie: name=Jos\u00E9\r\nContent-Disposition: inline; filename=\"{Encoding.Latin1.GetString(encoding.GetBytes(name))}\"\r\n";

        using var client = await RawHttp.SendAsync(relay.Address, head, "%PDF-1.7\n"u8.ToArray());

        Assert.Contains("HTTP/1.1 200 ", await RawHttp.ReadAsync(client, until: "sha256"), StringComparison.Ordinal);
        Assert.Equal(name, (await _client.StatusAsync(sessionId)).GetProperty("files")[0].Text("name"));
    }

    [Theory]
    [InlineData(3_000, 1_000, false)]
    [InlineData(3_000, 1_000, true)]
    public async Task A_file_arrives_in_appends_of_which_the_last_implies_the_length(int size, int step, bool isChunked)
    {
        var file = Sample.Pdf(size);
        var sessionId = await _client.CreateAsync();
        using var created = await _client.CreateIetfAsync(sessionId, file.Content[..step], isWhole: false, IetfClient.Named(file.Name));
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        Assert.Equal("?0", created.Header("Upload-Complete"));
        Assert.Equal(step, created.Number("Upload-Offset"));
        Assert.StartsWith($"max-size={UploadFixture.MaxFileSize}, max-age=", created.Header("Upload-Limit"), StringComparison.Ordinal);
        var upload = created.Headers.Location!.ToString();

        var offset = step;
        for (; size - offset > step; offset += step)
        {
            Assert.Equal((offset, false, null), await _client.RetrieveAsync(upload));
            using var answer = await _client.AppendAsync(upload, offset, file.Content[offset..(offset + step)], isLast: false);
            Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
            Assert.Equal("?0", answer.Header("Upload-Complete"));
            Assert.Equal(offset + step, answer.Number("Upload-Offset"));
        }

        using var request = IetfClient.Request(HttpMethod.Patch, upload, file.Content[offset..], IetfClient.Append(offset, isLast: true));
        request.Headers.TransferEncodingChunked = isChunked;
        using var last = await _client.SendAsync(request, Token);

        await last.IsFinalAsync(sessionId, file);
        Assert.Equal((size, true, TusClient.Number(size)), await _client.RetrieveAsync(upload));
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task An_empty_request_may_complete_an_upload()
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();
        using var created = await _client.CreateIetfAsync(sessionId, file.Content, isWhole: false, IetfClient.Named(file.Name));

        using var last = await _client.AppendAsync(created.Headers.Location!.ToString(), 1_000, [], isLast: true);

        await last.IsFinalAsync(sessionId, file);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task An_upload_is_complete_once_its_announced_bytes_have_arrived()
    {
        var file = Sample.Pdf();
        var (sessionId, upload) = await _client.BegunIetfAsync(file, TusClient.Length(1_000));
        Assert.Equal((0, false, "1000"), await _client.RetrieveAsync(upload));

        using var answer = await _client.AppendAsync(upload, 0, file.Content, isLast: false);

        await answer.IsFinalAsync(sessionId, file);
    }

    [Fact]
    public async Task The_final_answer_can_be_requested_again()
    {
        var file = Sample.Pdf();
        var (sessionId, upload) = await _client.BegunIetfAsync(file);
        using var lost = await _client.AppendAsync(upload, 0, file.Content, isLast: true);
        var first = await lost.Content.ReadAsStringAsync(Token);

        using var again = await _client.AppendAsync(upload, 1_000, [], isLast: true);

        await again.IsFinalAsync(sessionId, file);
        Assert.Equal(first, await again.Content.ReadAsStringAsync(Token));
        using var more = await _client.AppendAsync(upload, 1_000, [1], isLast: true);
        await more.IsRefusalAsync(HttpStatusCode.BadRequest, "invalid_request", isFinal: false);
        using var elsewhere = await _client.AppendAsync(upload, 0, file.Content, isLast: true);
        await elsewhere.IsRefusalAsync(HttpStatusCode.Conflict, "offset_conflict", isFinal: false);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task A_malformed_length_and_unknown_parameters_are_ignored()
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();

        using var answer = await _client.IetfAsync(
            HttpMethod.Post, IetfClient.Creation(sessionId), file.Content, IetfClient.Named(file.Name), ("Upload-Complete", "?1;later=\"x\""), ("Upload-Length", "ten"));

        await answer.IsFinalAsync(sessionId, file);
    }

    [Theory]
    [InlineData("attachment; filename=\"plain.pdf\"", "plain.pdf")]
    [InlineData("inline; filename=\"x.pdf\"; filename*=UTF-8''%E0%A4%B0.pdf", "र.pdf")]
    [InlineData("inline; filename=\"../../etc/passwd\"", "passwd.pdf")]
    [InlineData("inline", "file.pdf")]
    public async Task The_file_name_comes_from_Content_Disposition(string header, string name)
    {
        var sessionId = await _client.CreateAsync();

        using var answer = await _client.CreateIetfAsync(
            sessionId, Sample.Pdf().Content, isWhole: true, ("Content-Disposition", header), ("Content-Type", "application/pdf"));

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(name, (await answer.JsonAsync()).GetProperty("files")[0].GetProperty("originalName").GetString());
        Assert.Equal("application/pdf", await relay.ScalarAsync<string>(
            "SELECT declared_type FROM uploads JOIN sessions ON sessions.id = session WHERE sessions.session_id = @sessionId", new { sessionId }));
    }

    [Theory]
    [InlineData("HEAD")]
    [InlineData("GET")]
    public async Task The_offset_is_retrieved_by_HEAD_or_GET(string method)
    {
        var upload = await _client.BeginIetfAsync(await _client.CreateAsync(), Sample.Pdf());

        using var answer = await _client.IetfAsync(new HttpMethod(method), upload);

        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.Equal(0, answer.Number("Upload-Offset"));
        Assert.Equal("?0", answer.Header("Upload-Complete"));
    }

    [Fact]
    public async Task OPTIONS_returns_the_limits_for_new_uploads()
    {
        using var request = new HttpRequestMessage(HttpMethod.Options, IetfClient.Creation("0123456789abcdefghjkmnpqrs"));

        using var answer = await _client.SendAsync(request, Token);

        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.Equal($"max-size={UploadFixture.MaxFileSize}, max-age=1800", answer.Header("Upload-Limit"));
        Assert.Equal("1.0.0", answer.Header("Tus-Version"));
    }

    [Fact]
    public async Task An_upload_can_be_continued_by_the_other_protocol()
    {
        var file = Sample.Pdf();
        var (sessionId, upload) = await _client.BegunIetfAsync(file, TusClient.Length(1_000));
        using var first = await _client.AppendAsync(upload, 0, file.Content[..300], isLast: false);
        using var second = await _client.PatchAsync(upload, 300, file.Content[300..600]);
        Assert.Equal(600, second.Number("Upload-Offset"));
        Assert.False(second.Headers.Contains("Upload-Complete"));

        using var last = await _client.AppendAsync(upload, 600, file.Content[600..], isLast: true);

        await last.IsFinalAsync(sessionId, file);
        Assert.False(last.Headers.Contains("Tus-Resumable"));
        Assert.Equal(1_000, await _client.OffsetAsync(upload));
    }

    [Fact]
    public async Task A_partial_upload_of_tus_does_not_become_a_file()
    {
        using var created = await _client.CreateUploadAsync(await _client.CreateAsync(), null, TusClient.Length(3), ("Upload-Concat", "partial"));

        using var answer = await _client.AppendAsync(created.Headers.Location!.ToString(), 0, "abc"u8.ToArray(), isLast: true);

        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.Equal("?1", answer.Header("Upload-Complete"));
    }
}
