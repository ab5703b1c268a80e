using System.Diagnostics.Metrics;
using System.Net;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using CloudTab.Janitor;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.Extensions.DependencyInjection;

namespace CloudTab.Services.Tests;

/// <summary>What each of the Janitor's duties does in one batch, alone and beside others.</summary>
public sealed class JanitorTests(RelayFixture fixture) : IClassFixture<RelayFixture>, IDisposable
{
    private readonly Parts _parts = new(fixture);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => _parts.Dispose();

    [Fact]
    public async Task An_expired_session_loses_its_objects_in_the_same_batch()
    {
        var key = await _parts.KeyAsync();
        var session = await _parts.InStateAsync("pending", key);
        var objectKey = await ObjectKeyAsync(session);
        await PassAsync(session);

        var batch = await _parts.Get<ExpireSessions>().RunOnceAsync(Cancelled);

        Assert.True(batch.Done >= 1);
        Assert.Equal("expired", (await _parts.SessionAsync(session.Id)).Status);
        Assert.Equal(["deleted"], await _parts.FilesAsync(session.Id));
        Assert.DoesNotContain(objectKey, await fixture.ObjectsAsync());
        Assert.Equal(0, (await _parts.Get<ExpireSessions>().RunOnceAsync(Cancelled)).Done);
    }

    [Fact]
    public async Task A_full_batch_says_that_there_is_more()
    {
        using var parts = new Parts(fixture, null, _parts.Clock, ("JANITOR_BATCH_SIZE", "2"));
        await AllAsync(parts.Get<ExpireSessions>().RunOnceAsync);
        var key = await parts.KeyAsync();
        var sessions = new List<OpenedSession>();
        for (var i = 0; i < 3; i++)
            sessions.Add(await parts.InStateAsync("open", key));
        foreach (var session in sessions)
            await PassAsync(session);

        Assert.Equal(new Batch(2, More: true), await parts.Get<ExpireSessions>().RunOnceAsync(Cancelled));
        Assert.Equal(new Batch(1, More: false), await parts.Get<ExpireSessions>().RunOnceAsync(Cancelled));
    }

