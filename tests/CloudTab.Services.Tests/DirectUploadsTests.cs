using System.Net;
using System.Text;
using CloudTab.Janitor;
using CloudTab.Relay;
using CloudTab.Testing;
using CloudTab.UploadApi;

namespace CloudTab.Services.Tests;

/// <summary>Uploads whose bytes go to S3 past the services.</summary>
public sealed class DirectUploadsTests(DirectFixture relay) : IClassFixture<DirectFixture>
{
    private readonly HttpClient _client = relay.UploadApi();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string, string?> Unreadable => new()
    {
        { "mode", null },
        { "mode", "\"resumable\"" },
        { "size", null },
        { "size", "-1" },
        { "size", "\"many\"" },
        { "size", "1e99" },
        { "sha256", null },
        { "sha256", "\"abc\"" },
        { "sha256", "\"zz00000000000000000000000000000000000000000000000000000000000000\"" },
        { "parts", "[]" },
        { "parts", "[null]" },
        { "parts", "[\"abc\"]" },
        { "parts", "\"one\"" },
    };

    [Theory]
    [InlineData(1, false)]
    [InlineData(1_000, true)]
    [InlineData(ObjectUpload.PartSize, true)]
    [InlineData(ObjectUpload.PartSize + 1, false)]
    [InlineData(ObjectUpload.PartSize + 1, true)]
    [InlineData(UploadFixture.MaxFileSize, true)]
    public async Task A_file_goes_to_S3_and_becomes_one_of_its_session(int size, bool inParts)
    {
        var file = size == 1 ? Sample.Text(1) : Sample.Pdf(size, "ärgerlich.pdf");
        var sessionId = await _client.CreateAsync();

        var upload = await _client.BeginDirectAsync(sessionId, file, inParts);
        Assert.Equal(inParts ? (size + ObjectUpload.PartSize - 1) / ObjectUpload.PartSize : 1, upload.Parts.Count);
        Assert.DoesNotContain((await MultipartOfAsync(sessionId)).Key, await relay.ObjectsAsync());
        foreach (var part in upload.Parts.Reverse())
            await part.SentPartAsync(file);
        var stored = await _client.FinishedAsync(upload);

        Assert.Equal(
            (file.Name, size, size == 1 ? "text/plain" : "application/pdf", file.Sha256),
            (stored.GetProperty("originalName").GetString(), stored.GetProperty("size").GetInt32(), stored.GetProperty("type").GetString(), stored.GetProperty("sha256").GetString()));
        await relay.AssertHoldsAsync(sessionId, file);
        Assert.Equal("open", (await _client.StatusAsync(sessionId)).GetProperty("status").GetString());
        await WithdrawAsync(sessionId);
    }

