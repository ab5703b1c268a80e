using System.Globalization;
using System.Net;
using CloudTab.Janitor;
using CloudTab.Relay;

namespace CloudTab.Services.Tests;

/// <summary>The extensions creation, creation-with-upload, creation-defer-length, expiration and termination.</summary>
public sealed class TusCreationTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    private readonly HttpClient _client = relay.UploadApi();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

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
    public async Task A_creation_says_length_or_that_it_comes_later_but_not_both()
    {
        var sessionId = await _client.CreateAsync();

        using var neither = await _client.CreateUploadAsync(sessionId);
        await neither.IsProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
        using var both = await _client.CreateUploadAsync(sessionId, null, TusClient.Length(10), ("Upload-Defer-Length", "1"));
        await both.IsProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
    }

    [Fact]
    public async Task More_than_the_largest_file_is_refused_with_413()
    {
        var sessionId = await _client.CreateAsync();

        using var answer = await _client.CreateUploadAsync(sessionId, null, TusClient.Length(UploadFixture.MaxFileSize + 1));

        await answer.IsProblemAsync(HttpStatusCode.RequestEntityTooLarge, "file_too_large");
    }

    [Fact]
    public async Task Only_a_session_that_lives_takes_uploads()
    {
        using var unknown = await _client.CreateUploadAsync("0123456789abcdefghjkmnpqrs", null, TusClient.Length(10));
        await unknown.IsProblemAsync(HttpStatusCode.NotFound, "session_not_found");

        var sessionId = await _client.CreateAsync();
        using var cancelled = await _client.DeleteAsync($"/api/customer/sessions/{sessionId}", Token);
        using var closed = await _client.CreateUploadAsync(sessionId, null, TusClient.Length(10));
        await closed.IsProblemAsync(HttpStatusCode.Gone, "session_closed");
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

        using var told = await _client.PatchAsync(upload, size - 100, file.Content[^100..^50], TusClient.Length(size));
        Assert.Equal(HttpStatusCode.NoContent, told.StatusCode);
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
    public async Task The_length_may_come_when_all_bytes_have_come()
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();
        using var created = await _client.CreateUploadAsync(sessionId, file.Content, ("Upload-Defer-Length", "1"), TusClient.Named(file.Name));
        var upload = created.Headers.Location!.ToString();
        Assert.Equal(1_000, await _client.OffsetAsync(upload));

        using var told = await _client.PatchAsync(upload, 1_000, [], TusClient.Length(1_000));

        Assert.Equal(HttpStatusCode.NoContent, told.StatusCode);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task Without_a_length_the_largest_file_is_the_limit_too()
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
    public async Task An_upload_expires_with_its_session()
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

        await relay.ExecuteAsync("UPDATE sessions SET expires_at = now() - interval '1 second' WHERE session_id = @sessionId", new { sessionId });
        await IsGoneAsync(upload);
        await RoundAsync<MarkDue>(due => due.ExpireSessionsAsync);
        await IsGoneAsync(upload);
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Fact]
    public async Task An_upload_of_a_session_that_is_withdrawn_is_gone_at_once()
    {
        var file = Sample.Pdf(ObjectUpload.PartSize + 1_000);
        var sessionId = await _client.CreateAsync();
        var upload = await _client.BeginAsync(sessionId, file);
        using var patched = await _client.PatchAsync(upload, 0, file.Content[..^500]);
        Assert.Single(await relay.OpenUploadsAsync());

        using var withdrawn = await _client.DeleteAsync($"/api/customer/sessions/{sessionId}", Token);

        await relay.AssertNothingLeftAsync(sessionId);
        await IsGoneAsync(upload);
    }

    [Fact]
    public async Task An_upload_lives_no_longer_than_a_file()
    {
        var file = Sample.Pdf(ObjectUpload.PartSize + 1_000);
        var sessionId = await _client.CreateAsync();
        var upload = await _client.BeginAsync(sessionId, file);
        using var patched = await _client.PatchAsync(upload, 0, file.Content[..^500]);
        await relay.ExecuteAsync(
            "UPDATE uploads SET created_at = now() - interval '25 hours' FROM sessions WHERE sessions.id = session AND session_id = @sessionId", new { sessionId });

        await IsGoneAsync(upload);
        await RoundAsync<MarkDue>(due => due.ExpireUploadsAsync);
        await IsGoneAsync(upload);
        await relay.AssertNothingLeftAsync(sessionId);
        Assert.Equal("open", (await _client.StatusAsync(sessionId)).GetProperty("status").GetString());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(500)]
    [InlineData(ObjectUpload.PartSize + 500)]
    [InlineData(ObjectUpload.PartSize + 1_000)]
    public async Task DELETE_ends_an_upload_and_leaves_nothing(int received)
    {
        var file = Sample.Pdf(ObjectUpload.PartSize + 1_000);
        var sessionId = await _client.CreateAsync();
        var upload = await _client.BeginAsync(sessionId, file);
        using var patched = await _client.PatchAsync(upload, 0, file.Content[..received]);

        using var answer = await _client.SendAsync(HttpMethod.Delete, upload);

        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        await IsGoneAsync(upload);
        Assert.Equal(0, (await _client.StatusAsync(sessionId)).GetProperty("fileCount").GetInt32());
        // A file that was stored is remembered, without its bytes.
        await relay.AssertNothingLeftAsync(sessionId, filesHeld: received == file.Content.Length ? 1 : 0);
        Assert.Empty(await relay.ColumnAsync<string>(
            "SELECT files.status FROM files JOIN sessions ON sessions.id = session WHERE session_id = @sessionId AND files.status <> 'deleted'", new { sessionId }));
    }

    [Fact]
    public async Task A_file_that_the_shop_works_on_cannot_be_taken_back()
    {
        var sessionId = await _client.CreateAsync();
        var upload = await _client.BeginAsync(sessionId, Sample.Pdf());
        using var patched = await _client.PatchAsync(upload, 0, Sample.Pdf().Content);
        await relay.ExecuteAsync(
            """
            INSERT INTO api_keys (id, shop_id, name, prefix, sha256, created_at) VALUES (@key, 'default', 'desk', 'ctk_', @hash, now());
            UPDATE sessions SET status = 'processing', submitted_at = now(), claimed_by = @key, claimed_until = now() + interval '1 hour' WHERE session_id = @sessionId
            """,
            new { sessionId, key = Guid.NewGuid(), hash = new byte[32] });

        using var answer = await _client.SendAsync(HttpMethod.Delete, upload);

        await answer.IsProblemAsync(HttpStatusCode.Conflict, "already_claimed");
        await relay.ExecuteAsync(
            "UPDATE sessions SET status = 'cancelled', ended_at = now(), claimed_until = NULL WHERE session_id = @sessionId", new { sessionId });
        await RoundAsync<RemoveFiles>(duty => duty.RunOnceAsync);
    }

    private async Task IsGoneAsync(string upload)
    {
        using var head = await _client.HeadAsync(upload);
        Assert.Equal(HttpStatusCode.Gone, head.StatusCode);
        Assert.False(head.Headers.Contains("Upload-Offset"));
        using var patch = await _client.PatchAsync(upload, 0, [1]);
        await patch.IsProblemAsync(HttpStatusCode.Gone, "upload_gone");
        using var delete = await _client.SendAsync(HttpMethod.Delete, upload);
        await delete.IsProblemAsync(HttpStatusCode.Gone, "upload_gone");
    }

    private async Task RoundAsync<TDuty>(Func<TDuty, Func<CancellationToken, Task<Batch>>> runOnce)
        where TDuty : class
    {
        using var janitor = new StateMachine(relay);
        await runOnce(janitor.Get<TDuty>())(Token);
    }
}