    [Fact]
    public async Task Replicas_share_the_work_and_no_session_expires_twice()
    {
        await AllAsync(_parts.Get<ExpireSessions>().RunOnceAsync);
        var key = await _parts.KeyAsync();
        await _parts.ExecuteAsync(
            """
            INSERT INTO sessions (id, shop_id, session_id, pickup_code, status, created_at, expires_at)
            SELECT gen_random_uuid(), @Shop, '0' || lpad(translate(n::text, '0123456789', 'abcdefghjk'), 25, '0'),
                   translate(lpad(n::text, 6, '0'), '01', 'AB'), 'open', now(), '2000-01-01'
            FROM generate_series(1, 300) AS n
            """,
            new { key.Shop });

        var replicas = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => UntilNoneAsync(() => _parts.Expiry.ExpireSessionsAsync(20, Cancelled))));

        Assert.Equal(300, replicas.Sum());
        Assert.Equal(300, await fixture.ScalarAsync<long>("SELECT count(*) FROM events WHERE shop_id = @Shop AND status = 'expired'", new { key.Shop }));
    }

    [Fact]
    public async Task A_session_that_another_transaction_holds_is_left_for_later()
    {
        var key = await _parts.KeyAsync();
        var session = await _parts.InStateAsync("open", key);
        await PassAsync(session);
        await using var customer = await fixture.Source.OpenConnectionAsync(Cancelled);
        await using var transaction = await customer.BeginTransactionAsync(Cancelled);
        await using (var prolong = customer.CreateCommand())
        {
            prolong.CommandText = $"UPDATE sessions SET expires_at = now() + interval '1 day' WHERE id = '{session.Id}'";
            await prolong.ExecuteNonQueryAsync(Cancelled);
        }

        await _parts.Get<ExpireSessions>().RunOnceAsync(Cancelled);
        Assert.Equal("open", (await _parts.SessionAsync(session.Id)).Status);

        await transaction.CommitAsync(Cancelled);
        await _parts.Get<ExpireSessions>().RunOnceAsync(Cancelled);
        Assert.Equal("open", (await _parts.SessionAsync(session.Id)).Status);
    }

    [Fact]
    public async Task A_lapsed_claim_goes_back_to_the_shop()
    {
        var key = await _parts.KeyAsync();
        var session = await _parts.InStateAsync("processing", key);
        await _parts.ExecuteAsync("UPDATE sessions SET claimed_until = @past WHERE id = @Id", new { past = DateTime.UnixEpoch, session.Id });

        await _parts.Get<LapseClaims>().RunOnceAsync(Cancelled);

        Assert.Equal("pending", (await _parts.SessionAsync(session.Id)).Status);
        Assert.Equal("session_updated pending 1", (await _parts.EventsAsync(session.Id))[^1]);
    }

    [Fact]
    public async Task A_file_past_its_lifetime_leaves_a_session_that_lives_on()
    {
        var key = await _parts.KeyAsync();
        var session = await _parts.InStateAsync("pending", key);
        await _parts.StoreAsync(session.Id, await _parts.BeginAsync(session.Id));
        await _parts.ExecuteAsync(
            "UPDATE files SET stored_at = '2000-01-01' WHERE session = @Id AND position = 1", new { session.Id });

        await _parts.Get<ExpireFiles>().RunOnceAsync(Cancelled);

        var row = await _parts.SessionAsync(session.Id);
        Assert.Equal(("pending", 1, 3L), (row.Status, row.FileCount, row.TotalSize));
        Assert.Equal(["deleted", "stored"], await _parts.FilesAsync(session.Id));
        Assert.Equal("session_updated pending 1", (await _parts.EventsAsync(session.Id))[^1]);
    }

    [Fact]
    public async Task Files_of_one_session_that_expire_together_are_one_event()
    {
        var key = await _parts.KeyAsync();
        var session = await _parts.InStateAsync("processing", key);
        await _parts.StoreAsync(session.Id, await _parts.BeginAsync(session.Id));
        await _parts.ExecuteAsync("UPDATE files SET stored_at = '2000-01-01' WHERE session = @Id", new { session.Id });

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => _parts.Get<ExpireFiles>().RunOnceAsync(Cancelled)));

        Assert.Equal(("processing", 0, 0L), await StateAsync(session));
        Assert.Single(await _parts.EventsAsync(session.Id), "session_updated processing 0");
    }

    [Fact]
    public async Task An_upload_without_a_live_lease_is_given_up_with_its_object()
    {
        var key = await _parts.KeyAsync();
        var session = await _parts.OpenAsync(key.Shop);
        var (dead, live) = (await _parts.BeginAsync(session.Id), await _parts.BeginAsync(session.Id));
        await _parts.ExecuteAsync("UPDATE files SET lease_until = @past WHERE id = @Id", new { past = DateTime.UnixEpoch, dead.Id });

        await _parts.Get<AbandonUploads>().RunOnceAsync(Cancelled);

        Assert.Equal(["uploading"], await _parts.FilesAsync(session.Id));
        var objects = await fixture.ObjectsAsync();
        Assert.DoesNotContain(dead.ObjectKey, objects);
        Assert.Contains(live.ObjectKey, objects);
    }

    [Fact]
    public async Task While_S3_is_away_sessions_expire_and_afterwards_their_objects_go()
    {
        using var away = new AmazonS3Client("key", "secret", new AmazonS3Config { ServiceURL = "http://127.0.0.1:1", ForcePathStyle = true, AuthenticationRegion = "us-east-1", MaxErrorRetry = 0 });
        using var cutOff = new Parts(fixture, away, _parts.Clock);
        var key = await _parts.KeyAsync();
        var session = await _parts.InStateAsync("pending", key);
        var objectKey = await ObjectKeyAsync(session);
        await PassAsync(session);

        await cutOff.Get<ExpireSessions>().RunOnceAsync(Cancelled);
        Assert.Equal("expired", (await _parts.SessionAsync(session.Id)).Status);
        Assert.Equal(["deleting"], await _parts.FilesAsync(session.Id));

        _parts.Clock.Advance(Removal.Lease);
        var failure = await Assert.ThrowsAnyAsync<Exception>(() => cutOff.Get<RemoveFiles>().RunOnceAsync(Cancelled));
        Assert.True(Resilience.IsUnavailable(failure), failure.ToString());

        _parts.Clock.Advance(Removal.Lease);
        await _parts.Get<RemoveFiles>().RunOnceAsync(Cancelled);
        Assert.Equal(["deleted"], await _parts.FilesAsync(session.Id));
        Assert.DoesNotContain(objectKey, await fixture.ObjectsAsync());
    }

    [Fact]
    public async Task A_key_that_S3_refuses_to_delete_holds_up_nothing_else_and_is_not_tried_at_once()
    {
        await AllAsync(_parts.Get<RemoveFiles>().RunOnceAsync);
        var key = await _parts.KeyAsync();
        var (stuck, free) = (await _parts.InStateAsync("completed", key), await _parts.InStateAsync("completed", key));
        var objectKey = await ObjectKeyAsync(stuck);
        using var refusing = new RefusingS3(fixture.S3, objectKey);
        using var parts = new Parts(fixture, refusing, _parts.Clock);

        var batch = await parts.Get<RemoveFiles>().RunOnceAsync(Cancelled);
        Assert.Equal((1, false), (batch.Refused, batch.More));
        Assert.Equal(["deleting"], await parts.FilesAsync(stuck.Id));
        Assert.Equal(["deleted"], await parts.FilesAsync(free.Id));

        Assert.Equal(new Batch(0, More: false), await parts.Get<RemoveFiles>().RunOnceAsync(Cancelled));
        _parts.Clock.Advance(Removal.Lease);
        Assert.Equal(new Batch(0, More: false, Refused: 1), await parts.Get<RemoveFiles>().RunOnceAsync(Cancelled));
        _parts.Clock.Advance(Removal.Lease);
        Assert.Equal(new Batch(1, More: false), await _parts.Get<RemoveFiles>().RunOnceAsync(Cancelled));
        Assert.DoesNotContain(objectKey, await fixture.ObjectsAsync());
    }

    [Fact]
    public async Task A_resumable_upload_whose_parts_S3_refuses_to_discard_holds_up_nothing_else()
    {
        await AllAsync(_parts.Get<RemoveFiles>().RunOnceAsync);
        var key = await _parts.KeyAsync();
        var (stuck, free) = (await _parts.InStateAsync("completed", key), await _parts.InStateAsync("completed", key));
        var objectKey = await ObjectKeyAsync(stuck);
        var begun = await fixture.S3.InitiateMultipartUploadAsync(fixture.Bucket, objectKey, Cancelled);
        await _parts.ExecuteAsync(
            """
            INSERT INTO uploads (id, upload_id, session, file, created_at, part_size, multipart_id)
            SELECT id, left('0' || replace(id::text, '-', ''), 26), session, id, created_at, 8388608, @UploadId
            FROM files WHERE object_key = @objectKey
            """,
            new { begun.UploadId, objectKey });
        using var refusing = new RefusingS3(fixture.S3, objectKey);
        using var parts = new Parts(fixture, refusing, _parts.Clock);

        Assert.Equal(new Batch(1, More: false, Refused: 1), await parts.Get<RemoveFiles>().RunOnceAsync(Cancelled));
        Assert.Equal(["deleted"], await parts.FilesAsync(free.Id));
        Assert.Equal(["deleting"], await parts.FilesAsync(stuck.Id));
        Assert.Contains(objectKey, await fixture.ObjectsAsync());

        _parts.Clock.Advance(Removal.Lease);
        Assert.Equal(new Batch(1, More: false), await _parts.Get<RemoveFiles>().RunOnceAsync(Cancelled));
        Assert.DoesNotContain(objectKey, await fixture.OpenUploadsAsync());
    }

    [Fact]
    public async Task Multipart_uploads_without_an_owner_are_aborted()
    {
        var key = await _parts.KeyAsync();
        var session = await _parts.OpenAsync(key.Shop);
        var owned = (await _parts.Uploads.BeginAsync(session.Id, "a.txt", Cancelled))!;
        var lost = (await _parts.Uploads.BeginAsync(session.Id, "b.txt", Cancelled))!;
        foreach (var objectKey in (string[])[owned.ObjectKey, lost.ObjectKey, "2020-01-01/unknown"])
            await fixture.S3.InitiateMultipartUploadAsync(fixture.Bucket, objectKey, Cancelled);

        await AllAsync(_parts.Get<AbortUploads>().RunOnceAsync);
        Assert.Equal(3, (await fixture.OpenUploadsAsync()).Count);

        _parts.Clock.Advance(TimeSpan.FromMinutes(2));
        await _parts.Uploads.RenewAsync([owned.Id], Cancelled);
        Assert.Equal(2, await AllAsync(_parts.Get<AbortUploads>().RunOnceAsync));
        Assert.Equal([owned.ObjectKey], await fixture.OpenUploadsAsync());

        // Those that follow list the bucket, too.
        await fixture.S3.AbortMultipartUploadAsync(fixture.Bucket, owned.ObjectKey, (await fixture.S3.ListMultipartUploadsAsync(fixture.Bucket, Cancelled)).MultipartUploads[0].UploadId, Cancelled);
    }

    [Fact]
    public async Task Objects_without_a_row_go_after_an_hour_through_all_pages_of_the_bucket()
    {
        var key = await _parts.KeyAsync();
        var session = await _parts.InStateAsync("pending", key);
        var deleted = await _parts.InStateAsync("completed", key);
        await _parts.Get<RemoveFiles>().RunOnceAsync(Cancelled);
        var back = await ObjectKeyAsync(deleted);
        string[] orphans = [back, .. Enumerable.Range(0, 1_050).Select(n => $"2020-01-01/{n:d4}")];
        await Parallel.ForEachAsync(orphans, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = Cancelled }, async (orphan, token) =>
            await fixture.S3.PutObjectAsync(new() { BucketName = fixture.Bucket, Key = orphan, ContentBody = "x" }, token));
        var sweep = _parts.Get<SweepOrphans>();
        Assert.Equal(0, await AllAsync(sweep.RunOnceAsync));

        _parts.Clock.Advance(SweepOrphans.Age + TimeSpan.FromMinutes(1));
        Assert.True(await AllAsync(sweep.RunOnceAsync) >= orphans.Length);

        var left = await fixture.ObjectsAsync();
        Assert.Contains(await ObjectKeyAsync(session), left);
        Assert.DoesNotContain(back, left);
        Assert.DoesNotContain(left, found => found.StartsWith("2020-01-01/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Ended_sessions_are_forgotten_after_a_day_with_all_that_hangs_on_them()
    {
        var key = await _parts.KeyAsync();
        var (gone, stuck, live) = (
            await _parts.InStateAsync("completed", key), await _parts.InStateAsync("pending", key), await _parts.InStateAsync("pending", key));
        await _parts.Get<RemoveFiles>().RunOnceAsync(Cancelled);
        await _parts.Sessions.CancelAsync(key.Shop, stuck.SessionId, Cancelled); // its object is still there
        await _parts.Get<Purge>().RunOnceAsync(Cancelled);
        Assert.Equal("completed", (await _parts.SessionAsync(gone.Id)).Status);

        await _parts.ExecuteAsync("UPDATE sessions SET ended_at = '2000-01-01' WHERE id IN (@Gone, @Stuck)", new { Gone = gone.Id, Stuck = stuck.Id });
        await _parts.Get<Purge>().RunOnceAsync(Cancelled);

        foreach (var table in (string[])["sessions WHERE id", "files WHERE session", "events WHERE session"])
            Assert.Equal(0, await fixture.ScalarAsync<long>($"SELECT count(*) FROM {table} = @Id", new { gone.Id }));
        Assert.Equal("cancelled", (await _parts.SessionAsync(stuck.Id)).Status);
        Assert.Equal("pending", (await _parts.SessionAsync(live.Id)).Status);
    }

    [Fact]
    public async Task Old_events_and_replicas_that_are_gone_are_forgotten()
    {
        var key = await _parts.KeyAsync();
        var session = await _parts.InStateAsync("processing", key);
        await _parts.ExecuteAsync("UPDATE events SET created_at = '2000-01-01' WHERE session = @Id AND type = 'new_session'", new { session.Id });
        var now = _parts.Clock.GetUtcNow().UtcDateTime;
        await _parts.ExecuteAsync(
            "INSERT INTO connected_sockets VALUES (gen_random_uuid(), @Shop, 1, '2000-01-01'), (gen_random_uuid(), @Shop, 2, @now)", new { key.Shop, now });

        await _parts.Get<Purge>().RunOnceAsync(Cancelled);

        Assert.Equal(["session_updated processing 1"], await _parts.EventsAsync(session.Id));
        Assert.Equal(2, await fixture.ScalarAsync<int>("SELECT sum(sockets) FROM connected_sockets WHERE shop_id = @Shop", new { key.Shop }));
    }

    [Fact]
    public async Task The_backlog_is_measured()
    {
        var key = await _parts.KeyAsync();
        var session = await _parts.InStateAsync("pending", key);
        await _parts.InStateAsync("completed", key); // its object is still there
        await _parts.ExecuteAsync(
            "UPDATE sessions SET expires_at = @then WHERE id = @Id", new { then = _parts.Clock.GetUtcNow().UtcDateTime.AddSeconds(-100), session.Id });

        await _parts.Get<MeasureBacklog>().RunOnceAsync(Cancelled);

        var measured = new Dictionary<string, double>(StringComparer.Ordinal);
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Meter.Scope == _parts.Get<IMeterFactory>() && instrument.IsObservable)
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

    private static async Task<int> AllAsync(Func<CancellationToken, Task<Batch>> runOnce)
    {
        var done = 0;
        Batch batch;
        do
        {
            batch = await runOnce(Cancelled);
            done += batch.Done;
        }
        while (batch.More);
        return done;
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
        var row = await _parts.SessionAsync(session.Id);
        return (row.Status, row.FileCount, row.TotalSize);
    }

    private async Task<string> ObjectKeyAsync(OpenedSession session) =>
        (await fixture.ScalarAsync<string>("SELECT object_key FROM files WHERE session = @Id", new { session.Id }))!;

    private Task<int> PassAsync(OpenedSession session) =>
        _parts.ExecuteAsync("UPDATE sessions SET expires_at = @now WHERE id = @Id", new { now = _parts.Clock.GetUtcNow().UtcDateTime, session.Id });

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

        public override Task<AbortMultipartUploadResponse> AbortMultipartUploadAsync(
            AbortMultipartUploadRequest request, CancellationToken cancellationToken = default) => request.Key == locked
            ? throw new AmazonS3Exception("Access Denied", ErrorType.Sender, "AccessDenied", "", HttpStatusCode.Forbidden)
            : real.AbortMultipartUploadAsync(request, cancellationToken);
    }
}
