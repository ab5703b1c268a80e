using System.Security.Cryptography;
using CloudTab.Janitor;
using CloudTab.Relay;
using Dapper;
using Npgsql;

namespace CloudTab.Services.Tests;

/// <summary>What is known of a shop's bytes without adding up its sessions and uploads.</summary>
public sealed class OutstandingTests(RelayFixture fixture) : IClassFixture<RelayFixture>, IDisposable
{
    private static readonly SessionLimits Limits = new(50, 1 << 20, 1L << 40);

    // What the sums must be, from the rows themselves: the bytes of stored files of live sessions; and those of unfinished uploads that have
    // come, or that may have come to S3.
    private const string Truth = """
        SELECT shops.id AS Shop,
               (SELECT coalesce(sum(size), 0) FROM sessions JOIN files ON files.session = sessions.id
                WHERE shop_id = shops.id AND ended_at IS NULL AND files.status = 'stored')::bigint AS Stored,
               (SELECT coalesce(sum(CASE WHEN part_sha256 IS NOT NULL AND multipart_id IS NOT NULL THEN length ELSE received END), 0)
                FROM sessions JOIN uploads ON uploads.session = sessions.id JOIN files ON files.id = uploads.file
                WHERE shop_id = shops.id AND ended_at IS NULL AND files.status = 'uploading')::bigint AS Reserved
        FROM shops
        WHERE id = ANY(@shops)
        ORDER BY shops.id
        """;

    private const string Known = """
        SELECT shops.id AS Shop, coalesce(sum(stored), 0)::bigint AS Stored, coalesce(sum(reserved), 0)::bigint AS Reserved
        FROM shops LEFT JOIN outstanding ON outstanding.shop_id = shops.id
        WHERE shops.id = ANY(@shops)
        GROUP BY shops.id
        ORDER BY shops.id
        """;

    private readonly StateMachine _states = new(fixture);
    private readonly Guid _holder = Guid.NewGuid();

