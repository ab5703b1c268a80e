using System.Diagnostics.Metrics;
using System.Net;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using CloudTab.Janitor;
using CloudTab.Relay;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace CloudTab.Services.Tests;

/// <summary>What each of the Janitor's duties does in one batch, alone and beside others.</summary>
public sealed class JanitorTests(RelayFixture fixture) : IClassFixture<RelayFixture>, IDisposable
{
    private readonly StateMachine _states = new(fixture);

    public void Dispose() => _states.Dispose();

    [Fact]
    public async Task An_expired_session_loses_its_objects_in_the_same_batch()
    {
        var (_, session) = await _states.InStateAsync("pending");
        var objectKey = await ObjectKeyAsync(session);
        await _states.PassAsync(session);

        var batch = await _states.Get<MarkDue>().ExpireSessionsAsync(Token);

        Assert.True(batch.Done >= 1);
        Assert.Equal("expired", (await _states.SessionAsync(session.Id)).Status);
        Assert.Equal(["deleted"], await _states.FilesAsync(session.Id));
        Assert.DoesNotContain(objectKey, await fixture.ObjectsAsync());
        Assert.Equal(0, (await _states.Get<MarkDue>().ExpireSessionsAsync(Token)).Done);
    }

    [Fact]
    public async Task A_full_batch_reports_that_there_is_more()
    {
        using var states = new StateMachine(fixture, null, _states.Clock, ("JANITOR_BATCH_SIZE", "2"));
        await StateMachine.AllAsync(states.Get<MarkDue>().ExpireSessionsAsync);
        var key = await states.KeyAsync();
        var sessions = new List<OpenedSession>();
        for (var i = 0; i < 3; i++)
            sessions.Add(await states.InStateAsync("open", key));
        foreach (var session in sessions)
            await _states.PassAsync(session);

        Assert.Equal(new Batch(2, More: true), await states.Get<MarkDue>().ExpireSessionsAsync(Token));
        Assert.Equal(new Batch(1, More: false), await states.Get<MarkDue>().ExpireSessionsAsync(Token));
    }

