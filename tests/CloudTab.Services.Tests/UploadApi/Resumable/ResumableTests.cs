using System.Net;
using System.Net.Sockets;
using CloudTab.Janitor;
using CloudTab.Relay;
using CloudTab.Testing;
using CloudTab.UploadApi;
using Microsoft.Extensions.DependencyInjection;

namespace CloudTab.Services.Tests;

/// <summary>Rules for an upload that has an address, which are the same for tus and for Resumable Uploads for HTTP.</summary>
public sealed class ResumableTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    private static readonly Way[] Both = [Way.Tus, Way.Ietf];

    private readonly HttpClient _client = relay.UploadApi();

    public static TheoryData<Way> Protocols => new(Both);

    public static TheoryData<Way, int, int> Steps
    {
        get
        {
            var data = new TheoryData<Way, int, int>();
            foreach (var way in Both)
            {
                data.Add(way, 3_000, 1_000);
                data.Add(way, 1_030, 1);
                data.Add(way, ObjectUpload.PartSize * 2, ObjectUpload.PartSize / 2);
                data.Add(way, ObjectUpload.PartSize * 2, ObjectUpload.PartSize);
                data.Add(way, UploadFixture.MaxFileSize, 3_333_333);
                data.Add(way, UploadFixture.MaxFileSize, 9_999_999);
            }

            return data;
        }
    }

    public static MatrixTheoryData<Way, int> Received => new(Both, [0, 500, ObjectUpload.PartSize + 500, ObjectUpload.PartSize + 1_000]);

    public static MatrixTheoryData<Way, string> Ends => new(Both, ["expired", "withdrawn", "older than a file may be"]);

    public static MatrixTheoryData<Way, string> Unknown => new(Both, ["0123456789abcdefghjkmnpqrs", "no-upload-has-this-id"]);

    [Theory]
    [MemberData(nameof(Steps))]
    public async Task A_file_arrives_in_many_requests(Way way, int size, int step)
    {
        var client = ResumableClient.Of(way, _client);
        var file = Sample.Pdf(size);
        var (sessionId, upload) = await client.BegunAsync(file);
        var next = Math.Max(step, size - (20 * step));

        for (var offset = 0; offset < size; offset += next, next = Math.Min(step, size - offset))
        {
            await client.AppendedAsync(upload, offset, file.Content[offset..(offset + next)], isLast: offset + next == size);
            Assert.Equal(offset + next, await client.OffsetAsync(upload));
        }

        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Theory]
    [MemberData(nameof(Unknown))]
    public async Task An_unknown_upload_is_not_found(Way way, string uploadId) =>
        await ResumableClient.Of(way, _client).IsAbsentAsync($"/api/customer/uploads/{uploadId}", HttpStatusCode.NotFound, "upload_not_found");

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task An_upload_is_found_at_its_own_shop_s_address_only(Way way)
    {
        var prefix = $"/s/{(await relay.ShopAsync()).Id}";
        var client = ResumableClient.Of(way, _client, prefix);
        var file = Sample.Pdf();
        var (_, upload) = await client.BegunAsync(file);

        Assert.StartsWith($"{prefix}/api/customer/uploads/", upload, StringComparison.Ordinal);
        await client.IsAbsentAsync(upload[prefix.Length..], HttpStatusCode.NotFound, "upload_not_found");
        await client.CompletedAsync(upload, file, from: 0);
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task A_file_that_cannot_be_printed_is_refused_as_its_first_bytes_arrive(Way way)
    {
        var client = ResumableClient.Of(way, _client);
        var program = new Sample("a.pdf", [0x7F, .. "ELF"u8, .. new byte[3_000_000]]);
        var (sessionId, upload) = await client.BegunAsync(program, received: 500);

        using var answer = await client.AppendAsync(upload, 500, program.Content[500..2_000], isLast: false);

        await client.IsRefusedAsync(answer, HttpStatusCode.UnsupportedMediaType, "type_not_accepted");
        await relay.AssertNothingLeftAsync(sessionId);
        await client.IsGoneAsync(upload);
    }

    [Theory]
    [MemberData(nameof(Received))]
    public async Task Deleting_an_upload_leaves_nothing(Way way, int received)
    {
        var client = ResumableClient.Of(way, _client);
        var file = Sample.Pdf(ObjectUpload.PartSize + 1_000);
        var (sessionId, upload) = await client.BegunAsync(file, received);

        using var answer = await client.DeleteAsync(upload);

        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        await client.IsGoneAsync(upload);
        Assert.Equal(0, (await _client.StatusAsync(sessionId)).GetProperty("fileCount").GetInt32());
        // The row of a stored file stays, without its bytes.
        await relay.AssertNothingLeftAsync(sessionId, filesHeld: received == file.Content.Length ? 1 : 0);
        Assert.Empty(await relay.ColumnAsync<string>(
            "SELECT files.status FROM files JOIN sessions ON sessions.id = session WHERE session_id = @sessionId AND files.status <> 'deleted'", new { sessionId }));
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task The_file_of_a_claimed_session_cannot_be_deleted(Way way)
    {
        var shop = await relay.ShopAsync();
        var client = ResumableClient.Of(way, _client, $"/s/{shop.Id}");
        var (sessionId, upload) = await client.BegunAsync(Sample.Pdf(), received: 1_000);
        await relay.ClaimAsync(shop, sessionId, isSubmitted: false);

        using var answer = await client.DeleteAsync(upload);

        await client.IsRejectedAsync(answer, HttpStatusCode.Conflict, "already_claimed");
    }

    [Theory]
    [MemberData(nameof(Ends))]
    public async Task An_upload_is_gone_as_soon_as_it_ends_and_leaves_nothing(Way way, string end)
    {
        var client = ResumableClient.Of(way, _client);
        var file = Sample.Pdf(ObjectUpload.PartSize + 1_000);
        var (sessionId, upload) = await client.BegunAsync(file, received: file.Content.Length - 500);
        Assert.Single(await relay.OpenUploadsAsync());

        if (end == "withdrawn")
        {
            await _client.WithdrawAsync(sessionId);
            await relay.AssertNothingLeftAsync(sessionId);
        }
        else
        {
            await relay.ExecuteAsync(
                end == "expired"
                    ? "UPDATE sessions SET expires_at = now() - interval '1 second' WHERE session_id = @sessionId"
                    : "UPDATE uploads SET created_at = now() - interval '25 hours' FROM sessions WHERE sessions.id = session AND session_id = @sessionId",
                new { sessionId });
        }

        await client.IsGoneAsync(upload);
        using var janitor = new StateMachine(relay);
        await janitor.Get<MarkDue>().ExpireSessionsAsync(Token);
        await janitor.Get<MarkDue>().ExpireUploadsAsync(Token);
        await client.IsGoneAsync(upload);
        await relay.AssertNothingLeftAsync(sessionId);
        Assert.Equal(end switch { "withdrawn" => "cancelled", "expired" => "expired", _ => "open" }, (await _client.StatusAsync(sessionId)).Text("status"));
    }

    // At the same time: each waits for longer than a lease.
    [Fact]
    public Task An_upload_whose_lock_is_not_released_is_423() => Task.WhenAll(Both.Select(IsLockedAsync));

    private async Task IsLockedAsync(Way way)
    {
        var client = ResumableClient.Of(way, _client);
        var (_, upload) = await client.BegunAsync(Sample.Pdf());
        await relay.ExecuteAsync(
            "UPDATE uploads SET holder = @deaf, held_until = 'infinity' WHERE upload_id = @id", new { deaf = Guid.NewGuid(), id = UploadFixture.IdOf(upload) });

        var answers = await Task.WhenAll(client.AskAsync(upload), client.AppendAsync(upload, 0, [1], isLast: false), client.DeleteAsync(upload));

        Assert.Equal(HttpStatusCode.Locked, answers[0].StatusCode);
        await client.IsRejectedAsync(answers[1], HttpStatusCode.Locked, "upload_locked");
        await client.IsRejectedAsync(answers[2], HttpStatusCode.Locked, "upload_locked");
        await relay.ExecuteAsync("UPDATE uploads SET holder = NULL, held_until = NULL WHERE upload_id = @id", new { id = UploadFixture.IdOf(upload) });
        Assert.Equal(0, await client.OffsetAsync(upload));
        foreach (var answer in answers)
            answer.Dispose();
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task A_request_cut_at_any_byte_keeps_every_byte_that_came(Way way)
    {
        const int seed = 4711;
        var random = new Random(seed);
        var client = ResumableClient.Of(way, _client);
        var file = Sample.Pdf(UploadFixture.MaxFileSize);
        var (sessionId, upload) = await client.BegunAsync(file);

        var offset = 0;
        for (var round = 0; round < 20; round++)
        {
            var count = random.Next(1, round % 3 == 0 ? 2_000 : (UploadFixture.MaxFileSize - offset) / 4);
            using (await client.OpenAsync(relay.Address, upload, file, offset, count))
            {
                // The peer closes in order; its last bytes are on their way.
            }

            // HEAD would take the upload from the request that is still being read.
            await relay.IsReleasedAsync(upload, before: offset);
            offset += count;
            Assert.Equal(offset, await client.OffsetAsync(upload));
        }

        await client.CompletedAsync(upload, file, offset);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task A_connection_that_is_reset_loses_only_what_had_not_been_read(Way way)
    {
        var client = ResumableClient.Of(way, _client);
        var file = Sample.Pdf(UploadFixture.MaxFileSize);
        var (sessionId, upload) = await client.BegunAsync(file);
        var offset = 0L;
        for (var round = 0; round < 10; round++)
        {
            using (var socket = await client.OpenAsync(relay.Address, upload, file, (int)offset, 1_000_000))
                socket.LingerState = new LingerOption(enable: true, seconds: 0);
            var kept = await client.OffsetAsync(upload);
            Assert.InRange(kept, offset, offset + 1_000_000);
            offset = kept;
        }

        await client.CompletedAsync(upload, file, offset);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task The_next_request_interrupts_one_in_progress_and_keeps_its_bytes(Way way)
    {
        var client = ResumableClient.Of(way, _client);
        var file = Sample.Pdf(UploadFixture.MaxFileSize);
        var (sessionId, upload) = await client.BegunAsync(file);
        using var first = await client.OpenAsync(relay.Address, upload, file, offset: 0, count: 3_000_000);
        await relay.IsLockedAsync(upload);

        Assert.Equal(3_000_000, await client.OffsetAsync(upload));
        Assert.StartsWith("HTTP/1.1 409", await RawHttp.ReadAsync(first), StringComparison.Ordinal);

        using var second = await client.OpenAsync(relay.Address, upload, file, offset: 3_000_000, count: 1_000);
        await relay.IsLockedAsync(upload);
        using var deleted = await client.DeleteAsync(upload);
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        Assert.StartsWith("HTTP/1.1 409", await RawHttp.ReadAsync(second), StringComparison.Ordinal);
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task An_upload_keeps_what_it_has_while_S3_is_down(Way way)
    {
        var file = Sample.Pdf();
        var (sessionId, upload) = await ResumableClient.Of(way, _client).BegunAsync(file, received: 400);
        await using var network = relay.NetworkToS3();
        await using var host = relay.StartHost<UploadOptions>(network);
        using var http = host.Client();
        var client = ResumableClient.Of(way, http);
        network.Cut();

        using (var answer = await client.AppendAsync(upload, 400, file.Content[400..], isLast: true))
            await answer.IsProblemAsync(HttpStatusCode.ServiceUnavailable, "unavailable");
        network.Restore();

        Assert.Equal(400, await client.OffsetAsync(upload));
        await client.CompletedAsync(upload, file, from: 400);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task A_silent_client_is_answered_408_and_keeps_what_it_sent(Way way)
    {
        await using var host = relay.StartHost<UploadOptions>(("UPLOAD_SILENCE", "1000"));
        using var http = host.Client();
        var client = ResumableClient.Of(way, http);
        var file = Sample.Pdf(100_000);
        var (sessionId, upload) = await client.BegunAsync(file);

        using var socket = await client.OpenAsync(host.Address, upload, file, offset: 0, count: 50_000);

        Assert.StartsWith("HTTP/1.1 408", await RawHttp.ReadAsync(socket), StringComparison.Ordinal);
        Assert.Equal(50_000, await client.OffsetAsync(upload));
        await client.CompletedAsync(upload, file, from: 50_000);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task A_slow_client_is_answered_503_when_memory_runs_short_and_keeps_what_it_sent(Way way)
    {
        await using var host = relay.StartHost<UploadOptions>(("UPLOAD_MEMORY", $"{ObjectUpload.PartSize}"));
        using var http = host.Client();
        var client = ResumableClient.Of(way, http);
        var slow = Sample.Pdf(300_000);
        var (slowSession, upload) = await client.BegunAsync(slow);
        using var socket = await client.OpenAsync(host.Address, upload, slow, offset: 0, count: 100_000);
        await UntilAsync(() => host.Services.GetRequiredService<UploadMemory>().InUse >= 100_000);

        var fast = Sample.Pdf(ObjectUpload.PartSize + 1_000);
        var fastSession = await http.CreateAsync();
        await client.SentAsync(fastSession, fast);

        var answer = await RawHttp.ReadAsync(socket);
        Assert.StartsWith("HTTP/1.1 503", answer, StringComparison.Ordinal);
        Assert.Contains("Retry-After:", answer, StringComparison.Ordinal);
        Assert.Equal(100_000, await client.OffsetAsync(upload));
        await client.CompletedAsync(upload, slow, from: 100_000);
        await relay.AssertHoldsAsync(slowSession, slow);
        await relay.AssertHoldsAsync(fastSession, fast);
    }

    [Fact]
    public async Task A_small_upload_that_could_not_be_stored_is_kept_once_and_finished_without_sending_it_again()
    {
        await using var host = HostWithoutItsScanner();
        using var strict = host.Client();
        var file = Sample.Pdf(20_000);
        var (sessionId, upload) = await strict.BegunAsync(file);
        using (var refused = await strict.PatchAsync(upload, 0, file.Content))
            await refused.IsProblemAsync(HttpStatusCode.ServiceUnavailable, "unavailable");
        for (var i = 0; i < 2; i++)
        {
            using var asked = await strict.HeadAsync(upload);
            Assert.Equal(HttpStatusCode.Locked, asked.StatusCode);
        }

        var key = await relay.ScalarAsync<string>(
            "SELECT object_key FROM files JOIN uploads ON uploads.file = files.id WHERE upload_id = @id", new { id = UploadFixture.IdOf(upload) });
        Assert.Single(await relay.ObjectsAsync(), one => one.StartsWith(key!, StringComparison.Ordinal));
        Assert.Equal(file.Content.Length, await _client.OffsetAsync(upload));
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task Reading_a_file_back_again_and_again_is_charged_like_sending_it()
    {
        var file = Sample.Pdf(ObjectUpload.PartSize + 1_000);
        await using var network = relay.NetworkToS3();
        await using var host = HostWithoutItsScanner(
            ("AWS_ENDPOINT_URL_S3", $"http://127.0.0.1:{network.Port}"), ("RATE_LIMIT_BYTES_PER_MINUTE", $"{2 * file.Content.Length + 1}"));
        using var client = host.Client();
        var (sessionId, upload) = await client.BegunAsync(file);
        using (var refused = await client.PatchAsync(upload, 0, file.Content))
            await refused.IsProblemAsync(HttpStatusCode.ServiceUnavailable, "unavailable");
        using (var first = await client.HeadAsync(upload))
            Assert.Equal(HttpStatusCode.Locked, first.StatusCode);
        // A chunked body does not say beforehand that it is empty.
        using (var request = TusClient.Request(HttpMethod.Patch, upload, [], ("Upload-Offset", $"{file.Content.Length}")))
        {
            request.Headers.TransferEncodingChunked = true;
            using var second = await client.SendAsync(request, Token);
            await second.IsProblemAsync(HttpStatusCode.ServiceUnavailable, "unavailable");
        }

        network.HoldFrom = $"GET /{relay.Bucket}/2";
        using (var third = await client.HeadAsync(upload))
            Assert.Equal(HttpStatusCode.Locked, third.StatusCode);

        Assert.Equal(0, network.HeldConnections);
        await _client.WithdrawAsync(sessionId);
    }

    [Fact]
    public async Task Finishing_a_direct_upload_again_and_again_is_charged_like_sending_it()
    {
        var file = Sample.Pdf(20_000);
        await using var host = HostWithoutItsScanner(("RATE_LIMIT_BYTES_PER_MINUTE", $"{file.Content.Length + 1}"));
        using var client = host.Client();
        var (sessionId, upload) = await client.SentAsync(file);
        for (var i = 0; i < 2; i++)
        {
            using var unstored = await client.FinishAsync(upload);
            await unstored.IsProblemAsync(HttpStatusCode.ServiceUnavailable, "unavailable");
        }

        using var refused = await client.FinishAsync(upload);

        await refused.IsProblemAsync(HttpStatusCode.TooManyRequests, "too_many_requests");
        Assert.NotNull(refused.Headers.RetryAfter);
        // It is kept, and stored once that is possible.
        await _client.FinishedAsync(upload);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task An_address_that_has_used_up_its_bytes_may_ask_for_offsets_but_send_nothing(Way way)
    {
        await using var host = relay.StartHost<UploadOptions>(("RATE_LIMIT_BYTES_PER_MINUTE", "100000"));
        using var http = host.Client();
        var client = ResumableClient.Of(way, http);
        var file = Sample.Pdf(200_000);
        // A request that begins within the limit may finish.
        var (_, upload) = await client.BegunAsync(file, received: 150_000);

        using var refused = await client.AppendAsync(upload, 150_000, file.Content[150_000..], isLast: true);

        await refused.IsProblemAsync(HttpStatusCode.TooManyRequests, "too_many_requests");
        Assert.InRange(refused.Headers.RetryAfter?.Delta ?? default, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1));
        Assert.Equal(150_000, await client.OffsetAsync(upload));
    }

    // Nothing listens at the scanner's address, so it stores no file.
    private ServiceHost<UploadOptions> HostWithoutItsScanner(params (string Name, string Value)[] settings) =>
        relay.StartHost<UploadOptions>([("CLAMD_ADDRESS", $"127.0.0.1:{ChildProcess.FreePort()}"), ("SCAN_REQUIRED", "true"), .. settings]);
}

/// <summary>Uploads that have only begun count against the limits of their session.</summary>
public sealed class ResumableLimitsTests(SmallLimitsFixture relay) : IClassFixture<SmallLimitsFixture>
{
    private readonly HttpClient _client = relay.UploadApi();

    public static TheoryData<Way> Protocols => new(Way.Tus, Way.Ietf);

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task Uploads_that_have_begun_count_as_files(Way way)
    {
        var client = ResumableClient.Of(way, _client);
        var sessionId = await _client.CreateAsync();
        await client.SentAsync(sessionId, Sample.Pdf(10));
        await client.BeginAsync(sessionId, Sample.Pdf(10));
        var third = await client.BeginAsync(sessionId, Sample.Pdf(10));

        await client.RefusedAsync(sessionId, Sample.Pdf(10), HttpStatusCode.RequestEntityTooLarge, "too_many_files");

        using var deleted = await client.DeleteAsync(third);
        await client.BeginAsync(sessionId, Sample.Pdf(10));
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task Uploads_that_never_got_a_byte_stop_counting_after_a_minute(Way way)
    {
        var client = ResumableClient.Of(way, _client);
        var sessionId = await _client.CreateAsync();
        for (var i = 0; i < 3; i++)
            await client.BeginAsync(sessionId, Sample.Pdf(10));
        await relay.ExecuteAsync("UPDATE uploads SET created_at = created_at - interval '2 minutes'");

        await client.SentAsync(sessionId, Sample.Pdf(10));
        await client.BeginAsync(sessionId, Sample.Pdf(10));
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task Uploads_that_were_ended_count_towards_all_that_a_session_may_begin(Way way)
    {
        var client = ResumableClient.Of(way, _client);
        var sessionId = await _client.CreateAsync();
        const int most = 100 + 3 * 10;
        for (var count = 0; count < most; count++)
        {
            using var deleted = await client.DeleteAsync(await client.BeginAsync(sessionId, Sample.Pdf(10)));
            Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        }

        await client.RefusedAsync(sessionId, Sample.Pdf(10), HttpStatusCode.RequestEntityTooLarge, "too_many_files");
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Theory]
    [InlineData(Way.Form)]
    [InlineData(Way.Tus)]
    [InlineData(Way.Ietf)]
    [InlineData(Way.Direct)]
    public async Task An_address_begins_only_so_many_uploads_in_a_minute(Way way)
    {
        await using var host = relay.StartHost<UploadOptions>(("RATE_LIMIT_UPLOADS_PER_MINUTE", "2"), ("MAX_FILES_PER_SESSION", "2"));
        using var http = host.Client();
        var client = UploadClient.Of(way, http);
        var sessionId = await http.CreateAsync();
        await client.SentAsync(sessionId, Sample.Pdf(10));
        await client.SentAsync(sessionId, Sample.Pdf(10));

        using var refused = await client.SendAsync(sessionId, Sample.Pdf(10));

        await refused.IsProblemAsync(HttpStatusCode.TooManyRequests, "too_many_requests");
        Assert.InRange(refused.Headers.RetryAfter?.Delta ?? default, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1));
        if (way == Way.Tus)
            Assert.Equal("1.0.0", refused.Header("Tus-Resumable"));
    }

    [Fact]
    public async Task Each_file_of_a_form_counts_as_an_upload_of_its_address()
    {
        await using var host = relay.StartHost<UploadOptions>(("RATE_LIMIT_UPLOADS_PER_MINUTE", "3"), ("MAX_FILES_PER_SESSION", "3"));
        using var http = host.Client();
        var (sent, refused) = (await http.CreateAsync(), await http.CreateAsync());
        await http.UploadedAsync(sent, Sample.Pdf(10), Sample.Pdf(10));

        using var answer = await http.UploadAsync(refused, Sample.Pdf(10), Sample.Pdf(10));

        await answer.IsProblemAsync(HttpStatusCode.TooManyRequests, "too_many_requests");
        Assert.Equal(TimeSpan.FromMinutes(1), answer.Headers.RetryAfter?.Delta);
        await relay.AssertNothingLeftAsync(refused);
    }

    [Fact]
    public async Task An_address_asks_only_so_many_times_in_a_minute_to_finish_direct_uploads()
    {
        await using var host = relay.StartHost<UploadOptions>(("RATE_LIMIT_UPLOADS_PER_MINUTE", "2"), ("MAX_FILES_PER_SESSION", "2"));
        using var http = host.Client();
        var upload = await http.BeginDirectAsync(await http.CreateAsync(), Sample.Pdf(10));
        for (var i = 0; i < 2; i++)
        {
            using var early = await http.FinishAsync(upload);
            await early.IsProblemAsync(HttpStatusCode.Conflict, "parts_missing");
        }

        using var refused = await http.FinishAsync(upload);

        await refused.IsProblemAsync(HttpStatusCode.TooManyRequests, "too_many_requests");
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task Uploads_that_have_begun_count_with_the_length_they_announced(Way way)
    {
        var client = ResumableClient.Of(way, _client);
        var sessionId = await _client.CreateAsync();
        await client.BeginAsync(sessionId, Sample.Pdf(1_000));
        await client.BeginAsync(sessionId, Sample.Pdf(1_000));

        await client.RefusedAsync(sessionId, Sample.Pdf(501), HttpStatusCode.RequestEntityTooLarge, "session_too_large");

        await client.BeginAsync(sessionId, Sample.Pdf(500));
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task Of_two_uploads_that_found_room_at_the_same_time_only_one_is_stored(Way way)
    {
        var client = ResumableClient.Of(way, _client);
        var (sessionId, upload) = await client.BegunAsync(Sample.Pdf());
        await relay.ExecuteAsync("UPDATE sessions SET total_size = 2000, file_count = 2 WHERE session_id = @sessionId", new { sessionId });

        using var answer = await client.AppendAsync(upload, 0, Sample.Pdf().Content, isLast: true);

        await client.IsRefusedAsync(answer, HttpStatusCode.RequestEntityTooLarge, "session_too_large");
        await relay.AssertNothingLeftAsync(sessionId);
    }
}
