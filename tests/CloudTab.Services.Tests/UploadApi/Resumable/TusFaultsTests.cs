using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using CloudTab.Janitor;
using CloudTab.Relay;
using CloudTab.UploadApi;
using Microsoft.Extensions.DependencyInjection;

namespace CloudTab.Services.Tests;

/// <summary>Uploads when a connection, a process, or one of its dependencies fails. tus stands for every protocol here.</summary>
public sealed class TusFaultsTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    private readonly HttpClient _client = relay.UploadApi();

    [Theory]
    [InlineData(1_000, 400)]
    [InlineData(UploadFixture.MaxFileSize, ObjectUpload.PartSize + 400)]
    public async Task Another_replica_takes_over_an_upload_within_a_second(int size, int sent)
    {
        var file = Sample.Pdf(size);
        var (sessionId, upload) = await _client.BegunAsync(file);
        await using var second = relay.StartHost<UploadOptions>();
        using var other = second.Client();
        // The takeover is measured, not a replica's first request.
        Assert.Equal(0, await other.OffsetAsync(upload));
        using var socket = await RawPatch.SendAsync(relay.Address, upload, 0, size, file.Content.AsMemory(0, sent));
        await relay.IsLockedAsync(upload);

        var waited = Stopwatch.StartNew();
        var offset = await other.OffsetAsync(upload);

        Assert.InRange(waited.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(1));
        Assert.InRange(offset, 0, sent);
        Assert.StartsWith("HTTP/1.1 409", await RawHttp.ReadAsync(socket), StringComparison.Ordinal);
        await other.CompletedAsync(upload, file, from: offset);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task An_upload_taken_over_while_its_tail_is_loading_is_not_stored_without_the_tail()
    {
        // Another upload uses the one block of memory that loading the tail needs.
        await using var host = relay.StartHost<UploadOptions>(("UPLOAD_MEMORY", $"{ObjectUpload.PartSize}"), ("UPLOAD_MINIMUM_RATE", "1"));
        using var client = host.Client();
        var file = Sample.Pdf();
        var sessionId = await client.CreateAsync();
        using var created = await client.CreateUploadAsync(sessionId, file.Content, ("Upload-Defer-Length", "1"), TusClient.Named(file.Name));
        var upload = created.Headers.Location!.ToString();
        var large = RawUpload.Body(Sample.Pdf(ObjectUpload.PartSize - 1_000));
        using var other = await RawUpload.SendAsync(host.Address, await client.CreateAsync(), large.Length, large.AsMemory(0, large.Length - 100));
        await UntilAsync(() => host.Services.GetRequiredService<UploadMemory>().InUse == ObjectUpload.PartSize);

        var completing = client.PatchAsync(upload, file.Content.Length, [], TusClient.Length(file.Content.Length));
        await relay.IsLockedAsync(upload);
        var asking = client.HeadAsync(upload);
        using var interrupted = await completing;
        await interrupted.IsProblemAsync(HttpStatusCode.Conflict, "upload_interrupted");

        await other.SendAsync(large.AsMemory(large.Length - 100), Token);
        using var head = await asking;
        Assert.Equal(file.Content.Length, head.Number("Upload-Offset"));
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task A_truncated_tail_is_reported_as_an_outage_and_stores_no_file()
    {
        var file = Sample.Pdf();
        var (sessionId, upload) = await _client.BegunAsync(file);
        using var first = await _client.PatchAsync(upload, 0, file.Content[..400]);
        var tail = await relay.ScalarAsync<string>("SELECT tail_keys[1] FROM uploads WHERE upload_id = @id", new { id = UploadFixture.IdOf(upload) });
        await relay.S3.PutObjectAsync(new() { BucketName = relay.Bucket, Key = tail, InputStream = new MemoryStream(file.Content[..100]) }, Token);

        using var rest = await _client.PatchAsync(upload, 400, file.Content[400..]);

        await rest.IsProblemAsync(HttpStatusCode.ServiceUnavailable, "unavailable");
        Assert.Equal(0, (await _client.StatusAsync(sessionId)).GetProperty("fileCount").GetInt32());
        Assert.Equal(400, await _client.OffsetAsync(upload));
    }

    [Fact]
    public async Task A_lost_notification_only_delays_the_takeover()
    {
        var file = Sample.Pdf();
        var upload = await _client.BeginAsync(await _client.CreateAsync(), file);
        await using var second = relay.StartHost<UploadOptions>();
        using var other = second.Client();
        using var socket = await RawPatch.SendAsync(relay.Address, upload, 0, 1_000, file.Content.AsMemory(0, 400));
        await relay.IsLockedAsync(upload);

        // Both replicas lose their LISTEN connection as the second one asks for the upload.
        await relay.ExecuteAsync("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN cloudtab_uploads%'");

        Assert.Equal(400, await other.OffsetAsync(upload));
    }

    [Fact]
    public async Task An_upload_can_be_resumed_once_the_lease_of_its_dead_process_expires()
    {
        var file = Sample.Pdf();
        var (sessionId, upload) = await _client.BegunAsync(file);
        using var first = await _client.PatchAsync(upload, 0, file.Content[..400]);
        await relay.ExecuteAsync(
            "UPDATE uploads SET holder = @dead, held_until = @until WHERE upload_id = @id",
            new { dead = Guid.NewGuid(), until = relay.Clock.GetUtcNow().UtcDateTime + Uploads.Lease, id = UploadFixture.IdOf(upload) });

        Assert.Equal(400, await _client.OffsetAsync(upload));
        await _client.CompletedAsync(upload, file, from: 400);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task A_request_whose_lock_was_taken_over_changes_nothing()
    {
        var file = Sample.Pdf();
        var (sessionId, upload) = await _client.BegunAsync(file);
        using var socket = await RawPatch.SendAsync(relay.Address, upload, 0, 1_000, file.Content.AsMemory(0, 400));
        await relay.IsLockedAsync(upload);
        // Another process does this once the lease has expired.
        await relay.ExecuteAsync("UPDATE uploads SET generation = generation + 1, holder = NULL, held_until = NULL WHERE upload_id = @id", new { id = UploadFixture.IdOf(upload) });

        await socket.SendAsync(file.Content.AsMemory(400), Token);

        Assert.StartsWith("HTTP/1.1 409", await RawHttp.ReadAsync(socket), StringComparison.Ordinal);
        Assert.Equal(0, await _client.OffsetAsync(upload));
        using var again = await _client.PatchAsync(upload, 0, file.Content);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task A_stopping_replica_saves_what_it_has_and_answers_503()
    {
        var file = Sample.Pdf(UploadFixture.MaxFileSize);
        var (sessionId, upload) = await _client.BegunAsync(file);
        var stopping = relay.StartHost<UploadOptions>();
        using var socket = await RawPatch.SendAsync(stopping.Address, upload, 0, file.Content.Length, file.Content.AsMemory(0, 9_000_000));
        await UntilAsync(async () => await relay.ScalarAsync<long>("SELECT received FROM uploads WHERE upload_id = @id", new { id = UploadFixture.IdOf(upload) }) > 0);

        await stopping.DisposeAsync();

        Assert.StartsWith("HTTP/1.1 503", await RawHttp.ReadAsync(socket), StringComparison.Ordinal);
        var offset = (int)await _client.OffsetAsync(upload);
        Assert.InRange(offset, ObjectUpload.PartSize, 9_000_000);
        await _client.CompletedAsync(upload, file, from: offset);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task A_killed_replica_loses_no_complete_part()
    {
        var file = Sample.Pdf(UploadFixture.MaxFileSize);
        var (sessionId, upload) = await _client.BegunAsync(file);
        var (process, address) = await relay.StartProcessAsync("CloudTab.UploadApi");
        await using var killed = process;
        using (await RawPatch.SendAsync(address, upload, 0, file.Content.Length, file.Content.AsMemory(0, ObjectUpload.PartSize + 1_000_000)))
        {
            await UntilAsync(async () => await relay.ScalarAsync<long>("SELECT received FROM uploads WHERE upload_id = @id", new { id = UploadFixture.IdOf(upload) }) >= ObjectUpload.PartSize);
            process.Kill();
        }

        var offset = (int)await _client.OffsetAsync(upload);
        Assert.InRange(offset, ObjectUpload.PartSize, ObjectUpload.PartSize + 1_000_000);
        await _client.CompletedAsync(upload, file, from: offset);
        await relay.AssertHoldsAsync(sessionId, file);
        Assert.DoesNotContain(UploadFixture.IdOf(upload), process.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(sessionId, process.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1_000)]
    [InlineData(ObjectUpload.PartSize + 1_000)]
    public async Task A_complete_file_that_could_not_be_stored_is_stored_at_the_next_request(int size)
    {
        var file = Sample.Pdf(size);
        var (sessionId, upload) = await _client.BegunAsync(file);
        // Postgres fails in the statement that stores the file.
        await relay.ExecuteAsync(
            """
            CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'admin_shutdown'; END $$;
            CREATE TRIGGER fail BEFORE UPDATE OF sha256 ON files FOR EACH ROW EXECUTE FUNCTION fail();
            """);
        using (var failed = await _client.PatchAsync(upload, 0, file.Content))
            await failed.IsProblemAsync(HttpStatusCode.ServiceUnavailable, "unavailable");
        await relay.ExecuteAsync("DROP TRIGGER fail ON files; DROP FUNCTION fail");

        var offset = (int)await _client.OffsetAsync(upload);
        if (offset < size)
        {
            using var rest = await _client.PatchAsync(upload, offset, file.Content[offset..]);
            Assert.Equal(HttpStatusCode.NoContent, rest.StatusCode);
        }

        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task An_upload_whose_session_ends_is_interrupted_and_leaves_nothing()
    {
        var file = Sample.Pdf(UploadFixture.MaxFileSize);
        var (sessionId, upload) = await _client.BegunAsync(file);
        using var socket = await RawPatch.SendAsync(relay.Address, upload, 0, file.Content.Length, file.Content.AsMemory(0, 9_000_000));
        await UntilAsync(async () => (await relay.OpenUploadsAsync()).Count > 0);

        using var withdrawn = await _client.DeleteAsync($"/api/customer/sessions/{sessionId}", Token);

        Assert.StartsWith("HTTP/1.1 410", await RawHttp.ReadAsync(socket), StringComparison.Ordinal);
        // If the request ended while its session's files were being removed, the Janitor looks once more.
        using var janitor = new StateMachine(relay, clock: relay.Clock);
        await janitor.Get<RemoveFiles>().RunOnceAsync(Token);
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Fact]
    public async Task An_upload_whose_session_ends_leaves_nothing_however_slowly_its_body_came()
    {
        var clock = new ClockOfLimits();
        await using var host = relay.StartHost<UploadOptions>(clock);
        var file = Sample.Pdf(UploadFixture.MaxFileSize);
        var (sessionId, upload) = await _client.BegunAsync(file);
        using var socket = await RawPatch.SendAsync(host.Address, upload, 0, file.Content.Length, file.Content.AsMemory(0, 9_000_000));
        await UntilAsync(async () => await relay.ScalarAsync<long>("SELECT received FROM uploads WHERE upload_id = @id", new { id = UploadFixture.IdOf(upload) }) > 0);
        clock.End(AppendToUpload.AcquireLimit);

        // Nobody removes the files of this session but the request.
        using var states = new StateMachine(relay, clock: relay.Clock);
        await states.Sessions.CancelAsync(Shops.Default, sessionId, Token);

        Assert.StartsWith("HTTP/1.1 410", await RawHttp.ReadAsync(socket), StringComparison.Ordinal);
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Fact]
    public async Task A_paused_holder_s_late_put_replaces_no_stored_file()
    {
        await using var network = relay.NetworkToS3();
        var (process, address) = await relay.StartProcessAsync("CloudTab.UploadApi", ("AWS_ENDPOINT_URL_S3", $"http://127.0.0.1:{network.Port}"));
        await using var paused = process;
        var (late, stored) = (Sample.Pdf(20_000), Sample.Pdf(20_000));
        var (sessionId, upload) = await _client.BegunAsync(stored);
        network.Hold();
        using var socket = await RawPatch.SendAsync(address, upload, 0, late.Content.Length, late.Content);
        await UntilAsync(() => network.Held > late.Content.Length);

        process.Pause();
        relay.Clock.Advance(TimeSpan.FromSeconds(10));
        await _client.CompletedAsync(upload, stored);
        await relay.AssertHoldsAsync(sessionId, stored);
        process.Resume();
        network.Release();

        Assert.StartsWith("HTTP/1.1 ", await RawHttp.ReadAsync(socket), StringComparison.Ordinal);
        await relay.AssertHoldsAsync(sessionId, stored);
    }

    [Fact]
    public async Task What_arrives_in_S3_after_a_session_ended_is_removed()
    {
        var (sessionId, upload) = await _client.BegunAsync(Sample.Pdf());
        var (id, key) = (UploadFixture.IdOf(upload), await KeyAsync(upload));
        await HoldByAnotherAsync(id, TimeSpan.FromSeconds(3));
        using var withdrawn = await _client.DeleteAsync($"/api/customer/sessions/{sessionId}", Token);

        await relay.S3.PutObjectAsync(new() { BucketName = relay.Bucket, Key = key + ".7.1", ContentBody = "late" }, Token);
        using var janitor = new StateMachine(relay, clock: relay.Clock);
        relay.Clock.Advance(TimeSpan.FromSeconds(20));
        await janitor.Get<RemoveFiles>().RunOnceAsync(Token);

        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Fact]
    public async Task What_a_killed_process_did_not_record_is_removed_while_the_upload_lives_on()
    {
        var file = Sample.Pdf();
        var (sessionId, upload) = await _client.BegunAsync(file);
        using var first = await _client.PatchAsync(upload, 0, file.Content[..400]);
        var key = await KeyAsync(upload);
        await HoldByAnotherAsync(UploadFixture.IdOf(upload), TimeSpan.FromMinutes(-1));
        await relay.S3.PutObjectAsync(new() { BucketName = relay.Bucket, Key = key + ".7.1", ContentBody = "lost" }, Token);
        await relay.S3.InitiateMultipartUploadAsync(relay.Bucket, key, Token);

        using var janitor = new StateMachine(relay, clock: relay.Clock);
        await StateMachine.AllAsync(janitor.Get<TidyUploads>().RunOnceAsync);

        Assert.Single(await relay.ObjectsAsync(), one => one.StartsWith(key!, StringComparison.Ordinal));
        Assert.DoesNotContain(key, await relay.OpenUploadsAsync());
        await _client.CompletedAsync(upload, file, from: 400);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task A_running_upload_extends_its_session()
    {
        var file = Sample.Pdf();
        var (sessionId, upload) = await _client.BegunAsync(file);
        using var socket = await RawPatch.SendAsync(relay.Address, upload, 0, 1_000, file.Content.AsMemory(0, 400));
        await relay.IsLockedAsync(upload);
        await relay.ExecuteAsync("UPDATE sessions SET expires_at = now() + interval '5 minutes' WHERE session_id = @sessionId", new { sessionId });

        await relay.Host<UploadOptions>().Services.GetRequiredService<FileLeases>().RunOnceAsync(Token);

        Assert.True(await relay.ScalarAsync<bool>("SELECT expires_at > now() + interval '20 minutes' FROM sessions WHERE session_id = @sessionId", new { sessionId }));
        Assert.Equal(400, await _client.OffsetAsync(upload));
    }

    [Fact]
    public async Task The_Janitor_keeps_live_uploads_and_removes_unrecorded_tails()
    {
        var file = Sample.Pdf(UploadFixture.MaxFileSize);
        var (sessionId, upload) = await _client.BegunAsync(file);
        using var first = await _client.PatchAsync(upload, 0, file.Content[..(ObjectUpload.PartSize + 500)]);
        var key = await relay.ScalarAsync<string>("SELECT object_key FROM files JOIN uploads ON uploads.file = files.id WHERE upload_id = @id", new { id = UploadFixture.IdOf(upload) });
        // A process died after it put a tail into S3 and before it recorded that.
        await relay.S3.PutObjectAsync(new() { BucketName = relay.Bucket, Key = key + ".99", ContentBody = "lost" }, Token);
        using var states = new StateMachine(relay, clock: new ShiftedClock());
        states.Clock.Advance(TimeSpan.FromHours(2));
        await relay.ExecuteAsync("UPDATE sessions SET expires_at = now() + interval '5 hours' WHERE session_id = @sessionId", new { sessionId });

        await RoundAsync(states);

        using var rest = await _client.PatchAsync(upload, ObjectUpload.PartSize + 500, file.Content[(ObjectUpload.PartSize + 500)..]);
        Assert.Equal(HttpStatusCode.NoContent, rest.StatusCode);
        await relay.AssertHoldsAsync(sessionId, file);
        await relay.S3.PutObjectAsync(new() { BucketName = relay.Bucket, Key = key + ".98", ContentBody = "late" }, Token);
        await relay.ExecuteAsync("UPDATE sessions SET expires_at = now() + interval '5 hours' WHERE session_id = @sessionId", new { sessionId });
        await RoundAsync(states);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    private Task<string?> KeyAsync(string upload) => relay.ScalarAsync<string>(
        "SELECT object_key FROM files JOIN uploads ON uploads.file = files.id WHERE upload_id = @id", new { id = UploadFixture.IdOf(upload) });

    private Task<int> HoldByAnotherAsync(string id, TimeSpan lease) => relay.ExecuteAsync(
        "UPDATE uploads SET holder = @dead, held_until = @until, generation = 7 WHERE upload_id = @id",
        new { dead = Guid.NewGuid(), until = relay.Clock.GetUtcNow().UtcDateTime + lease, id });

    private static async Task RoundAsync(StateMachine janitor)
    {
        await janitor.Get<MarkDue>().ExpireSessionsAsync(Token);
        await janitor.Get<MarkDue>().ExpireUploadsAsync(Token);
        await janitor.Get<MarkDue>().AbandonUploadsAsync(Token);
        await janitor.Get<RemoveFiles>().RunOnceAsync(Token);
        await StateMachine.AllAsync(janitor.Get<AbortUploads>().RunOnceAsync);
        await StateMachine.AllAsync(janitor.Get<SweepOrphans>().RunOnceAsync);
    }

    /// <summary>The system's clock, on which a test can let a time limit run out.</summary>
    private sealed class ClockOfLimits : TimeProvider
    {
        private readonly ConcurrentBag<(ITimer Timer, TimeSpan Limit)> _limits = [];

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = base.CreateTimer(callback, state, dueTime, period);
            _limits.Add((timer, dueTime));
            return timer;
        }

        /// <summary>Ends the limits of this length that have begun.</summary>
        public void End(TimeSpan limit)
        {
            foreach (var (timer, _) in _limits.Where(begun => begun.Limit == limit))
                timer.Change(TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }
    }
}