    [Fact]
    public async Task Replicas_share_the_work_and_no_session_expires_twice()
    {
        await StateMachine.AllAsync(_states.Get<MarkDue>().ExpireSessionsAsync);
        var key = await _states.KeyAsync();
        await _states.ExecuteAsync(
            """
            INSERT INTO sessions (id, shop_id, session_id, pickup_code, status, created_at, expires_at)
            SELECT gen_random_uuid(), @Shop, '0' || lpad(translate(n::text, '0123456789', 'abcdefghjk'), 25, '0'),
                   translate(lpad(n::text, 6, '0'), '01', 'AB'), 'open', now(), '2000-01-01'
            FROM generate_series(1, 300) AS n
            """,
            new { key.Shop });

        var replicas = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => UntilNoneAsync(() => _states.Expiry.ExpireSessionsAsync(20, Token))));

        Assert.Equal(300, replicas.Sum());
        Assert.Equal(300, await fixture.ScalarAsync<long>("SELECT count(*) FROM events WHERE shop_id = @Shop AND status = 'expired'", new { key.Shop }));
    }

    [Fact]
    public async Task A_session_locked_by_another_transaction_is_skipped()
    {
        var (_, session) = await _states.InStateAsync("open");
        await _states.PassAsync(session);
        await using var customer = await fixture.Source.OpenConnectionAsync(Token);
        await using var transaction = await customer.BeginTransactionAsync(Token);
        await using (var prolong = customer.CreateCommand())
        {
            prolong.CommandText = $"UPDATE sessions SET expires_at = now() + interval '1 day' WHERE id = '{session.Id}'";
            await prolong.ExecuteNonQueryAsync(Token);
        }

        await _states.Get<MarkDue>().ExpireSessionsAsync(Token);
        Assert.Equal("open", (await _states.SessionAsync(session.Id)).Status);

        await transaction.CommitAsync(Token);
        await _states.Get<MarkDue>().ExpireSessionsAsync(Token);
        Assert.Equal("open", (await _states.SessionAsync(session.Id)).Status);
    }

    [Fact]
    public async Task A_lapsed_claim_goes_back_to_the_shop()
    {
        var (_, session) = await _states.InStateAsync("processing");
        await _states.ExecuteAsync("UPDATE sessions SET claimed_until = @past WHERE id = @Id", new { past = DateTime.UnixEpoch, session.Id });

        await _states.Get<MarkDue>().LapseClaimsAsync(Token);

        Assert.Equal("pending", (await _states.SessionAsync(session.Id)).Status);
        Assert.Equal("session_updated pending 1", (await _states.EventsAsync(session.Id))[^1]);
    }

    [Fact]
    public async Task A_file_past_its_lifetime_is_removed_from_a_live_session()
    {
        var (_, session) = await _states.InStateAsync("pending");
        await _states.StoreAsync(session.Id, await _states.BeginAsync(session.Id));
        await _states.ExecuteAsync(
            "UPDATE files SET stored_at = '2000-01-01' WHERE session = @Id AND position = 1", new { session.Id });

        await _states.Get<MarkDue>().ExpireFilesAsync(Token);

        var row = await _states.SessionAsync(session.Id);
        Assert.Equal(("pending", 1, 3L), (row.Status, row.FileCount, row.TotalSize));
        Assert.Equal(["deleted", "stored"], await _states.FilesAsync(session.Id));
        Assert.Equal("session_updated pending 1", (await _states.EventsAsync(session.Id))[^1]);
    }

    [Fact]
    public async Task Files_of_one_session_that_expire_together_raise_one_event()
    {
        var (_, session) = await _states.InStateAsync("processing");
        await _states.StoreAsync(session.Id, await _states.BeginAsync(session.Id));
        await _states.ExecuteAsync("UPDATE files SET stored_at = '2000-01-01' WHERE session = @Id", new { session.Id });

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => _states.Get<MarkDue>().ExpireFilesAsync(Token)));

        Assert.Equal(("processing", 0, 0L), await StateAsync(session));
        Assert.Single(await _states.EventsAsync(session.Id), "session_updated processing 0");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public async Task A_replica_whose_clock_is_an_hour_off_deletes_nothing_and_takes_nobody_s_lock(int hours)
    {
        var clock = new ShiftedClock();
        clock.Advance(TimeSpan.FromHours(hours));
        var time = new DatabaseTime(() => fixture.Source, clock, Microsoft.Extensions.Logging.Abstractions.NullLogger<DatabaseTime>.Instance);
        await time.MeasureAsync(Token);
        using var wrong = new StateMachine(fixture, null, clock, time);
        using var right = new StateMachine(fixture);
        var (key, session) = await right.InStateAsync("processing");
        await right.BeginAsync(session.Id);
        var wanted = new NewUpload("a.pdf", 1_000, null, null, null, null);
        var (_, upload) = await right.Get<UploadCreation>().CreateAsync(key.Shop, session.SessionId, wanted, printOptions: null, new(50, 1 << 20), Guid.NewGuid(), Token);
        // By the database's clock, and longer than the duties may take on a busy machine.
        await right.ExecuteAsync(
            """
            UPDATE uploads SET held_until = now() + interval '30 minutes' WHERE session = @Id;
            UPDATE files SET lease_until = now() + interval '30 minutes' WHERE session = @Id AND lease_until < 'infinity'
            """,
            new { session.Id });

        clock.Advance(TimeSpan.FromHours(hours)); // and moves again, after the time was measured
        foreach (var duty in (Func<CancellationToken, Task<Batch>>[])[
            wrong.Get<MarkDue>().ExpireSessionsAsync, wrong.Get<MarkDue>().LapseClaimsAsync, wrong.Get<MarkDue>().ExpireFilesAsync,
            wrong.Get<MarkDue>().AbandonUploadsAsync, wrong.Get<MarkDue>().ExpireUploadsAsync, wrong.Get<TidyUploads>().RunOnceAsync, wrong.Get<Purge>().RunOnceAsync])
        {
            await duty(Token);
        }

        Assert.Equal("processing", (await right.SessionAsync(session.Id)).Status);
        Assert.Equal(["stored", "uploading", "uploading"], await right.FilesAsync(session.Id));
        Assert.Null(await wrong.Get<Uploads>().AcquireAsync(key.Shop, upload!.UploadId, Guid.NewGuid(), Token));
    }

    [Fact]
    public async Task An_upload_whose_lease_has_expired_is_removed_with_its_object()
    {
        var (_, session) = await _states.InStateAsync("open");
        var (dead, live) = (await _states.BeginAsync(session.Id), await _states.BeginAsync(session.Id));
        await _states.ExecuteAsync("UPDATE files SET lease_until = @past WHERE id = @Id", new { past = DateTime.UnixEpoch, dead.Id });

        await _states.Get<MarkDue>().AbandonUploadsAsync(Token);

        Assert.Equal(["uploading"], await _states.FilesAsync(session.Id));
        var objects = await fixture.ObjectsAsync();
        Assert.DoesNotContain(dead.ObjectKey, objects);
        Assert.Contains(live.ObjectKey, objects);
    }

    [Fact]
    public async Task Sessions_expire_while_S3_is_down_and_their_objects_are_removed_afterwards()
    {
        using var unreachable = new AmazonS3Client("key", "secret", new AmazonS3Config { ServiceURL = "http://127.0.0.1:1", ForcePathStyle = true, AuthenticationRegion = "us-east-1", MaxErrorRetry = 0 });
        using var cutOff = new StateMachine(fixture, unreachable, _states.Clock);
        var (_, session) = await _states.InStateAsync("pending");
        var objectKey = await ObjectKeyAsync(session);
        await _states.PassAsync(session);

        await cutOff.Get<MarkDue>().ExpireSessionsAsync(Token);
        Assert.Equal("expired", (await _states.SessionAsync(session.Id)).Status);
        Assert.Equal(["deleting"], await _states.FilesAsync(session.Id));

        _states.Clock.Advance(Removal.Lease);
        var failure = await Assert.ThrowsAnyAsync<Exception>(() => cutOff.Get<RemoveFiles>().RunOnceAsync(Token));
        Assert.True(Outage.Is(failure), failure.ToString());

        _states.Clock.Advance(Removal.Lease);
        await _states.Get<RemoveFiles>().RunOnceAsync(Token);
        Assert.Equal(["deleted"], await _states.FilesAsync(session.Id));
        Assert.DoesNotContain(objectKey, await fixture.ObjectsAsync());
    }

    [Fact]
    public async Task Only_an_outage_leaves_the_removal_of_files_to_the_Janitor()
    {
        using var unreachable = new AmazonS3Client("key", "secret", new AmazonS3Config { ServiceURL = "http://127.0.0.1:1", ForcePathStyle = true, AuthenticationRegion = "us-east-1", MaxErrorRetry = 0 });
        using var cutOff = new StateMachine(fixture, unreachable, _states.Clock);
        var (_, session) = await _states.InStateAsync("completed");

        await _states.ExecuteAsync("ALTER TABLE uploads RENAME TO elsewhere");
        var mistake = await Record.ExceptionAsync(() => cutOff.Get<Removal>().TryRemoveAsync(session.Id, Token));
        await _states.ExecuteAsync("ALTER TABLE elsewhere RENAME TO uploads");
        await cutOff.Get<Removal>().TryRemoveAsync(session.Id, Token);

        Assert.IsType<PostgresException>(mistake);
        Assert.Equal(["deleting"], await _states.FilesAsync(session.Id));
    }

    [Fact]
    public async Task An_object_that_S3_refuses_to_delete_does_not_block_others_and_is_retried_later()
    {
        _states.Clock.Stop();
        await StateMachine.AllAsync(_states.Get<RemoveFiles>().RunOnceAsync);
        var key = await _states.KeyAsync();
        var (stuck, free) = (await _states.InStateAsync("completed", key), await _states.InStateAsync("completed", key));
        var objectKey = await ObjectKeyAsync(stuck);
        using var refusing = new RefusingS3(fixture.S3, objectKey);
        using var states = new StateMachine(fixture, refusing, _states.Clock);

        var batch = await states.Get<RemoveFiles>().RunOnceAsync(Token);
        Assert.Equal((1, false), (batch.Refused, batch.More));
        Assert.Equal(["deleting"], await states.FilesAsync(stuck.Id));
        Assert.Equal(["deleted"], await states.FilesAsync(free.Id));

        Assert.Equal(0, (await states.Get<RemoveFiles>().RunOnceAsync(Token)).Refused);
        _states.Clock.Advance(Removal.Lease);
        Assert.Equal(1, (await states.Get<RemoveFiles>().RunOnceAsync(Token)).Refused);
        _states.Clock.Advance(Removal.Lease);
        Assert.Equal(0, (await _states.Get<RemoveFiles>().RunOnceAsync(Token)).Refused);
        Assert.Equal(["deleted"], await states.FilesAsync(stuck.Id));
        Assert.DoesNotContain(objectKey, await fixture.ObjectsAsync());
    }

    [Fact]
    public async Task Files_whose_process_may_still_put_something_wait_for_the_next_round_behind_all_others()
    {
        _states.Clock.Stop();
        await StateMachine.AllAsync(_states.Get<RemoveFiles>().RunOnceAsync);
        var (key, held) = await _states.InStateAsync("completed");
        await StateMachine.AllAsync(_states.Get<RemoveFiles>().RunOnceAsync);
        await _states.ExecuteAsync(
            """
            WITH begun AS (
                INSERT INTO files (id, session, object_key, name, status, created_at)
                SELECT gen_random_uuid(), @Id, '2000-01-01/' || gen_random_uuid(), 'held', 'deleting', now() FROM generate_series(1, @BatchSize)
                RETURNING id, session, created_at
            )
            INSERT INTO uploads (id, upload_id, session, file, created_at, part_size, holder, held_until)
            SELECT id, left('0' || replace(id::text, '-', ''), 26), session, id, created_at, 8388608, id, @until FROM begun
            """,
            new { held.Id, Removal.BatchSize, until = _states.Clock.GetUtcNow().UtcDateTime.AddMinutes(1) });

        Assert.Equal(new Batch(0, More: false), await _states.Get<RemoveFiles>().RunOnceAsync(Token));
        var other = await _states.InStateAsync("completed", key);
        Assert.Equal(new Batch(1, More: false), await _states.Get<RemoveFiles>().RunOnceAsync(Token));
        Assert.Equal(["deleted"], await _states.FilesAsync(other.Id));

        _states.Clock.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(new Batch(Removal.BatchSize, More: true), await _states.Get<RemoveFiles>().RunOnceAsync(Token));
    }

    [Fact]
    public async Task A_resumable_upload_that_S3_refuses_to_abort_does_not_block_others()
    {
        await StateMachine.AllAsync(_states.Get<RemoveFiles>().RunOnceAsync);
        var key = await _states.KeyAsync();
        var (stuck, free) = (await _states.InStateAsync("completed", key), await _states.InStateAsync("completed", key));
        var objectKey = await ObjectKeyAsync(stuck);
        var begun = await fixture.S3.InitiateMultipartUploadAsync(fixture.Bucket, objectKey, Token);
        await _states.ExecuteAsync(
            """
            INSERT INTO uploads (id, upload_id, session, file, created_at, part_size, multipart_id)
            SELECT id, left('0' || replace(id::text, '-', ''), 26), session, id, created_at, 8388608, @UploadId
            FROM files WHERE object_key = @objectKey
            """,
            new { begun.UploadId, objectKey });
        using var refusing = new RefusingS3(fixture.S3, objectKey);
        using var states = new StateMachine(fixture, refusing, _states.Clock);

        Assert.Equal(1, (await states.Get<RemoveFiles>().RunOnceAsync(Token)).Refused);
        Assert.Equal(["deleted"], await states.FilesAsync(free.Id));
        Assert.Equal(["deleting"], await states.FilesAsync(stuck.Id));
        Assert.Contains(objectKey, await fixture.ObjectsAsync());

        _states.Clock.Advance(Removal.Lease);
        Assert.Equal(0, (await _states.Get<RemoveFiles>().RunOnceAsync(Token)).Refused);
        Assert.DoesNotContain(objectKey, await fixture.OpenUploadsAsync());
    }

    [Fact]
    public async Task Parts_of_an_upload_whose_lease_has_expired_are_removed_without_listing_the_bucket()
    {
        var (_, session) = await _states.InStateAsync("open");
        var dead = (await _states.UploadingFiles.BeginAsync(session.Id, "a.pdf", printOptions: null, Token))!;
        await fixture.S3.InitiateMultipartUploadAsync(fixture.Bucket, dead.ObjectKey, Token);
        await _states.ExecuteAsync("UPDATE files SET lease_until = @past WHERE id = @Id", new { past = DateTime.UnixEpoch, dead.Id });

        await _states.Get<MarkDue>().AbandonUploadsAsync(Token);

        Assert.DoesNotContain(dead.ObjectKey, await fixture.OpenUploadsAsync());
        Assert.Empty(await _states.FilesAsync(session.Id));
    }

    [Fact]
    public async Task Multipart_uploads_without_an_owner_are_aborted()
    {
        var (_, session) = await _states.InStateAsync("open");
        var owned = (await _states.UploadingFiles.BeginAsync(session.Id, "a.txt", printOptions: null, Token))!;
        var lost = (await _states.UploadingFiles.BeginAsync(session.Id, "b.txt", printOptions: null, Token))!;
        foreach (var objectKey in (string[])[owned.ObjectKey, lost.ObjectKey, "2020-01-01/unknown"])
            await fixture.S3.InitiateMultipartUploadAsync(fixture.Bucket, objectKey, Token);

        await StateMachine.AllAsync(_states.Get<AbortUploads>().RunOnceAsync);
        Assert.Equal(3, (await fixture.OpenUploadsAsync()).Count);

        _states.Clock.Advance(TimeSpan.FromMinutes(2));
        await _states.UploadingFiles.RenewAsync([owned.Id], [], Token);
        Assert.Equal(2, await StateMachine.AllAsync(_states.Get<AbortUploads>().RunOnceAsync));
        Assert.Equal([owned.ObjectKey], await fixture.OpenUploadsAsync());

        // Later tests list the bucket too.
        await fixture.S3.AbortMultipartUploadAsync(fixture.Bucket, owned.ObjectKey, (await fixture.S3.ListMultipartUploadsAsync(fixture.Bucket, Token)).MultipartUploads[0].UploadId, Token);
    }

    [Fact]
    public async Task Objects_without_a_row_are_removed_after_an_hour_on_all_pages_of_the_listing()
    {
        var (key, session) = await _states.InStateAsync("pending");
        var deleted = await _states.InStateAsync("completed", key);
        await _states.Get<RemoveFiles>().RunOnceAsync(Token);
        var back = await ObjectKeyAsync(deleted);
        string[] orphans = [back, .. Enumerable.Range(0, 1_050).Select(n => $"2020-01-01/{n:d4}")];
        await Parallel.ForEachAsync(orphans, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = Token }, async (orphan, token) =>
            await fixture.S3.PutObjectAsync(new() { BucketName = fixture.Bucket, Key = orphan, ContentBody = "x" }, token));
        var sweep = _states.Get<SweepOrphans>();
        Assert.Equal(0, await StateMachine.AllAsync(sweep.RunOnceAsync));

        _states.Clock.Advance(SweepOrphans.Age + TimeSpan.FromMinutes(1));
        Assert.True(await StateMachine.AllAsync(sweep.RunOnceAsync) >= orphans.Length);

        var left = await fixture.ObjectsAsync();
        Assert.Contains(await ObjectKeyAsync(session), left);
        Assert.DoesNotContain(back, left);
        Assert.DoesNotContain(left, found => found.StartsWith("2020-01-01/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Ended_sessions_are_purged_after_a_day_with_their_files_and_events()
    {
        var key = await _states.KeyAsync();
        var (gone, stuck, live) = (
            await _states.InStateAsync("completed", key), await _states.InStateAsync("pending", key), await _states.InStateAsync("pending", key));
        await _states.Get<RemoveFiles>().RunOnceAsync(Token);
        await _states.Sessions.CancelAsync(key.Shop, stuck.SessionId, Token); // its object is still there
        await _states.Get<Purge>().RunOnceAsync(Token);
        Assert.Equal("completed", (await _states.SessionAsync(gone.Id)).Status);

        await _states.ExecuteAsync("UPDATE sessions SET ended_at = '2000-01-01' WHERE id IN (@Gone, @Stuck)", new { Gone = gone.Id, Stuck = stuck.Id });
        await _states.Get<Purge>().RunOnceAsync(Token);

        foreach (var table in (string[])["sessions WHERE id", "files WHERE session", "events WHERE session"])
            Assert.Equal(0, await fixture.ScalarAsync<long>($"SELECT count(*) FROM {table} = @Id", new { gone.Id }));
        Assert.Equal("cancelled", (await _states.SessionAsync(stuck.Id)).Status);
        Assert.Equal("pending", (await _states.SessionAsync(live.Id)).Status);
    }

    [Fact]
    public async Task Old_events_and_dead_replicas_are_purged()
    {
        var (key, session) = await _states.InStateAsync("processing");
        await _states.ExecuteAsync("UPDATE events SET created_at = '2000-01-01' WHERE session = @Id AND type = 'new_session'", new { session.Id });
        var now = _states.Clock.GetUtcNow().UtcDateTime;
        await _states.ExecuteAsync(
            "INSERT INTO connected_sockets VALUES (gen_random_uuid(), @Shop, 1, '2000-01-01'), (gen_random_uuid(), @Shop, 2, @now)", new { key.Shop, now });

        await _states.Get<Purge>().RunOnceAsync(Token);

        Assert.Equal(["session_updated processing 1"], await _states.EventsAsync(session.Id));
        Assert.Equal(2, await fixture.ScalarAsync<int>("SELECT sum(sockets) FROM connected_sockets WHERE shop_id = @Shop", new { key.Shop }));
    }

    [Fact]
    public async Task Sign_ins_and_tickets_that_open_nothing_any_more_are_purged()
    {
        _states.Clock.Stop();
        var key = await _states.KeyAsync();
        var (old, used) = (await _states.Get<SignIns>().CreateAsync(key, Token), await _states.Get<SignIns>().CreateAsync(key, Token));
        await _states.Get<Tickets>().CreateAsync(key, Token);
        _states.Clock.Advance(SignIns.IdleLimit - TimeSpan.FromMinutes(1));
        Assert.NotNull(await _states.Get<SignIns>().FindAsync(used, Token));
        var ticket = await _states.Get<Tickets>().CreateAsync(key, Token);
        _states.Clock.Advance(Tickets.Lifetime / 2);
        await _states.Get<Purge>().RunOnceAsync(Token);
        Assert.Equal(2, await CountAsync("sign_ins"));
        Assert.Equal(1, await CountAsync("tickets"));

        _states.Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Null(await _states.Get<SignIns>().FindAsync(old, Token));
        Assert.Null(await _states.Get<Tickets>().TakeAsync(ticket, Token));
        await _states.Get<Tickets>().CreateAsync(key, Token);
        _states.Clock.Advance(Tickets.Lifetime);
        await _states.Get<Purge>().RunOnceAsync(Token);

        Assert.Equal(0, await CountAsync("tickets"));
        Assert.Equal(1, await CountAsync("sign_ins"));
        Assert.NotNull(await _states.Get<SignIns>().FindAsync(used, Token));

        Task<long> CountAsync(string table) => fixture.ScalarAsync<long>($"SELECT count(*) FROM {table} WHERE key_id = @Id", new { key.Id });
    }

    [Fact]
    public async Task The_backlog_is_measured()
    {
        var (key, session) = await _states.InStateAsync("pending");
        await _states.InStateAsync("completed", key); // its object is still there
        await _states.ExecuteAsync(
            "UPDATE sessions SET expires_at = @then WHERE id = @Id", new { then = _states.Clock.GetUtcNow().UtcDateTime.AddSeconds(-100), session.Id });

        await _states.Get<MeasureBacklog>().RunOnceAsync(Token);

        var measured = new Dictionary<string, double>(StringComparer.Ordinal);
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Meter.Scope == _states.Get<IMeterFactory>() && instrument.IsObservable)
                self.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => measured[$"{instrument.Name} {tags[0].Value}"] = value);
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => measured[$"{instrument.Name} {tags[0].Value}"] = value);
        listener.Start();
        listener.RecordObservableInstruments();

        Assert.True(measured["cloudtab.janitor.backlog.size session"] >= 1);
        Assert.InRange(measured["cloudtab.janitor.backlog.age session"], 100, double.MaxValue);
        Assert.True(measured["cloudtab.janitor.backlog.size file"] >= 1);
        Assert.True(measured["cloudtab.janitor.backlog.age file"] >= 0);
    }

    private static async Task<int> UntilNoneAsync(Func<Task<int>> runOnce)
    {
        var (sum, last) = (0, 1);
        while (last > 0)
            sum += last = await runOnce();
        return sum;
    }

    private async Task<(string Status, int Files, long Bytes)> StateAsync(OpenedSession session)
    {
        var row = await _states.SessionAsync(session.Id);
        return (row.Status, row.FileCount, row.TotalSize);
    }

    private async Task<string> ObjectKeyAsync(OpenedSession session) =>
        (await fixture.ScalarAsync<string>("SELECT object_key FROM files WHERE session = @Id", new { session.Id }))!;

    /// <summary>The real S3, which may not delete one of its objects nor its parts, as with an object lock or without a permission.</summary>
    private sealed class RefusingS3(AmazonS3Client real, string locked) : AmazonS3Client("key", "secret", (AmazonS3Config)real.Config)
    {
        public override async Task<DeleteObjectsResponse> DeleteObjectsAsync(DeleteObjectsRequest request, CancellationToken cancellationToken = default)
        {
            var refused = request.Objects.RemoveAll(one => one.Key == locked);
            var response = request.Objects.Count > 0 ? await real.DeleteObjectsAsync(request, cancellationToken) : new DeleteObjectsResponse();
            if (refused == 0)
                return response;
            response.DeleteErrors = [new() { Key = locked, Code = "AccessDenied", Message = "Access Denied" }];
            throw new DeleteObjectsException(response);
        }

        public override Task<ListMultipartUploadsResponse> ListMultipartUploadsAsync(
            ListMultipartUploadsRequest request, CancellationToken cancellationToken = default) => real.ListMultipartUploadsAsync(request, cancellationToken);

        public override Task<AbortMultipartUploadResponse> AbortMultipartUploadAsync(
            AbortMultipartUploadRequest request, CancellationToken cancellationToken = default) => request.Key == locked
            ? throw new AmazonS3Exception("Access Denied", ErrorType.Sender, "AccessDenied", "", HttpStatusCode.Forbidden)
            : real.AbortMultipartUploadAsync(request, cancellationToken);
    }
}
