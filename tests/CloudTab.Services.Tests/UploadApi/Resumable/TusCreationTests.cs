using System.Globalization;
using System.Net;
using CloudTab.Relay;

namespace CloudTab.Services.Tests;

/// <summary>The extensions creation, creation-with-upload, creation-defer-length, expiration and termination.</summary>
public sealed class TusCreationTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    private readonly HttpClient _client = relay.UploadApi();

    public static TheoryData<string, string, string> Unreadable => new()
    {
        { "Upload-Length", "", "invalid_request" },
        { "Upload-Length", "-1", "invalid_request" },
        { "Upload-Length", "ten", "invalid_request" },
        { "Upload-Length", "99999999999999999999", "invalid_request" },
        { "Upload-Length", "0", "empty_file" },
        { "Upload-Defer-Length", "0", "invalid_request" },
        { "Upload-Defer-Length", "true", "invalid_request" },
        { "Upload-Concat", "whole", "invalid_request" },
        { "Upload-Metadata", "filename", "" },
        { "Upload-Metadata", "filename YS5wZGY=,,", "invalid_request" },
        { "Upload-Metadata", "filename a.pdf!", "invalid_request" },
        { "Upload-Metadata", "filename YS5wZGY=,filename YS5wZGY=", "invalid_request" },
        { "Upload-Metadata", "sha256 YWJj", "invalid_request" },
        { "Upload-Metadata", "a\u0001 dGVzdA==", "invalid_request" },
        { "Upload-Metadata", "a\u007F dGVzdA==", "invalid_request" },
        { "Upload-Concat", "final;\u0001", "invalid_request" },
    };

    [Theory]
    [MemberData(nameof(Unreadable))]
    public async Task A_creation_that_cannot_be_understood_is_refused(string name, string value, string code)
    {
        var sessionId = await _client.CreateAsync();
        var isLength = name is "Upload-Length" or "Upload-Defer-Length";

        using var answer = await _client.CreateUploadAsync(sessionId, null, isLength ? [(name, value)] : [TusClient.Length(10), (name, value)]);

        if (code.Length == 0)
            Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        else
            await answer.IsProblemAsync(HttpStatusCode.BadRequest, code);
    }

    [Fact]
    public async Task A_creation_has_either_a_length_or_a_deferred_length()
    {
        var sessionId = await _client.CreateAsync();

        using var neither = await _client.CreateUploadAsync(sessionId);
        await neither.IsProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
        using var both = await _client.CreateUploadAsync(sessionId, null, TusClient.Length(10), ("Upload-Defer-Length", "1"));
        await both.IsProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
    }

    [Theory]
    [InlineData(1_000, 1_000)]
    [InlineData(1_000, 400)]
    [InlineData(ObjectUpload.PartSize + 5, ObjectUpload.PartSize + 5)]
    [InlineData(ObjectUpload.PartSize + 5, ObjectUpload.PartSize + 1)]
    public async Task The_first_bytes_may_come_with_the_creation(int size, int first)
    {
        var file = Sample.Pdf(size);
        var sessionId = await _client.CreateAsync();

        using var created = await _client.CreateUploadAsync(sessionId, file.Content[..first], TusClient.Length(size), TusClient.Named(file.Name));

        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        Assert.Equal(first, created.Number("Upload-Offset"));
        if (first < size)
        {
            Assert.NotEmpty(created.Header("Upload-Expires"));
            using var rest = await _client.PatchAsync(created.Headers.Location!.ToString(), first, file.Content[first..]);
            Assert.Equal(HttpStatusCode.NoContent, rest.StatusCode);
        }

        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task A_creation_whose_first_bytes_are_refused_leaves_nothing()
    {
        var sessionId = await _client.CreateAsync();

        using var program = await _client.CreateUploadAsync(sessionId, [0x7F, 0x45, 0x4C, 0x46, .. new byte[2_000]], TusClient.Length(5_000));
        await program.IsProblemAsync(HttpStatusCode.UnsupportedMediaType, "type_not_accepted");
        using var other = await _client.CreateUploadAsync(sessionId, [1], TusClient.Length(1), ("Content-Type", "text/plain"));
        await other.IsProblemAsync(HttpStatusCode.UnsupportedMediaType, "unsupported_media_type");
        using var tooMuch = await _client.CreateUploadAsync(sessionId, "abc"u8.ToArray(), TusClient.Length(2));
        await tooMuch.IsProblemAsync(HttpStatusCode.RequestEntityTooLarge, "upload_too_long");

        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Theory]
    [InlineData(1_000)]
    [InlineData(ObjectUpload.PartSize + 1_000)]
    public async Task The_length_may_come_later(int size)
    {
        var file = Sample.Pdf(size);
        var sessionId = await _client.CreateAsync();
        using var created = await _client.CreateUploadAsync(sessionId, null, ("Upload-Defer-Length", "1"), TusClient.Named(file.Name));
        var upload = created.Headers.Location!.ToString();
        using var first = await _client.PatchAsync(upload, 0, file.Content[..^100]);
        using (var head = await _client.HeadAsync(upload))
        {
            Assert.Equal(size - 100, head.Number("Upload-Offset"));
            Assert.Equal("1", head.Header("Upload-Defer-Length"));
            Assert.False(head.Headers.Contains("Upload-Length"));
        }

        foreach (var tooShort in (int[])[0, size - 101, size - 1])
        {
            using var refused = await _client.PatchAsync(upload, size - 100, file.Content[^100..], TusClient.Length(tooShort));
            Assert.Contains(refused.StatusCode, (HttpStatusCode[])[HttpStatusCode.BadRequest, HttpStatusCode.RequestEntityTooLarge]);
        }

        using var withLength = await _client.PatchAsync(upload, size - 100, file.Content[^100..^50], TusClient.Length(size));
        Assert.Equal(HttpStatusCode.NoContent, withLength.StatusCode);
        using (var head = await _client.HeadAsync(upload))
        {
            Assert.Equal(size, head.Number("Upload-Length"));
            Assert.False(head.Headers.Contains("Upload-Defer-Length"));
        }

        using var changed = await _client.PatchAsync(upload, size - 50, file.Content[^50..], TusClient.Length(size + 1));
        await changed.IsProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
        using var rest = await _client.PatchAsync(upload, size - 50, file.Content[^50..], TusClient.Length(size));
        Assert.Equal(HttpStatusCode.NoContent, rest.StatusCode);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task The_length_may_come_after_all_bytes()
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();
        using var created = await _client.CreateUploadAsync(sessionId, file.Content, ("Upload-Defer-Length", "1"), TusClient.Named(file.Name));
        var upload = created.Headers.Location!.ToString();
        Assert.Equal(1_000, await _client.OffsetAsync(upload));

        using var withLength = await _client.PatchAsync(upload, 1_000, [], TusClient.Length(1_000));

        Assert.Equal(HttpStatusCode.NoContent, withLength.StatusCode);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task An_upload_without_a_length_is_held_to_the_file_limit()
    {
        var sessionId = await _client.CreateAsync();
        using var created = await _client.CreateUploadAsync(sessionId, null, ("Upload-Defer-Length", "1"));
        using var request = TusClient.Request(
            HttpMethod.Patch, created.Headers.Location!.ToString(), Sample.Pdf(UploadFixture.MaxFileSize + 1).Content, ("Upload-Offset", "0"));
        request.Headers.TransferEncodingChunked = true;

        using var answer = await _client.SendAsync(request, Token);

        await answer.IsProblemAsync(HttpStatusCode.RequestEntityTooLarge, "file_too_large");
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Fact]
    public async Task The_answers_say_when_an_upload_expires()
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();
        using var created = await _client.CreateUploadAsync(sessionId, null, TusClient.Length(1_000));
        var upload = created.Headers.Location!.ToString();
        using var patched = await _client.PatchAsync(upload, 0, file.Content[..500]);

        var session = await _client.StatusAsync(sessionId);
        foreach (var answer in (HttpResponseMessage[])[created, patched])
        {
            var expires = DateTime.ParseExact(answer.Header("Upload-Expires"), "R", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal);
            Assert.InRange(session.GetProperty("expiresAt").GetDateTime() - expires, TimeSpan.Zero, TimeSpan.FromSeconds(30));
        }
    }

    [Theory]
    [InlineData("max_file_size = 1000", HttpStatusCode.RequestEntityTooLarge, "file_too_large")]
    [InlineData("max_session_size = 1000", HttpStatusCode.RequestEntityTooLarge, "session_too_large")]
    [InlineData("max_outstanding = 1000", HttpStatusCode.InsufficientStorage, "shop_full")]
    public async Task A_length_that_comes_later_is_held_to_the_shop_s_limits(string limit, HttpStatusCode status, string code)
    {
        var client = ResumableClient.Of(Way.Tus, _client, await relay.ShopWithAsync(limit));
        foreach (var size in (int[])[1_001, 1_000])
        {
            var file = Sample.Pdf(size);
            using var created = await client.CreateAsync(await _client.CreateAsync(client.Prefix), file, isLengthKnown: false);

            using var answer = await _client.PatchAsync(created.Headers.Location!.ToString(), 0, file.Content, TusClient.Length(size));

            if (size > 1_000)
                await answer.IsProblemAsync(status, code);
            else
                Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        }
    }
}
