using System.Net;
using CloudTab.Relay;

namespace CloudTab.Services.Tests;

/// <summary>Resumable Uploads for HTTP (draft-ietf-httpbis-resumable-upload), and that it shares addresses and uploads with tus.</summary>
public sealed class RufhTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    private readonly HttpClient _client = relay.UploadApi();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1, false)]
    [InlineData(1, true)]
    [InlineData(ObjectUpload.PartSize, false)]
    [InlineData(ObjectUpload.PartSize + 1, true)]
    [InlineData(UploadFixture.MaxFileSize, false)]
    public async Task A_file_arrives_with_its_creation(int size, bool isChunked)
    {
        var file = size < 5 ? Sample.Text(size) : Sample.Pdf(size, "रसीद.pdf");
        var sessionId = await _client.CreateAsync();
        using var request = RufhClient.Request(
            HttpMethod.Post, RufhClient.Creation(sessionId), file.Content, RufhClient.Complete(true), RufhClient.Named(file.Name));
        request.Headers.TransferEncodingChunked = isChunked;

        using var answer = await _client.SendAsync(request, Token);

        await AssertFinalAsync(answer, sessionId, file);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Theory]
    [InlineData(3_000, 1_000, false)]
    [InlineData(3_000, 1_000, true)]
    [InlineData(UploadFixture.MaxFileSize, 6_000_000, false)]
    [InlineData(UploadFixture.MaxFileSize, 9_999_999, true)]
    public async Task A_file_arrives_as_a_series_of_parts_whose_sum_is_told_by_the_last(int size, int step, bool isChunked)
    {
        var file = Sample.Pdf(size);
        var sessionId = await _client.CreateAsync();
        using var created = await _client.CreateRufhAsync(sessionId, file.Content[..step], isWhole: false, RufhClient.Named(file.Name));
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

        using var request = RufhClient.Request(HttpMethod.Patch, upload, file.Content[offset..], RufhClient.Append(offset, isLast: true));
        request.Headers.TransferEncodingChunked = isChunked;
        using var last = await _client.SendAsync(request, Token);

        await AssertFinalAsync(last, sessionId, file);
        Assert.Equal((size, true, TusClient.Number(size)), await _client.RetrieveAsync(upload));
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task An_empty_request_may_complete_an_upload_whose_bytes_have_come()
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();
        using var created = await _client.CreateRufhAsync(sessionId, file.Content, isWhole: false, RufhClient.Named(file.Name));

        using var last = await _client.AppendAsync(created.Headers.Location!.ToString(), 1_000, [], isLast: true);

        await AssertFinalAsync(last, sessionId, file);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task An_upload_whose_announced_bytes_have_all_come_is_complete()
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();
        var upload = await _client.BeginRufhAsync(sessionId, file, TusClient.Length(1_000));
        Assert.Equal((0, false, "1000"), await _client.RetrieveAsync(upload));

        using var answer = await _client.AppendAsync(upload, 0, file.Content, isLast: false);

        await AssertFinalAsync(answer, sessionId, file);
    }

    [Fact]
    public async Task The_final_answer_can_be_had_again()
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();
        var upload = await _client.BeginRufhAsync(sessionId, file);
        using var lost = await _client.AppendAsync(upload, 0, file.Content, isLast: true);
        var first = await lost.Content.ReadAsStringAsync(Token);

        using var again = await _client.AppendAsync(upload, 1_000, [], isLast: true);

        await AssertFinalAsync(again, sessionId, file);
        Assert.Equal(first, await again.Content.ReadAsStringAsync(Token));
        using var more = await _client.AppendAsync(upload, 1_000, [1], isLast: true);
        await more.IsRefusalAsync(HttpStatusCode.BadRequest, "invalid_request", isFinal: false);
        using var elsewhere = await _client.AppendAsync(upload, 0, file.Content, isLast: true);
        await elsewhere.IsRefusalAsync(HttpStatusCode.Conflict, "offset_conflict", isFinal: false);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task Another_offset_is_refused_with_the_right_one()
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();
        var upload = await _client.BeginRufhAsync(sessionId, file);
        using var first = await _client.AppendAsync(upload, 0, file.Content[..400], isLast: false);

        foreach (var offset in (int[])[0, 399, 401, 5_000])
        {
            using var answer = await _client.AppendAsync(upload, offset, file.Content[400..], isLast: true);
            await answer.IsRefusalAsync(HttpStatusCode.Conflict, "offset_conflict", isFinal: false);
            Assert.Equal(400, answer.Number("Upload-Offset"));
            var problem = await answer.JsonAsync();
            Assert.Equal("https://iana.org/assignments/http-problem-types#mismatching-upload-offset", problem.GetProperty("type").GetString());
            Assert.Equal((400, offset), (problem.GetProperty("expected-offset").GetInt32(), problem.GetProperty("provided-offset").GetInt32()));
        }

        using var rest = await _client.AppendAsync(upload, 400, file.Content[400..], isLast: true);
        await AssertFinalAsync(rest, sessionId, file);
    }

    [Fact]
    public async Task Lengths_that_contradict_each_other_are_refused_and_change_nothing()
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();
        using var atOnce = await _client.CreateRufhAsync(sessionId, file.Content, isWhole: true, TusClient.Length(1_001));
        await IsInconsistentAsync(atOnce, isFinal: false);
        await relay.AssertNothingLeftAsync(sessionId);
        var upload = await _client.BeginRufhAsync(sessionId, file, TusClient.Length(1_000));
        using var first = await _client.AppendAsync(upload, 0, file.Content[..400], isLast: false);

        using var shorter = await _client.AppendAsync(upload, 400, file.Content[400..900], isLast: true);
        await IsInconsistentAsync(shorter, isFinal: false);
        using var other = await _client.AppendAsync(upload, 400, file.Content[400..500], isLast: false, TusClient.Length(999));
        await IsInconsistentAsync(other, isFinal: false);
        Assert.Equal((400, false, "1000"), await _client.RetrieveAsync(upload));

        // What comes in chunks has no length to compare before: it is kept, but the upload is not complete.
        using var request = RufhClient.Request(HttpMethod.Patch, upload, file.Content[400..900], RufhClient.Append(400, isLast: true));
        request.Headers.TransferEncodingChunked = true;
        using var chunked = await _client.SendAsync(request, Token);
        await IsInconsistentAsync(chunked, isFinal: false);
        Assert.Equal((900, false, "1000"), await _client.RetrieveAsync(upload));

        using var rest = await _client.AppendAsync(upload, 900, file.Content[900..], isLast: true, TusClient.Length(1_000));
        await AssertFinalAsync(rest, sessionId, file);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_upload_that_gets_more_than_its_length_is_invalid_from_then_on(bool isChunked)
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();
        var upload = await _client.BeginRufhAsync(sessionId, file, TusClient.Length(900));
        using var request = RufhClient.Request(HttpMethod.Patch, upload, file.Content, RufhClient.Append(0, isLast: false));
        request.Headers.TransferEncodingChunked = isChunked;

        using var answer = await _client.SendAsync(request, Token);

        await answer.IsRefusalAsync(HttpStatusCode.BadRequest, "upload_too_long", isFinal: true);
        using var after = await _client.AppendAsync(upload, 0, file.Content[..900], isLast: true);
        await after.IsRefusalAsync(HttpStatusCode.Gone, "upload_gone", isFinal: false);
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Fact]
    public async Task More_than_the_largest_file_is_refused_with_the_limit()
    {
        var sessionId = await _client.CreateAsync();
        using var announced = await _client.CreateRufhAsync(sessionId, null, isWhole: false, TusClient.Length(UploadFixture.MaxFileSize + 1));
        await announced.IsRefusalAsync(HttpStatusCode.RequestEntityTooLarge, "file_too_large", isFinal: true);
        Assert.StartsWith($"max-size={UploadFixture.MaxFileSize}, ", announced.Header("Upload-Limit"), StringComparison.Ordinal);

        foreach (var isChunked in (bool[])[true, false])
        {
            var upload = await _client.BeginRufhAsync(sessionId, Sample.Pdf());
            using var request = RufhClient.Request(
                HttpMethod.Patch, upload, Sample.Pdf(UploadFixture.MaxFileSize + 1).Content, RufhClient.Append(0, isLast: false));
            // What is announced is refused before it comes.
            request.Headers.TransferEncodingChunked = isChunked;
            request.Headers.ExpectContinue = !isChunked;
            using var answer = await _client.SendAsync(request, Token);
            await answer.IsRefusalAsync(HttpStatusCode.RequestEntityTooLarge, "file_too_large", isFinal: true);
        }

        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Fact]
    public async Task An_empty_file_is_refused_however_it_comes()
    {
        var sessionId = await _client.CreateAsync();

        using var created = await _client.CreateRufhAsync(sessionId, null, isWhole: true);
        await created.IsRefusalAsync(HttpStatusCode.BadRequest, "empty_file", isFinal: true);
        using var announced = await _client.CreateRufhAsync(sessionId, null, isWhole: false, TusClient.Length(0));
        await announced.IsRefusalAsync(HttpStatusCode.BadRequest, "empty_file", isFinal: true);
        foreach (var isChunked in (bool[])[true, false])
        {
            var upload = await _client.BeginRufhAsync(sessionId, Sample.Pdf());
            using var request = RufhClient.Request(HttpMethod.Patch, upload, [], RufhClient.Append(0, isLast: true));
            request.Headers.TransferEncodingChunked = isChunked;
            using var answer = await _client.SendAsync(request, Token);
            await answer.IsRefusalAsync(HttpStatusCode.BadRequest, "empty_file", isFinal: true);
        }

        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Fact]
    public async Task What_cannot_be_printed_is_the_final_answer()
    {
        byte[] program = [0x7F, (byte)'E', (byte)'L', (byte)'F', .. new byte[3_000]];
        var sessionId = await _client.CreateAsync();
        var upload = await _client.BeginRufhAsync(sessionId, Sample.Pdf());

        using var answer = await _client.AppendAsync(upload, 0, program, isLast: false);
        await answer.IsRefusalAsync(HttpStatusCode.UnsupportedMediaType, "type_not_accepted", isFinal: true);
        using var created = await _client.CreateRufhAsync(sessionId, program, isWhole: true);
        await created.IsRefusalAsync(HttpStatusCode.UnsupportedMediaType, "type_not_accepted", isFinal: true);

        using var after = await _client.RufhAsync(HttpMethod.Head, upload);
        Assert.Equal(HttpStatusCode.Gone, after.StatusCode);
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Theory]
    [InlineData("Upload-Complete", "true")]
    [InlineData("Upload-Complete", "1")]
    [InlineData("Upload-Complete", null)]
    [InlineData("Upload-Offset", "-1")]
    [InlineData("Upload-Offset", "0.0")]
    [InlineData("Upload-Offset", "\"0\"")]
    [InlineData("Upload-Offset", null)]
    public async Task A_header_that_is_needed_and_ignored_makes_a_bad_request(string name, string? value)
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();
        var upload = await _client.BeginRufhAsync(sessionId, file);
        var headers = RufhClient.Append(0, isLast: true).Where(header => header.Name != name);

        using var answer = await _client.RufhAsync(HttpMethod.Patch, upload, file.Content, value is null ? headers : headers.Append((name, value)));

        await answer.IsRefusalAsync(HttpStatusCode.BadRequest, "invalid_request", isFinal: false);
        Assert.Equal((0, false, null), await _client.RetrieveAsync(upload));
    }

    [Fact]
    public async Task A_length_that_is_none_and_parameters_are_ignored()
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();

        using var answer = await _client.RufhAsync(
            HttpMethod.Post, RufhClient.Creation(sessionId), file.Content, RufhClient.Named(file.Name), ("Upload-Complete", "?1;later=\"x\""), ("Upload-Length", "ten"));

        await AssertFinalAsync(answer, sessionId, file);
    }

    [Fact]
    public async Task Bytes_come_as_partial_upload_and_nothing_else()
    {
        var upload = await _client.BeginRufhAsync(await _client.CreateAsync(), Sample.Pdf());

        using var answer = await _client.RufhAsync(
            HttpMethod.Patch, upload, [1], RufhClient.Complete(false), ("Upload-Offset", "0"), ("Content-Type", "application/offset+octet-stream"));

        await answer.IsRefusalAsync(HttpStatusCode.UnsupportedMediaType, "unsupported_media_type", isFinal: false);
        Assert.Equal("application/partial-upload", answer.Header("Accept-Patch"));
    }

    [Theory]
    [InlineData("attachment; filename=\"plain.pdf\"", "plain.pdf")]
    [InlineData("inline; filename=\"x.pdf\"; filename*=UTF-8''%E0%A4%B0.pdf", "र.pdf")]
    [InlineData("inline; filename=\"../../etc/passwd\"", "passwd")]
    [InlineData("inline", "file")]
    public async Task The_name_is_that_of_Content_Disposition(string header, string name)
    {
        var sessionId = await _client.CreateAsync();

        using var answer = await _client.CreateRufhAsync(
            sessionId, Sample.Pdf().Content, isWhole: true, ("Content-Disposition", header), ("Content-Type", "application/pdf"));

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(name, (await answer.JsonAsync()).GetProperty("files")[0].GetProperty("originalName").GetString());
        Assert.Equal("application/pdf", await relay.ScalarAsync<string>(
            "SELECT declared_type FROM uploads JOIN sessions ON sessions.id = session WHERE sessions.session_id = @sessionId", new { sessionId }));
    }

    [Fact]
    public async Task DELETE_ends_an_upload_and_its_file()
    {
        var sessionId = await _client.CreateAsync();
        var unfinished = await _client.BeginRufhAsync(sessionId, Sample.Pdf());
        using var begun = await _client.AppendAsync(unfinished, 0, Sample.Pdf().Content[..500], isLast: false);
        var finished = await _client.BeginRufhAsync(sessionId, Sample.Pdf());
        using var whole = await _client.AppendAsync(finished, 0, Sample.Pdf().Content, isLast: true);

        foreach (var upload in (string[])[unfinished, finished])
        {
            using var answer = await _client.RufhAsync(HttpMethod.Delete, upload);
            Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
            using var after = await _client.RufhAsync(HttpMethod.Head, upload);
            Assert.Equal(HttpStatusCode.Gone, after.StatusCode);
            using var again = await _client.RufhAsync(HttpMethod.Delete, upload);
            await again.IsRefusalAsync(HttpStatusCode.Gone, "upload_gone", isFinal: false);
        }

        // The row of a file that had been stored is remembered.
        await relay.AssertNothingLeftAsync(sessionId, filesHeld: 1);
        Assert.Equal(0, (await _client.StatusAsync(sessionId)).GetProperty("fileCount").GetInt32());
    }

    [Theory]
    [InlineData("HEAD")]
    [InlineData("GET")]
    public async Task The_offset_is_retrieved_by_HEAD_or_GET(string method)
    {
        var upload = await _client.BeginRufhAsync(await _client.CreateAsync(), Sample.Pdf());

        using var answer = await _client.RufhAsync(new HttpMethod(method), upload);

        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.Equal(0, answer.Number("Upload-Offset"));
        Assert.Equal("?0", answer.Header("Upload-Complete"));
    }

    [Fact]
    public async Task OPTIONS_tells_the_limits_where_uploads_are_created()
    {
        using var request = new HttpRequestMessage(HttpMethod.Options, RufhClient.Creation("0123456789abcdefghjkmnpqrs"));

        using var answer = await _client.SendAsync(request, Token);

        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.Equal($"max-size={UploadFixture.MaxFileSize}, max-age=1800", answer.Header("Upload-Limit"));
        Assert.Equal("1.0.0", answer.Header("Tus-Version"));
    }

    [Theory]
    [InlineData("0123456789abcdefghjkmnpqrs")]
    [InlineData("no-upload-is-called-that")]
    public async Task An_upload_or_session_that_never_was_is_404(string id)
    {
        var upload = $"/api/customer/uploads/{id}";

        using var head = await _client.RufhAsync(HttpMethod.Head, upload);
        Assert.Equal(HttpStatusCode.NotFound, head.StatusCode);
        using var append = await _client.AppendAsync(upload, 0, [1], isLast: true);
        await append.IsRefusalAsync(HttpStatusCode.NotFound, "upload_not_found", isFinal: false);
        using var delete = await _client.RufhAsync(HttpMethod.Delete, upload);
        await delete.IsRefusalAsync(HttpStatusCode.NotFound, "upload_not_found", isFinal: false);
        using var create = await _client.CreateRufhAsync(id, [1], isWhole: true);
        await create.IsRefusalAsync(HttpStatusCode.NotFound, "session_not_found", isFinal: true);
    }

    [Fact]
    public async Task An_upload_ends_with_its_session()
    {
        var sessionId = await _client.CreateAsync();
        var upload = await _client.BeginRufhAsync(sessionId, Sample.Pdf());
        using var cancelled = await _client.DeleteAsync($"/api/customer/sessions/{sessionId}", Token);

        using var append = await _client.AppendAsync(upload, 0, Sample.Pdf().Content, isLast: true);
        await append.IsRefusalAsync(HttpStatusCode.Gone, "upload_gone", isFinal: false);
        using var create = await _client.CreateRufhAsync(sessionId, Sample.Pdf().Content, isWhole: true);
        await create.IsRefusalAsync(HttpStatusCode.Gone, "session_closed", isFinal: true);
    }

    [Fact]
    public async Task The_file_of_a_claimed_session_cannot_be_taken_back()
    {
        var sessionId = await _client.CreateAsync();
        var upload = await _client.BeginRufhAsync(sessionId, Sample.Pdf());
        using var whole = await _client.AppendAsync(upload, 0, Sample.Pdf().Content, isLast: true);
        await relay.ExecuteAsync(
            "UPDATE sessions SET status = 'pending', submitted_at = now() WHERE session_id = @sessionId", new { sessionId });
        var shop = relay.ShopApi(await relay.KeyAsync(Shops.Default));
        using var claimed = await shop.PostAsync($"/api/shopkeeper/sessions/{sessionId}/claim", null, Token);
        Assert.Equal(HttpStatusCode.OK, claimed.StatusCode);

        using var answer = await _client.RufhAsync(HttpMethod.Delete, upload);

        await answer.IsRefusalAsync(HttpStatusCode.Conflict, "already_claimed", isFinal: false);
    }

    [Fact]
    public async Task An_upload_of_a_shop_is_at_that_shops_address()
    {
        var shop = await relay.ShopAsync();
        var sessionId = await _client.CreateAsync($"/s/{shop.Id}");
        using var created = await _client.RufhAsync(HttpMethod.Post, $"/s/{shop.Id}{RufhClient.Creation(sessionId)}", [], RufhClient.Complete(false));
        var upload = created.Headers.Location!.ToString();

        Assert.StartsWith($"/s/{shop.Id}/api/customer/uploads/", upload, StringComparison.Ordinal);
        using var elsewhere = await _client.RufhAsync(HttpMethod.Head, upload[$"/s/{shop.Id}".Length..]);
        Assert.Equal(HttpStatusCode.NotFound, elsewhere.StatusCode);
    }

    [Fact]
    public async Task An_upload_can_go_on_by_the_other_protocol()
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();
        var upload = await _client.BeginRufhAsync(sessionId, file, TusClient.Length(1_000));
        using var first = await _client.AppendAsync(upload, 0, file.Content[..300], isLast: false);
        using var second = await _client.PatchAsync(upload, 300, file.Content[300..600]);
        Assert.Equal(600, second.Number("Upload-Offset"));
        Assert.False(second.Headers.Contains("Upload-Complete"));

        using var last = await _client.AppendAsync(upload, 600, file.Content[600..], isLast: true);

        await AssertFinalAsync(last, sessionId, file);
        Assert.False(last.Headers.Contains("Tus-Resumable"));
        Assert.Equal(1_000, await _client.OffsetAsync(upload));
    }

    [Fact]
    public async Task A_partial_upload_of_tus_becomes_no_file()
    {
        using var created = await _client.CreateUploadAsync(await _client.CreateAsync(), null, TusClient.Length(3), ("Upload-Concat", "partial"));

        using var answer = await _client.AppendAsync(created.Headers.Location!.ToString(), 0, "abc"u8.ToArray(), isLast: true);

        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.Equal("?1", answer.Header("Upload-Complete"));
    }

    private static async Task IsInconsistentAsync(HttpResponseMessage answer, bool isFinal)
    {
        await answer.IsRefusalAsync(HttpStatusCode.BadRequest, "invalid_request", isFinal);
        Assert.Equal(
            "https://iana.org/assignments/http-problem-types#inconsistent-upload-length", (await answer.JsonAsync()).GetProperty("type").GetString());
    }

    private static async Task AssertFinalAsync(HttpResponseMessage answer, string sessionId, Sample file)
    {
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("?1", answer.Header("Upload-Complete"));
        var body = await answer.JsonAsync();
        Assert.Equal(sessionId, body.GetProperty("sessionId").GetString());
        var stored = Assert.Single(body.GetProperty("files").EnumerateArray());
        Assert.Equal(
            (file.Name, file.Content.Length, file.Sha256),
            (stored.GetProperty("originalName").GetString(), stored.GetProperty("size").GetInt32(), stored.GetProperty("sha256").GetString()));
    }
}