/// <summary>What a session may hold counts for uploads that have only begun, too.</summary>
public sealed class TusLimitsTests(SmallLimitsFixture relay) : IClassFixture<SmallLimitsFixture>
{
    private readonly HttpClient _client = relay.UploadApi();

    [Fact]
    public async Task Uploads_that_have_begun_count_as_files()
    {
        var sessionId = await _client.CreateAsync();
        await _client.SentAsync(sessionId, Sample.Pdf(10));
        await _client.BeginAsync(sessionId, Sample.Pdf(10));
        var third = await _client.BeginAsync(sessionId, Sample.Pdf(10));

        using var fourth = await _client.CreateUploadAsync(sessionId, null, TusClient.Length(10));
        await fourth.IsProblemAsync(HttpStatusCode.RequestEntityTooLarge, "too_many_files");

        using var ended = await _client.SendAsync(HttpMethod.Delete, third);
        await _client.BeginAsync(sessionId, Sample.Pdf(10));
    }

    [Fact]
    public async Task Uploads_that_never_got_a_byte_stop_counting_after_a_minute()
    {
        var sessionId = await _client.CreateAsync();
        for (var i = 0; i < 3; i++)
            await _client.BeginAsync(sessionId, Sample.Pdf(10));
        await relay.ExecuteAsync("UPDATE uploads SET created_at = created_at - interval '2 minutes'");

        await _client.SentAsync(sessionId, Sample.Pdf(10));

        using var begun = await _client.CreateUploadAsync(sessionId, null, TusClient.Length(10));
        Assert.Equal(HttpStatusCode.Created, begun.StatusCode);
    }

    [Fact]
    public async Task Uploads_that_have_begun_count_with_what_they_announced()
    {
        var sessionId = await _client.CreateAsync();
        await _client.BeginAsync(sessionId, Sample.Pdf(1_000));
        await _client.BeginAsync(sessionId, Sample.Pdf(1_000));

        using var over = await _client.CreateUploadAsync(sessionId, null, TusClient.Length(501));
        await over.IsProblemAsync(HttpStatusCode.RequestEntityTooLarge, "session_too_large");
        await _client.BeginAsync(sessionId, Sample.Pdf(500));
    }

    [Fact]
    public async Task Two_that_found_room_at_the_same_time_do_not_both_get_it()
    {
        var sessionId = await _client.CreateAsync();
        var upload = await _client.BeginAsync(sessionId, Sample.Pdf(1_000));
        await relay.ExecuteAsync("UPDATE sessions SET total_size = 2000, file_count = 2 WHERE session_id = @sessionId", new { sessionId });

        using var answer = await _client.PatchAsync(upload, 0, Sample.Pdf(1_000).Content);

        await answer.IsProblemAsync(HttpStatusCode.RequestEntityTooLarge, "session_too_large");
        await relay.AssertNothingLeftAsync(sessionId);
    }
}