    [Fact]
    public async Task Finishing_again_answers_the_same_and_changes_nothing()
    {
        var file = Sample.Pdf();
        var (sessionId, upload) = await SentAsync(file);

        var answers = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => _client.FinishedAsync(upload)));

        Assert.Single(answers.Select(answer => answer.GetRawText()).Distinct(StringComparer.Ordinal));
        Assert.Equal(1, (await _client.StatusAsync(sessionId)).GetProperty("fileCount").GetInt32());
        await relay.AssertHoldsAsync(sessionId, file);
        await WithdrawAsync(sessionId);
    }

    [Fact]
    public async Task Finishing_too_early_tells_what_is_missing_with_links_that_work()
    {
        var file = Sample.Pdf(2 * ObjectUpload.PartSize + 1_000);
        var sessionId = await _client.CreateAsync();
        var begun = await _client.BeginDirectAsync(sessionId, file, inParts: true);
        await begun.Parts[1].SentPartAsync(file);

        using var early = await _client.FinishAsync(begun);
        await early.IsProblemAsync(HttpStatusCode.Conflict, "parts_missing");
        var missing = (await early.JsonAsync()).GetProperty("parts").EnumerateArray().ToList();
        Assert.Equal([1, 3], missing.Select(part => part.GetProperty("number").GetInt32()));
        foreach (var part in missing)
            await part.SentPartAsync(file);

        await _client.FinishedAsync(begun);
        await relay.AssertHoldsAsync(sessionId, file);
        await WithdrawAsync(sessionId);
    }

    [Fact]
    public async Task Another_replica_finishes_it_as_well()
    {
        var file = Sample.Pdf();
        var (sessionId, upload) = await SentAsync(file);
        await using var second = relay.StartHost<UploadOptions>();
        using var other = second.Client();

        await other.FinishedAsync(upload);

        await relay.AssertHoldsAsync(sessionId, file);
        await WithdrawAsync(sessionId);
    }

    [Fact]
    public async Task What_was_put_together_before_the_process_died_is_stored_by_the_next_finish()
    {
        var file = Sample.Pdf();
        var (sessionId, upload) = await SentAsync(file);
        var (key, id) = await MultipartOfAsync(sessionId);
        var sent = Assert.Single((await relay.S3.ListPartsAsync(relay.Bucket, key, id, Token)).Parts);
        await relay.S3.CompleteMultipartUploadAsync(
            new()
            {
                BucketName = relay.Bucket,
                Key = key,
                UploadId = id,
                PartETags = [new(1, sent.ETag) { ChecksumSHA256 = Convert.ToBase64String(Convert.FromHexString(file.Sha256)) }],
            },
            Token);

        await _client.FinishedAsync(upload);

        await relay.AssertHoldsAsync(sessionId, file);
        await WithdrawAsync(sessionId);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public async Task S3_takes_no_other_size_than_was_announced(int more)
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();
        var upload = await _client.BeginDirectAsync(sessionId, file);

        using var refused = await upload.Parts[0].SendPartAsync(Sample.Pdf(file.Content.Length + more).Content);

        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        using var finish = await _client.FinishAsync(upload);
        await finish.IsProblemAsync(HttpStatusCode.Conflict, "parts_missing");
        await WithdrawAsync(sessionId);
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Fact]
    public async Task S3_takes_no_other_bytes_than_were_announced()
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();
        var upload = await _client.BeginDirectAsync(sessionId, file);

        using var refused = await upload.Parts[0].SendPartAsync(Sample.Pdf(file.Content.Length).Content);

        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        using var finish = await _client.FinishAsync(upload);
        await finish.IsProblemAsync(HttpStatusCode.Conflict, "parts_missing");
        await WithdrawAsync(sessionId);
    }

    [Fact]
    public async Task A_file_that_is_nothing_to_print_is_refused_and_removed()
    {
        var program = new Sample("a.pdf", [0x7F, 0x45, 0x4C, 0x46, .. new byte[2_000]]);
        var (sessionId, upload) = await SentAsync(program);

        using var finish = await _client.FinishAsync(upload);

        await finish.IsProblemAsync(HttpStatusCode.UnsupportedMediaType, "type_not_accepted");
        await IsGoneAsync(upload);
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Fact]
    public async Task Text_is_looked_at_to_its_end()
    {
        var text = new Sample("a.txt", [.. Sample.Text(ObjectUpload.PartSize).Content, 0]);
        var sessionId = await _client.CreateAsync();
        var upload = await _client.BeginDirectAsync(sessionId, text, inParts: true);
        foreach (var part in upload.Parts)
            await part.SentPartAsync(text);

        using var finish = await _client.FinishAsync(upload);

        await finish.IsProblemAsync(HttpStatusCode.UnsupportedMediaType, "type_not_accepted");
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Fact]
    public async Task Parts_that_are_not_the_file_that_was_announced_end_with_460()
    {
        var (file, other) = (Sample.Pdf(), Sample.Pdf());
        var sessionId = await _client.CreateAsync();
        var announced = DirectClient.Announce(file, inParts: true);
        announced["sha256"] = other.Sha256;
        using var begun = await _client.AnnounceAsync(sessionId, announced);
        var part = Assert.Single((await begun.JsonAsync()).GetProperty("parts").EnumerateArray());
        await part.SentPartAsync(file);

        using var finish = await _client.FinishAsync(new(begun.Headers.Location!.ToString(), []));

        await finish.IsProblemAsync((HttpStatusCode)460, "checksum_mismatch");
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Theory]
    [MemberData(nameof(Unreadable))]
    public async Task An_announcement_that_cannot_be_understood_is_refused(string member, string? value)
    {
        var sessionId = await _client.CreateAsync();
        var announced = DirectClient.Announce(Sample.Pdf());
        announced[member] = value is null ? null : System.Text.Json.Nodes.JsonNode.Parse(value);

        using var answer = await _client.AnnounceAsync(sessionId, announced);

        await answer.IsProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
    }

    [Theory]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("[]")]
    public async Task What_is_no_announcement_is_refused(string body)
    {
        var sessionId = await _client.CreateAsync();
        using var content = new StringContent(body, Encoding.UTF8, "application/json");

        using var answer = await _client.PostAsync($"/api/customer/sessions/{sessionId}/files", content, Token);

        await answer.IsProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
    }

    [Fact]
    public async Task An_empty_file_and_one_that_is_too_large_are_refused()
    {
        var sessionId = await _client.CreateAsync();
        foreach (var (size, status, code) in ((long, HttpStatusCode, string)[])
            [(0, HttpStatusCode.BadRequest, "empty_file"), (UploadFixture.MaxFileSize + 1, HttpStatusCode.RequestEntityTooLarge, "file_too_large")])
        {
            var announced = DirectClient.Announce(Sample.Pdf());
            announced["size"] = size;
            using var answer = await _client.AnnounceAsync(sessionId, announced);
            await answer.IsProblemAsync(status, code);
        }
    }

    [Fact]
    public async Task Uploads_that_have_begun_count_as_files_as_long_as_their_links_work()
    {
        var sessionId = await _client.CreateAsync();
        for (var i = 0; i < 3; i++)
            await _client.BeginDirectAsync(sessionId, Sample.Pdf());
        await relay.ExecuteAsync(
            "UPDATE uploads SET created_at = now() - interval '2 minutes' FROM sessions WHERE sessions.id = session AND session_id = @sessionId", new { sessionId });

        using var fourth = await _client.AnnounceAsync(sessionId, DirectClient.Announce(Sample.Pdf()));

        await fourth.IsProblemAsync(HttpStatusCode.RequestEntityTooLarge, "too_many_files");
        await WithdrawAsync(sessionId);
    }

    [Fact]
    public async Task Only_a_session_that_lives_takes_uploads()
    {
        using var unknown = await _client.AnnounceAsync("0123456789abcdefghjkmnpqrs", DirectClient.Announce(Sample.Pdf()));
        await unknown.IsProblemAsync(HttpStatusCode.NotFound, "session_not_found");
        using var malformed = await _client.AnnounceAsync("x", DirectClient.Announce(Sample.Pdf()));
        await malformed.IsProblemAsync(HttpStatusCode.NotFound, "session_not_found");
        var sessionId = await _client.CreateAsync();
        await WithdrawAsync(sessionId);
        using var closed = await _client.AnnounceAsync(sessionId, DirectClient.Announce(Sample.Pdf()));
        await closed.IsProblemAsync(HttpStatusCode.Gone, "session_closed");

        foreach (var id in (string[])["0123456789abcdefghjkmnpqrs", "x"])
        {
            using var finish = await _client.FinishAsync(new($"/api/customer/uploads/{id}", []));
            await finish.IsProblemAsync(HttpStatusCode.NotFound, "upload_not_found");
        }
    }

    [Fact]
    public async Task A_session_that_ends_takes_what_was_sent_along_and_its_links_work_no_more()
    {
        var file = Sample.Pdf(ObjectUpload.PartSize + 1_000);
        var sessionId = await _client.CreateAsync();
        var upload = await _client.BeginDirectAsync(sessionId, file, inParts: true);
        await upload.Parts[0].SentPartAsync(file);

        await WithdrawAsync(sessionId);

        await relay.AssertNothingLeftAsync(sessionId);
        using var late = await upload.Parts[1].SendPartAsync(upload.Parts[1].BytesOf(file));
        Assert.Equal(HttpStatusCode.NotFound, late.StatusCode);
        await IsGoneAsync(upload);
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Fact]
    public async Task The_Janitor_removes_what_was_abandoned()
    {
        var file = Sample.Pdf();
        var (sessionId, upload) = await SentAsync(file);
        await relay.ExecuteAsync("UPDATE sessions SET expires_at = now() - interval '1 second' WHERE session_id = @sessionId", new { sessionId });
        await IsGoneAsync(upload);

        using var janitor = new Parts(relay);
        await janitor.Get<ExpireSessions>().RunOnceAsync(Token);

        await IsGoneAsync(upload);
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Fact]
    public async Task The_Janitor_leaves_alone_what_is_on_its_way()
    {
        var file = Sample.Pdf();
        var (sessionId, upload) = await SentAsync(file);

        using var janitor = new Parts(relay);
        janitor.Clock.Advance(TimeSpan.FromMinutes(10));
        await janitor.Get<AbandonUploads>().RunOnceAsync(Token);
        await janitor.Get<AbortUploads>().RunOnceAsync(Token);
        await janitor.Get<RemoveFiles>().RunOnceAsync(Token);

        await _client.FinishedAsync(upload);
        await relay.AssertHoldsAsync(sessionId, file);
        await WithdrawAsync(sessionId);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task DELETE_ends_an_upload_and_leaves_nothing(bool finished)
    {
        var (sessionId, upload) = await SentAsync(Sample.Pdf());
        if (finished)
            await _client.FinishedAsync(upload);

        using var answer = await _client.SendAsync(HttpMethod.Delete, upload.Path);

        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        await IsGoneAsync(upload);
        await relay.AssertNothingLeftAsync(sessionId, filesHeld: finished ? 1 : 0);
    }

    [Fact]
    public async Task Links_end_with_their_session_and_finishing_prolongs_it()
    {
        var sessionId = await _client.CreateAsync();
        var upload = await _client.BeginDirectAsync(sessionId, Sample.Pdf());
        Assert.Equal((await _client.StatusAsync(sessionId)).GetProperty("expiresAt").GetDateTime(), upload.ExpiresAt, TimeSpan.FromSeconds(1));
        await relay.ExecuteAsync("UPDATE sessions SET expires_at = now() + interval '1 minute' WHERE session_id = @sessionId", new { sessionId });

        using var early = await _client.FinishAsync(upload);

        var told = await early.JsonAsync();
        Assert.Equal(upload.ExpiresAt, told.GetProperty("expiresAt").GetDateTime(), TimeSpan.FromMinutes(1));
        await WithdrawAsync(sessionId);
    }

    [Fact]
    public async Task Bytes_for_it_are_not_taken_by_tus_nor_tus_uploads_finished()
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();
        var direct = await _client.BeginDirectAsync(sessionId, file);
        using var patch = await _client.PatchAsync(direct.Path, 0, file.Content);
        await patch.IsProblemAsync(HttpStatusCode.Forbidden, "direct_upload");
        var resumable = await _client.BeginAsync(sessionId, file);
        using var finish = await _client.FinishAsync(new(resumable, []));
        await finish.IsProblemAsync(HttpStatusCode.NotFound, "upload_not_found");

        // tus says nothing of the Content-Type of a creation.
        using var creation = TusClient.Request(HttpMethod.Post, $"/api/customer/sessions/{sessionId}/files", null, TusClient.Length(10));
        creation.Content = new ByteArrayContent([]) { Headers = { ContentType = new("application/json") } };
        using var created = await _client.SendAsync(creation, Token);
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        await WithdrawAsync(sessionId);
    }

    [Fact]
    public async Task Finishing_an_upload_of_another_protocol_does_not_interrupt_it()
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();
        var resumable = await _client.BeginAsync(sessionId, file);
        using var socket = await RawPatch.SendAsync(relay.Address, resumable, 0, file.Content.Length, file.Content.AsMemory(0, 400));
        await relay.IsHeldAsync(resumable);

        using var finish = await _client.FinishAsync(new(resumable, []));
        await finish.IsProblemAsync(HttpStatusCode.NotFound, "upload_not_found");

        await socket.SendAsync(file.Content.AsMemory(400), Token);
        Assert.StartsWith("HTTP/1.1 204", await RawHttp.ReadAsync(socket), StringComparison.Ordinal);
        await WithdrawAsync(sessionId);
    }

    [Fact]
    public async Task The_address_of_a_shop_takes_them_too()
    {
        var shop = await relay.ShopAsync();
        var prefix = $"/s/{shop.Id}";
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync(prefix);

        using var begun = await _client.AnnounceAsync(sessionId, DirectClient.Announce(file), prefix);
        Assert.StartsWith($"{prefix}/api/customer/uploads/", begun.Headers.Location!.ToString(), StringComparison.Ordinal);
        await Assert.Single((await begun.JsonAsync()).GetProperty("parts").EnumerateArray()).SentPartAsync(file);

        await _client.FinishedAsync(new(begun.Headers.Location.ToString(), []));
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task An_announcement_of_too_many_words_is_not_read()
    {
        var sessionId = await _client.CreateAsync();
        var announced = DirectClient.Announce(Sample.Pdf());
        announced["name"] = new string('a', 300_000);

        using var answer = await _client.AnnounceAsync(sessionId, announced);

        await answer.IsProblemAsync(HttpStatusCode.RequestEntityTooLarge, "request_too_large");
    }

    [Fact]
    public async Task Where_S3_is_away_nothing_begins_and_nothing_is_left()
    {
        await using var network = new TcpProxy(new Uri(relay.S3.Config.ServiceURL).Port);
        await using var host = StartBehind(network);
        using var client = host.Client();
        var sessionId = await client.CreateAsync();
        network.Cut();

        using var answer = await client.AnnounceAsync(sessionId, DirectClient.Announce(Sample.Pdf()));

        await answer.IsProblemAsync(HttpStatusCode.ServiceUnavailable, "unavailable");
        using var janitor = new Parts(relay);
        janitor.Clock.Advance(Removal.Lease);
        await janitor.Get<RemoveFiles>().RunOnceAsync(Token);
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Fact]
    public async Task Where_S3_breaks_off_while_the_file_is_read_finishing_can_be_repeated()
    {
        var file = Sample.Pdf(2 * ObjectUpload.PartSize);
        var (sessionId, upload) = await SentAsync(file);
        await using var network = new TcpProxy(new Uri(relay.S3.Config.ServiceURL).Port);
        await using var host = StartBehind(network);
        using var client = host.Client();
        network.CutAfter(ObjectUpload.PartSize);

        using (var broken = await client.FinishAsync(upload))
            await broken.IsProblemAsync(HttpStatusCode.ServiceUnavailable, "unavailable");
        // It was put together; it is no file for that.
        Assert.Equal(0, (await _client.StatusAsync(sessionId)).GetProperty("fileCount").GetInt32());
        Assert.DoesNotContain((await MultipartOfAsync(sessionId)).Key, await relay.OpenUploadsAsync());
        network.Restore();

        await client.FinishedAsync(upload);
        await relay.AssertHoldsAsync(sessionId, file);
        await WithdrawAsync(sessionId);
    }

    [Fact]
    public async Task What_S3_has_forgotten_is_gone()
    {
        var (sessionId, upload) = await SentAsync(Sample.Pdf());
        var (key, id) = await MultipartOfAsync(sessionId);
        await relay.S3.AbortMultipartUploadAsync(relay.Bucket, key, id, Token);

        await IsGoneAsync(upload);
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Fact]
    public async Task They_are_off_unless_switched_on()
    {
        await using var host = relay.StartHost<UploadOptions>(new Dictionary<string, string>(StringComparer.Ordinal) { ["DIRECT_UPLOADS"] = "false" });
        using var client = host.Client();
        var sessionId = await client.CreateAsync();

        using var begun = await client.AnnounceAsync(sessionId, DirectClient.Announce(Sample.Pdf()));
        await begun.IsProblemAsync(HttpStatusCode.Forbidden, "direct_uploads_off");
        using var finish = await client.FinishAsync(new("/api/customer/uploads/0123456789abcdefghjkmnpqrs", []));
        await finish.IsProblemAsync(HttpStatusCode.Forbidden, "direct_uploads_off");
    }

    private async Task<(string SessionId, DirectUpload Upload)> SentAsync(Sample file)
    {
        var sessionId = await _client.CreateAsync();
        var upload = await _client.BeginDirectAsync(sessionId, file);
        await Assert.Single(upload.Parts).SentPartAsync(file);
        return (sessionId, upload);
    }

    private ServiceHost<UploadOptions> StartBehind(TcpProxy network) => relay.StartHost<UploadOptions>(
        new Dictionary<string, string>(StringComparer.Ordinal) { ["AWS_ENDPOINT_URL_S3"] = $"http://127.0.0.1:{TusClient.Number(network.Port)}" });

    private async Task<(string Key, string Id)> MultipartOfAsync(string sessionId) => Assert.Single(await relay.ColumnAsync<(string Key, string Id)>(
        "SELECT object_key, multipart_id FROM uploads JOIN files ON files.id = file JOIN sessions ON sessions.id = uploads.session WHERE session_id = @sessionId", new { sessionId }));

    private async Task WithdrawAsync(string sessionId)
    {
        using var withdrawn = await _client.DeleteAsync($"/api/customer/sessions/{sessionId}", Token);
        Assert.Equal(HttpStatusCode.NoContent, withdrawn.StatusCode);
    }

    private async Task IsGoneAsync(DirectUpload upload)
    {
        using var finish = await _client.FinishAsync(upload);
        await finish.IsProblemAsync(HttpStatusCode.Gone, "upload_gone");
    }
}
