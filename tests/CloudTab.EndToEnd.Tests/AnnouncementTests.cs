using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using CloudTab.Client;
using CloudTab.Testing;
using Dapper;
using Npgsql;

namespace CloudTab.EndToEnd.Tests;

/// <summary>
/// Sessions are submitted while everything breaks that carries their announcements to the shops' PCs. The database is the judge: in the end
/// each PC knows the sessions of its own shop that were submitted, all of them and no other.
/// </summary>
[Collection(OneRelay.Collection)]
public sealed class AnnouncementTests(ITestOutputHelper output)
{
    private const int Shops = 20;
    private const int PcsOfShop = 2;
    private const int Submitters = 8;
    private const int DefaultSubmits = 2_000;

    private static readonly TimeSpan ShortestHold = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan HoldOf50000 = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private int _submitted;

    [Fact]
    public async Task Every_PC_knows_all_submitted_sessions_of_its_shop_and_no_others_whatever_breaks()
    {
        // ANNOUNCED_SUBMITS: how many.
        var submits = int.TryParse(Environment.GetEnvironmentVariable("ANNOUNCED_SUBMITS"), CultureInfo.InvariantCulture, out var number) ? number : DefaultSubmits;
        var hold = TimeSpan.FromTicks(Math.Max(ShortestHold.Ticks, HoldOf50000.Ticks * submits / 50_000));
        await using var relay = await RelayProcesses.StartAsync(new Dictionary<string, string>(StringComparer.Ordinal), Token);
        await using var database = NpgsqlDataSource.Create(relay.Postgres.ConnectionString + ";Pooling=false");
        List<StagedShop> shops;
        List<StagedSession> sessions;
        StagedSession late, never;
        await using (var connection = await database.OpenConnectionAsync(Token))
        {
            // An open transaction keeps its shop's queue for itself: those two are in shops where nobody else submits.
            shops = await StagedSessions.AddShopsAsync(connection, Shops + 2, Token);
            sessions = await StagedSessions.AddAsync(connection, shops[..Shops], submits, Token);
            late = (await StagedSessions.AddAsync(connection, shops[Shops..^1], 1, Token)).Single();
            never = (await StagedSessions.AddAsync(connection, shops[^1..], 1, Token)).Single();
        }

        await using var pcs = new Pcs(relay.Origin, shops);
        await pcs.AllAsync(pc => pc.Connections > 0, "all PCs are connected");
        using var customers = new HttpClient { BaseAddress = relay.Origin };
        var quarters = sessions.Chunk((submits + 3) / 4).ToArray();

        var held = Stopwatch.StartNew();
        await using (var first = await database.OpenConnectionAsync(Token))
        await using (var second = await database.OpenConnectionAsync(Token))
        {
            await SubmitInTransactionAsync(first, late);
            await SubmitInTransactionAsync(second, never);
            await SubmitDuringAsync(customers, quarters[0], submitting => KillNotifiersAsync(relay, submitting));
            await SubmitDuringAsync(customers, quarters[1], submitting => CutListenersAsync(database, submitting));
            await SubmitDuringAsync(customers, quarters[2], _ => WaitAsync(hold - held.Elapsed));
            Assert.DoesNotContain(pcs.All, pc => pc.Knows(late.SessionId) || pc.Knows(never.SessionId));
            output.WriteLine($"{_submitted} submitted while a transaction was open for {held.Elapsed.TotalSeconds:F0} s");
            await first.ExecuteAsync("COMMIT");
            await second.ExecuteAsync("ROLLBACK");
        }

        await pcs.AllAsync(pc => pc.Shop != late.Shop || pc.Knows(late.SessionId), "what was committed last is announced");
        await SubmitDuringAsync(customers, quarters[3], submitting => RestartPostgresAsync(relay, submitting));

        var known = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        await using (var connection = await database.OpenConnectionAsync(Token))
        {
            foreach (var shop in shops)
            {
                known[shop.Id] = (await connection.QueryAsync<string>(
                    "SELECT session_id FROM sessions WHERE shop_id = @Id AND submitted_at IS NOT NULL ORDER BY session_id COLLATE \"C\"", shop)).AsList();
            }
        }

        Assert.Equal(submits + 1, known.Values.Sum(ids => ids.Count));
        await pcs.AllAsync(pc => known[pc.Shop].TrueForAll(pc.Knows), "every PC knows what was submitted in its shop");
        Assert.All(pcs.All, pc => Assert.Equal(known[pc.Shop], pc.Known.Order(StringComparer.Ordinal)));
        Assert.All(pcs.All, pc => Assert.InRange(pc.Connections, 2, int.MaxValue));
        output.WriteLine($"{submits} submitted in {held.Elapsed.TotalSeconds:F0} s; {pcs.All.Count} PCs have connected {pcs.All.Sum(pc => pc.Connections)} times");
    }