    public void Dispose() => _states.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task The_sums_are_right_whatever_happens_at_the_same_moment_and_whichever_connections_break(int seed)
    {
        const int Workers = 6;
        const int Steps = 120;
        var keys = new[] { await _states.KeyAsync(), await _states.KeyAsync() };
        var world = new World();
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var breaking = BreakConnectionsAsync(new Random(seed), ended.Token);

        await Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => Task.Run(async () =>
        {
            var random = new Random(seed * 100 + worker);
            for (var step = 0; step < Steps; step++)
                await StepAsync(world, keys[random.Next(keys.Length)], random);
        })));
        await ended.CancelAsync();
        var broken = await breaking;
        fixture.Source.Clear(); // some of its idle connections are broken too

        Assert.True(broken > 0 && world.Failures > 0, "No connection was broken.");
        var shops = keys.Select(key => key.Shop).ToArray();
        var truth = await fixture.ColumnAsync<Sums>(Truth, new { shops });
        // Where connections break by chance, one of the two may have no upload left.
        Assert.Contains(truth, sums => sums.Stored > 0);
        Assert.Contains(truth, sums => sums.Reserved > 0);
        Assert.Equal(truth, await fixture.ColumnAsync<Sums>(Known, new { shops }));

        // And once all has ended nothing is left.
        foreach (var begun in world.Sessions)
            await _states.Sessions.CancelAsync(begun.Shop, begun.Session.SessionId, Token);
        await StateMachine.AllAsync(_states.Get<MarkDue>().ExpireSessionsAsync);
        Assert.All(await fixture.ColumnAsync<Sums>(Known, new { shops }), sums => Assert.Equal((0, 0), (sums.Stored, sums.Reserved)));
    }

    [Fact]
    public async Task A_sum_reads_a_few_rows_however_many_changes_there_were()
    {
        var (key, session) = await _states.InStateAsync("open");
        await _states.ExecuteAsync(
            """
            INSERT INTO uploads (id, upload_id, session, created_at, length, part_size)
            SELECT id, left('0' || replace(id::text, '-', ''), 26), @Id, now(), 1000, 8388608
            FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, 5000)) AS begun;
            INSERT INTO files (id, session, name, object_key, status, created_at, lease_until)
            SELECT id, session, 'a', id::text, 'uploading', now(), 'infinity' FROM uploads WHERE session = @Id;
            UPDATE uploads SET file = id, received = 1 WHERE session = @Id;
            """,
            new { session.Id });

        Assert.Equal(5_000, (await _states.UploadingFiles.FindSessionAsync(key.Shop, session.SessionId, Token))!.Outstanding);

        // That none of the last 1,000 of 5,000 changes added them up has a chance of one in 10 million.
        Assert.InRange(await fixture.ScalarAsync<long>("SELECT count(*) FROM outstanding WHERE shop_id = @Shop", new { key.Shop }), 1, 1_000);
    }

    private async Task StepAsync(World world, ShopKey key, Random random)
    {
        try
        {
            if (random.Next(8) > 0 && world.AnySession(random) is { } session)
                await ActAsync(world, key, session, random);
            else
                world.Add(new Begun(key.Shop, await _states.OpenAsync(key.Shop)));
        }
        catch (OperationCanceledException) when (!Token.IsCancellationRequested)
        {
            world.CountFailure();
        }
        catch (Exception broken) when (Outage.Is(broken) && broken is not PostgresException { SqlState: PostgresErrorCodes.DeadlockDetected })
        {
            world.CountFailure();
        }
    }

    private async Task ActAsync(World world, ShopKey key, Begun begun, Random random)
    {
        var (shop, session) = (begun.Shop, begun.Session);
        var name = SessionName.Parse(session.SessionId);
        switch (random.Next(22))
        {
            case 0 or 1 or 2:
                if (await _states.UploadingFiles.BeginAsync(session.Id, "a.txt", printOptions: null, Token) is { } file)
                    await _states.Get<StoredFiles>().StoreAsync(session.Id, [Uploaded(file.Id, random.Next(1, 1_000))], Limits, Token);
                break;
            case 3:
                if (await _states.UploadingFiles.BeginAsync(session.Id, "a.txt", printOptions: null, Token) is { } refused)
                    await _states.UploadingFiles.GiveUpAsync([refused.Id], Token);
                break;
            case 4 or 5 or 6 or 7:
                if (await CreateAsync(shop, session, random) is { } created)
                    world.Add(begun with { Upload = created });
                break;
            case 8 or 9 or 10 or 11 or 12:
                // Also by who may have lost the lock since: the request that began the upload.
                if (world.AnyUpload(random) is { Upload: { } known } its)
                    await AppendAsync(await _states.Get<Uploads>().AcquireAsync(its.Shop, known.UploadId, _holder, Token) ?? known, random);
                break;
            case 13:
                if (world.AnyUpload(random)?.Upload?.File is { } given)
                    await _states.UploadingFiles.GiveUpAsync([given], Token);
                break;
            case 14:
                foreach (var one in await fixture.ColumnAsync<Guid>("SELECT id FROM files WHERE session = @Id AND status = 'stored' LIMIT 1", new { session.Id }))
                    await _states.Get<StoredFiles>().TakeBackAsync(shop, session.SessionId, one, Token);
                break;
            case 15:
                await _states.Sessions.SubmitAsync(shop, session.SessionId, Token);
                await _states.Claims.ClaimAsync(key, name, Token);
                break;
            case 16:
                await _states.Claims.CompleteAsync(key, name, Token);
                break;
            case 17 when random.Next(3) == 0:
                await _states.Sessions.CancelAsync(shop, session.SessionId, Token);
                break;
            case 18 when random.Next(3) == 0:
                await _states.ExecuteAsync("UPDATE sessions SET expires_at = now() WHERE id = @Id AND status <> 'processing'", new { session.Id });
                await _states.Get<MarkDue>().ExpireSessionsAsync(Token);
                break;
            case 19:
                await _states.ExecuteAsync("UPDATE files SET stored_at = '2000-01-01' WHERE id IN (SELECT id FROM files WHERE session = @Id AND status = 'stored' LIMIT 1)", new { session.Id });
                await _states.Get<MarkDue>().ExpireFilesAsync(Token);
                break;
            case 20:
                await _states.ExecuteAsync("UPDATE uploads SET created_at = '2000-01-01' WHERE id IN (SELECT id FROM uploads WHERE session = @Id LIMIT 1)", new { session.Id });
                await _states.Get<MarkDue>().ExpireUploadsAsync(Token);
                break;
            default:
                // As of a process that died a while ago.
                await _states.ExecuteAsync("UPDATE uploads SET held_until = '2000-01-01' WHERE session = @Id AND holder IS NOT NULL", new { session.Id });
                await _states.Get<TidyUploads>().RunOnceAsync(Token);
                await _states.Get<RemoveFiles>().RunOnceAsync(Token);
                break;
        }
    }

    private async Task<Upload?> CreateAsync(string shop, OpenedSession session, Random random)
    {
        var (isPartial, isDirect) = (random.Next(3) == 0, random.Next(4) == 0);
        var hash = SHA256.HashData("abc"u8);
        var wanted = isDirect
            ? new NewUpload("a.pdf", random.Next(10, 1_000), null, hash, null, null) { PartSha256 = [hash] }
            : new NewUpload("a.pdf", random.Next(3) > 0 ? random.Next(10, 1_000) : null, null, null, null, isPartial ? NewUpload.Partial : null);
        return (await _states.Get<UploadCreation>().CreateAsync(
            shop, session.SessionId, wanted, printOptions: null, Limits, random.Next(2) == 0 ? _holder : null, Token)).Upload;
    }

    private async Task AppendAsync(Upload upload, Random random)
    {
        var uploads = _states.Get<Uploads>();
        var length = upload.Length ?? 1_000;
        switch (random.Next(6))
        {
            case 0:
                await uploads.ReleaseAsync(upload.Id, upload.Generation, Token);
                break;
            case 1:
                await uploads.SetLengthAsync(upload, length, Token);
                break;
            case 2 when upload.IsPartial:
                await uploads.SetLengthAsync(upload, length, Token);
                await uploads.CompletePartialAsync(upload, Token);
                break;
            case 3 when !upload.IsPartial && upload.File is { } file:
                var partials = await fixture.ColumnAsync<Guid>(
                    "SELECT file FROM uploads WHERE session = @Session AND concat = 'partial' AND completed_at IS NOT NULL AND file IS NOT NULL LIMIT 2", new { upload.Session });
                await _states.Get<StoredFiles>().StoreResumedAsync(upload, Uploaded(file, length), partials, Limits, Token);
                break;
            default:
                var progress = ObjectProgress.None with { Received = random.Next(0, (int)length), MultipartId = random.Next(2) == 0 ? "multipart" : null };
                await uploads.RecordAsync(upload, progress, release: random.Next(2) == 0, Token);
                break;
        }
    }

    private static UploadedFile Uploaded(Guid id, long size) => new(id, "a.txt", "text/plain", size, SHA256.HashData("abc"u8));

    /// <summary>Ends the connections of statements that run, one after the other: nobody knows then whether they took effect.</summary>
    /// <returns>How many.</returns>
    private async Task<int> BreakConnectionsAsync(Random random, CancellationToken ending)
    {
        const string sql = """
            SELECT count(pg_terminate_backend(pid))::int FROM (
                SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1
            ) AS running
            """;
        await using var connection = await fixture.Source.OpenConnectionAsync(Token);
        var broken = 0;
        try
        {
            while (true)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(random.Next(20, 100)), TimeProvider.System, ending);
                broken += await connection.ExecuteScalarAsync<int>(sql);
            }
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            return broken;
        }
    }

    private sealed record Sums(string Shop, long Stored, long Reserved);

    private sealed record Begun(string Shop, OpenedSession Session, Upload? Upload = null);

    /// <summary>What the workers have begun, for each of them to go on with.</summary>
    private sealed class World
    {
        private readonly Lock _gate = new();
        private readonly List<Begun> _sessions = [];
        private readonly List<Begun> _uploads = [];

        public IReadOnlyList<Begun> Sessions => _sessions;

        public int Failures { get; private set; }

        public void Add(Begun begun)
        {
            lock (_gate)
                (begun.Upload is null ? _sessions : _uploads).Add(begun);
        }

        public Begun? AnySession(Random random) => Any(_sessions, random);

        public Begun? AnyUpload(Random random) => Any(_uploads, random);

        public void CountFailure()
        {
            lock (_gate)
                Failures++;
        }

        private Begun? Any(List<Begun> all, Random random)
        {
            lock (_gate)
                return all.Count == 0 ? null : all[random.Next(all.Count)];
        }
    }
}
