using System.Collections.Concurrent;
using System.Diagnostics;
using CloudTab.Notifier;
using CloudTab.Testing;
using Dapper;
using Npgsql;

namespace CloudTab.Services.Tests;

public sealed class EventsTests(RelayFixture relay, Dependencies dependencies) : IClassFixture<RelayFixture>
{
    [Fact]
    public async Task Every_session_is_announced_despite_open_transactions_and_a_killed_listener()
    {
        const int Sessions = 200;
        var shop = await relay.ShopAsync();
        using var client = await SocketClient.ReadyAsync(relay.SocketAddress, shop.Key);
        await using var elsewhere = await relay.Source.OpenConnectionAsync(Token);
        await using var open = await elsewhere.BeginTransactionAsync(Token);
        await elsewhere.ExecuteAsync("SELECT pg_current_xact_id()");

        var killed = 0;
        var announced = new ConcurrentBag<string>();
        await Parallel.ForEachAsync(
            Enumerable.Range(0, Sessions),
            new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = Token },
            async (i, _) =>
            {
                announced.Add((await relay.AnnounceAsync(shop.Id)).SessionId);
                if (i % 50 == 25)
                    Interlocked.Add(ref killed, await KillListenersAsync());
            });

        var missing = announced.ToHashSet(StringComparer.Ordinal);
        while (missing.Count > 0)
            missing.Remove((await client.NextAsync("new_session")).Text("sessionId")!);
        Assert.Equal(Sessions, announced.Count);
        Assert.True(killed > 0, "No listener was there to be killed.");
    }

    [Fact]
    public async Task Sessions_submitted_while_a_shop_was_disconnected_are_in_the_pending_list()
    {
        var shop = await relay.ShopAsync();
        using (var before = await SocketClient.ReadyAsync(relay.SocketAddress, shop.Key))
        {
        }

        var given = await relay.AnnounceAsync(shop.Id);
        using var client = await SocketClient.AuthenticatedAsync(relay.SocketAddress, shop.Key);

        var pending = await client.NextAsync();
        Assert.Equal("pending_sessions", pending.Text("type"));
        Assert.Equal(given.SessionId, Assert.Single(pending.GetProperty("sessions").EnumerateArray()).Text("sessionId"));
    }

    [Fact]
    public async Task Sockets_that_connect_while_sessions_are_submitted_miss_none()
    {
        const int Sessions = 60;
        var shop = await relay.ShopAsync();
        var announcing = Parallel.ForEachAsync(
            Enumerable.Range(0, Sessions),
            new ParallelOptions { MaxDegreeOfParallelism = 2, CancellationToken = Token },
            async (_, _) => await relay.AnnounceAsync(shop.Id));

        var coming = Enumerable.Range(0, 5).Select(async i =>
        {
            await UntilAsync(async () =>
                await relay.ScalarAsync<int>("SELECT count(*) FROM sessions WHERE shop_id = @Id AND status = 'pending'", shop) >= i * 10);
            using var client = await SocketClient.AuthenticatedAsync(relay.SocketAddress, shop.Key);
            var first = await client.NextAsync();
            Assert.Equal("pending_sessions", first.Text("type"));
            var received = first.GetProperty("sessions").EnumerateArray().Select(session => session.Text("sessionId")).ToHashSet(StringComparer.Ordinal);
            while (received.Count < Sessions)
                received.Add((await client.NextAsync("new_session")).Text("sessionId"));
        });

        await Task.WhenAll([announcing, .. coming]);
    }

    [Fact]
    public async Task Sockets_survive_an_outage_of_Postgres_and_receive_what_they_missed()
    {
        var shop = await relay.ShopAsync();
        var database = new NpgsqlConnectionStringBuilder(relay.Source.ConnectionString).Database!;
        var settings = new NpgsqlConnectionStringBuilder(dependencies.ConnectionString(database));
        await using var network = new TcpProxy(settings.Port);
        settings.Port = network.Port;
        await using var replica = relay.StartHost<SocketOptions>(("ConnectionStrings:cloudtab", settings.ConnectionString));
        using var client = await SocketClient.ReadyAsync(new UriBuilder(replica.Address) { Scheme = "ws", Path = "/ws" }.Uri, shop.Key);

        network.Cut();
        var given = await relay.AnnounceAsync(shop.Id);
        foreach (var (type, message) in ((string, string)[])[
            ("get_pending", "The service cannot answer right now: try again in a moment"),
            ("claim_session", "Failed to claim session"),
            ("complete_session", "Failed to complete session")])
        {
            var error = await client.AskAsync(new { type, sessionId = given.SessionId });
            Assert.Equal("error", error.Text("type"));
            Assert.Equal("unavailable", error.Text("code"));
            Assert.Equal(message, error.Text("message"));
        }

        network.Restore();
        Assert.Equal(given.SessionId, (await client.NextAsync("new_session")).Text("sessionId"));
        await UntilAsync(async () => (await client.AskAsync(new { type = "claim_session", sessionId = given.SessionId })).Text("type") != "error");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Sockets_get_the_pending_list_and_new_events_after_a_fail_over_to_a_standby_that_lags(bool listCanBeReadAtOnce)
    {
        var shop = await relay.ShopAsync();
        var settings = new NpgsqlConnectionStringBuilder(relay.Environment()["ConnectionStrings__cloudtab"]);
        await using var network = new TcpProxy(settings.Port);
        await relay.ExecuteAsync("DO $$ BEGIN FOR i IN 1..100 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$");
        // Another server, whose transactions have lower numbers. It holds nothing of what the first one has announced, and one session of its own.
        await using var standby = new LocalPostgresServer { Password = settings.Password! };
        await standby.StartAsync(Token);
        var lost = new NpgsqlConnectionStringBuilder(settings.ConnectionString) { Port = standby.Port };
        await using (var server = NpgsqlDataSource.Create(standby.ConnectionString))
        await using (var create = server.CreateCommand($"CREATE DATABASE {settings.Database}"))
            await create.ExecuteNonQueryAsync(Token);
        var environment = relay.Environment();
        environment["ConnectionStrings__cloudtab"] = lost.ConnectionString;
        await ServiceSettings.MigrateAsync(environment, Token);
        await using var source = NpgsqlDataSource.Create(lost.ConnectionString);
        await using var other = await source.OpenConnectionAsync(Token);
        await other.ExecuteAsync("INSERT INTO shops (id, name, created_at) VALUES (@Id, @Name, now())", shop);
        var key = await relay.ScalarAsync<Guid>("SELECT id FROM api_keys WHERE shop_id = @Id", new { shop.Id });
        await other.ExecuteAsync("INSERT INTO api_keys (id, shop_id, name, prefix, sha256, created_at) VALUES (@key, @Id, 'a PC', 'a', sha256('a'), now())", new { key, shop.Id });
        var (known, unknown) = (await InsertSessionAsync(other, shop.Id, "A"), await InsertSessionAsync(other, shop.Id, "B"));

        settings.Port = network.Port;
        await using var replica = relay.StartHost<SocketOptions>(("ConnectionStrings:cloudtab", settings.ConnectionString));
        using var client = await SocketClient.ReadyAsync(new UriBuilder(replica.Address) { Scheme = "ws", Path = "/ws" }.Uri, shop.Key);
        var read = listCanBeReadAtOnce ? null : await FailToReadAsync(other);
        network.Cut();
        network.Target = standby.Port;
        network.Restore();
        if (read is not null)
        {
            await IsReadTwiceAsync(other);
            await InsertEventAsync(other, unknown);
            await IsReadTwiceAsync(other);
            await other.ExecuteAsync(read);
            Assert.Equal(unknown, (await client.NextAsync("session_updated")).Text("sessionId"));
        }

        var pending = await client.NextAsync("pending_sessions");
        Assert.Equal([known, unknown], pending.GetProperty("sessions").EnumerateArray().Select(one => one.Text("sessionId")).Order());
        await InsertEventAsync(other, known);
        Assert.Equal(known, (await client.NextAsync("session_updated")).Text("sessionId"));
    }

    private static Task<int> InsertEventAsync(NpgsqlConnection connection, string sessionId) => connection.ExecuteAsync(
        """
        INSERT INTO events (shop_id, session, type, status, file_count, total_size, created_at)
        SELECT shop_id, id, 'session_updated', 'pending', 1, 1, now() FROM sessions WHERE session_id = @sessionId
        """,
        new { sessionId });

    /// <summary>Lets every statement fail that reads a pending list.</summary>
    /// <returns>What lets them succeed again.</returns>
    private static async Task<string> FailToReadAsync(NpgsqlConnection connection)
    {
        var read = await connection.ExecuteScalarAsync<string>("SELECT pg_get_functiondef('key_is_valid'::regproc)");
        await connection.ExecuteAsync(
            """
            CREATE SEQUENCE failures;
            CREATE OR REPLACE FUNCTION key_is_valid(key uuid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('failures'); RAISE EXCEPTION 'no'; END $$;
            """);
        return read!;
    }

    /// <summary>Waits until two more of them have failed.</summary>
    private static async Task IsReadTwiceAsync(NpgsqlConnection connection)
    {
        var before = await FailuresAsync();
        await UntilAsync(async () => await FailuresAsync() >= before + 2);

        Task<long> FailuresAsync() => connection.ExecuteScalarAsync<long>("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM failures");
    }

    private static async Task<string> InsertSessionAsync(NpgsqlConnection connection, string shop, string letter)
    {
        var sessionId = $"0{letter.ToLowerInvariant()}".PadRight(26, '0');
        await connection.ExecuteAsync(
            """
            INSERT INTO sessions (id, shop_id, session_id, pickup_code, status, file_count, total_size, created_at, expires_at, submitted_at)
            VALUES (gen_random_uuid(), @shop, @sessionId, @code, 'pending', 1, 1, now(), now() + interval '1 hour', now())
            """,
            new { shop, sessionId, code = letter.PadRight(6, '2') });
        return sessionId;
    }

    [Fact]
    public async Task The_frame_is_part_of_the_upload_s_trace()
    {
        var delivered = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name is "CloudTab.Notifier" or "Test",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = delivered.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        var shop = await relay.ShopAsync();
        using var client = await SocketClient.ReadyAsync(relay.SocketAddress, shop.Key);

        using var source = new ActivitySource("Test");
        string trace;
        using (var upload = source.StartActivity("upload"))
        {
            trace = upload!.TraceId.ToHexString();
            await relay.AnnounceAsync(shop.Id);
        }

        await client.NextAsync("new_session");
        await UntilAsync(() => Task.FromResult(delivered.Any(
            activity => activity.OperationName == "deliver new_session" && activity.TraceId.ToHexString() == trace)));
    }

    [Fact]
    public async Task Tracestate_is_truncated_to_whole_entries_within_512_characters()
    {
        var shop = await relay.ShopAsync();
        using var work = new Activity("upload").SetIdFormat(ActivityIdFormat.W3C);
        work.TraceStateString = string.Join(',', Enumerable.Range(0, 30).Select(i => $"vendor{i:00}={new string('x', 20)}"));
        work.Start();

        var given = await relay.AnnounceAsync(shop.Id);

        var stored = await relay.ScalarAsync<string>("SELECT trace_state FROM events WHERE session = @Id", new { given.Id });
        Assert.InRange(stored!.Length, 450, 512);
        Assert.StartsWith(stored + ",", work.TraceStateString, StringComparison.Ordinal);
    }

    private Task<int> KillListenersAsync() => relay.ScalarAsync<int>(
        """
        SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND query LIKE 'LISTEN%' AND pid <> pg_backend_pid()
        """);
}