    /// <summary>As a customer would, over and over until it is done, while something breaks. What breaks is told when all are submitted.</summary>
    private async Task SubmitDuringAsync(HttpClient customers, StagedSession[] sessions, Func<Task, Task> breakAsync)
    {
        var submitting = Parallel.ForEachAsync(
            sessions,
            new ParallelOptions { MaxDegreeOfParallelism = Submitters, CancellationToken = Token },
            async (session, cancellationToken) =>
            {
                while (!await TrySubmitAsync(customers, session, cancellationToken))
                    await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(50, 250)), TimeProvider.System, cancellationToken);
                Interlocked.Increment(ref _submitted);
            });
        await breakAsync(submitting);
        await submitting;
    }

    private static async Task<bool> TrySubmitAsync(HttpClient customers, StagedSession session, CancellationToken cancellationToken)
    {
        try
        {
            using var answer = await customers.PostAsync(session.SubmitPath, content: null, cancellationToken);
            Assert.True(answer.StatusCode is HttpStatusCode.OK or HttpStatusCode.ServiceUnavailable, $"Answered with {answer.StatusCode}.");
            return answer.StatusCode == HttpStatusCode.OK;
        }
        catch (HttpRequestException)
        {
            return false; // The connection broke.
        }
    }

    /// <summary>What a submission does, but for its end.</summary>
    private static async Task SubmitInTransactionAsync(NpgsqlConnection connection, StagedSession session)
    {
        const string sql = """
            WITH changed AS (
                UPDATE sessions SET status = 'pending', submitted_at = now() WHERE session_id = @SessionId RETURNING *
            )
            INSERT INTO events (shop_id, session, type, status, file_count, total_size, created_at)
            SELECT shop_id, id, 'new_session', status, file_count, total_size, now() FROM changed
            """;
        await connection.ExecuteAsync("BEGIN TRANSACTION");
        await connection.ExecuteAsync(sql, session);
    }

    /// <summary>kill -9 of one replica after the other, at least once of each.</summary>
    private static async Task KillNotifiersAsync(RelayProcesses relay, Task submitting)
    {
        for (var kill = 0; kill < 2 || !submitting.IsCompleted; kill++)
            await relay.KillAndRestartAsync("notifier", kill % 2, Token);
    }

    private static async Task CutListenersAsync(NpgsqlDataSource database, Task submitting)
    {
        const string listeners = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%' AND pid <> pg_backend_pid()";
        await using var connection = await database.OpenConnectionAsync(Token);
        var all = await CountAsync();
        Assert.InRange(all, 2, long.MaxValue);
        do
        {
            await connection.ExecuteAsync($"SELECT pg_terminate_backend(pid) {listeners}");
            await Eventually.HoldsAsync(async () => await CountAsync() == all, "all listen again", Limit, Token);
        }
        while (!submitting.IsCompleted);

        Task<long> CountAsync() => connection.ExecuteScalarAsync<long>($"SELECT count(*) {listeners}");
    }

    private async Task RestartPostgresAsync(RelayProcesses relay, Task submitting)
    {
        do
        {
            await relay.Postgres.StopAsync();
            await relay.Postgres.StartAsync(Token);
            var before = _submitted;
            await Eventually.HoldsAsync(
                () => Task.FromResult(submitting.IsCompleted || Volatile.Read(ref _submitted) >= before + 100), "submissions go on", Limit, Token);
        }
        while (!submitting.IsCompleted);
    }

    private static Task WaitAsync(TimeSpan time) => time > TimeSpan.Zero ? Task.Delay(time, TimeProvider.System, Token) : Task.CompletedTask;

    /// <summary>The PCs of all shops.</summary>
    private sealed class Pcs(Uri origin, List<StagedShop> shops) : IAsyncDisposable
    {
        public IReadOnlyList<Pc> All { get; } = [.. shops.SelectMany(shop => Enumerable.Range(0, PcsOfShop).Select(_ => new Pc(origin, shop)))];

        /// <summary>Waits until something holds for each of them.</summary>
        public Task AllAsync(Func<Pc, bool> condition, string what) =>
            Eventually.HoldsAsync(() => Task.FromResult(All.All(pc => condition(pc.Healthy))), what, Limit, Token);

        public async ValueTask DisposeAsync()
        {
            foreach (var pc in All)
                await pc.DisposeAsync();
        }
    }

    /// <summary>A PC with the client library, which connects again after a growing pause, and what it has been told of.</summary>
    private sealed class Pc : IAsyncDisposable
    {
        private readonly CloudTabClient _client;
        private readonly CancellationTokenSource _stop = new();
        private readonly ConcurrentDictionary<string, bool> _known = new(StringComparer.Ordinal);
        private readonly Task _listening;
        private int _connections;

        public Pc(Uri origin, StagedShop shop)
        {
            Shop = shop.Id;
            _client = new(new CloudTabClientOptions { Address = origin, ApiKey = shop.Key });
            _listening = Task.Run(ListenAsync);
        }

        public string Shop { get; }

        /// <summary>How often its socket was opened.</summary>
        public int Connections => _connections;

        public ICollection<string> Known => _known.Keys;

        /// <summary>The PC, if it has not given up.</summary>
        public Pc Healthy => _listening.IsFaulted ? throw _listening.Exception : this;

        public bool Knows(string sessionId) => _known.ContainsKey(sessionId);

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _listening.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _stop.Dispose();
            _client.Dispose();
        }

        private async Task ListenAsync()
        {
            await foreach (var told in _client.Shop.ListenAsync(_stop.Token))
            {
                switch (told)
                {
                    case SocketConnected:
                        Interlocked.Increment(ref _connections);
                        break;
                    case PendingSessions list:
                        foreach (var session in list.Sessions)
                            _known[session.SessionId] = true;
                        break;
                    case SessionAnnounced announced:
                        _known[announced.SessionId] = true;
                        break;
                    case SessionUpdated updated:
                        _known[updated.SessionId] = true;
                        break;
                }
            }
        }
    }
}
