using System.Net;

namespace CloudTab.Services.Tests;

/// <summary>What Resumable Uploads for HTTP refuses, and in which words.</summary>
public sealed class IetfRefusalTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    private readonly HttpClient _client = relay.UploadApi();

    [Fact]
    public async Task A_wrong_offset_is_refused_with_the_right_one()
    {
        var file = Sample.Pdf();
        var (sessionId, upload) = await _client.BegunIetfAsync(file);
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
        await rest.IsFinalAsync(sessionId, file);
    }

    [Fact]
    public async Task Contradicting_lengths_are_refused_and_change_nothing()
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();
        using var atOnce = await _client.CreateIetfAsync(sessionId, file.Content, isWhole: true, TusClient.Length(1_001));
        await IsInconsistentAsync(atOnce);
        await relay.AssertNothingLeftAsync(sessionId);
        var upload = await _client.BeginIetfAsync(sessionId, file, TusClient.Length(1_000));
        using var first = await _client.AppendAsync(upload, 0, file.Content[..400], isLast: false);

        using var shorter = await _client.AppendAsync(upload, 400, file.Content[400..900], isLast: true);
        await IsInconsistentAsync(shorter);
        using var other = await _client.AppendAsync(upload, 400, file.Content[400..500], isLast: false, TusClient.Length(999));
        await IsInconsistentAsync(other);
        Assert.Equal((400, false, "1000"), await _client.RetrieveAsync(upload));

        // The length of a chunked body is not known in advance: its bytes are kept, but the upload is not complete.
        using var request = IetfClient.Request(HttpMethod.Patch, upload, file.Content[400..900], IetfClient.Append(400, isLast: true));
        request.Headers.TransferEncodingChunked = true;
        using var chunked = await _client.SendAsync(request, Token);
        await IsInconsistentAsync(chunked);
        Assert.Equal((900, false, "1000"), await _client.RetrieveAsync(upload));

        using var rest = await _client.AppendAsync(upload, 900, file.Content[900..], isLast: true, TusClient.Length(1_000));
        await rest.IsFinalAsync(sessionId, file);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_upload_that_receives_more_than_its_length_becomes_invalid(bool isChunked)
    {
        var file = Sample.Pdf();
        var (sessionId, upload) = await _client.BegunIetfAsync(file, TusClient.Length(900));
        using var request = IetfClient.Request(HttpMethod.Patch, upload, file.Content, IetfClient.Append(0, isLast: false));
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
        using var announced = await _client.CreateIetfAsync(sessionId, null, isWhole: false, TusClient.Length(UploadFixture.MaxFileSize + 1));
        await announced.IsRefusalAsync(HttpStatusCode.RequestEntityTooLarge, "file_too_large", isFinal: true);
        Assert.StartsWith($"max-size={UploadFixture.MaxFileSize}, ", announced.Header("Upload-Limit"), StringComparison.Ordinal);

        foreach (var isChunked in (bool[])[true, false])
        {
            var upload = await _client.BeginIetfAsync(sessionId, Sample.Pdf());
            using var request = IetfClient.Request(
                HttpMethod.Patch, upload, Sample.Pdf(UploadFixture.MaxFileSize + 1).Content, IetfClient.Append(0, isLast: false));
            // An announced length is refused before its bytes are sent.
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

        using var announced = await _client.CreateIetfAsync(sessionId, null, isWhole: false, TusClient.Length(0));
        await announced.IsRefusalAsync(HttpStatusCode.BadRequest, "empty_file", isFinal: true);
        foreach (var isChunked in (bool[])[true, false])
        {
            var upload = await _client.BeginIetfAsync(sessionId, Sample.Pdf());
            using var request = IetfClient.Request(HttpMethod.Patch, upload, [], IetfClient.Append(0, isLast: true));
            request.Headers.TransferEncodingChunked = isChunked;
            using var answer = await _client.SendAsync(request, Token);
            await answer.IsRefusalAsync(HttpStatusCode.BadRequest, "empty_file", isFinal: true);
        }

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
    public async Task A_required_header_that_is_missing_or_malformed_is_a_bad_request(string name, string? value)
    {
        var file = Sample.Pdf();
        var (_, upload) = await _client.BegunIetfAsync(file);
        var headers = IetfClient.Append(0, isLast: true).Where(header => header.Name != name);

        using var answer = await _client.IetfAsync(HttpMethod.Patch, upload, file.Content, value is null ? headers : headers.Append((name, value)));

        await answer.IsRefusalAsync(HttpStatusCode.BadRequest, "invalid_request", isFinal: false);
        Assert.Equal((0, false, null), await _client.RetrieveAsync(upload));
    }

    [Fact]
    public async Task Only_application_partial_upload_is_accepted()
    {
        var upload = await _client.BeginIetfAsync(await _client.CreateAsync(), Sample.Pdf());

        using var answer = await _client.IetfAsync(
            HttpMethod.Patch, upload, [1], IetfClient.Complete(false), ("Upload-Offset", "0"), ("Content-Type", "application/offset+octet-stream"));

        await answer.IsRefusalAsync(HttpStatusCode.UnsupportedMediaType, "unsupported_media_type", isFinal: false);
        Assert.Equal("application/partial-upload", answer.Header("Accept-Patch"));
    }

    [Fact]
    public async Task Nothing_can_be_appended_to_a_final_upload_of_tus()
    {
        var sessionId = await _client.CreateAsync();
        using var part = await _client.CreateUploadAsync(sessionId, "abc"u8.ToArray(), TusClient.Length(3), ("Upload-Concat", "partial"));
        using var final = await _client.CreateUploadAsync(sessionId, null, ("Upload-Concat", $"final;{part.Headers.Location}"));

        using var answer = await _client.AppendAsync(final.Headers.Location!.ToString(), 3, [1], isLast: true);

        await answer.IsRefusalAsync(HttpStatusCode.Forbidden, "final_upload", isFinal: false);
    }

    private static async Task IsInconsistentAsync(HttpResponseMessage answer)
    {
        await answer.IsRefusalAsync(HttpStatusCode.BadRequest, "invalid_request", isFinal: false);
        Assert.Equal(
            "https://iana.org/assignments/http-problem-types#inconsistent-upload-length", (await answer.JsonAsync()).GetProperty("type").GetString());
    }
}
