using CloudTab.Relay;
using Dapper;
using FsCheck;
using FsCheck.Fluent;
using Npgsql;
using Polly;

namespace CloudTab.Services.Tests;

/// <summary>
/// Random interleavings of transactions and reads, run against Postgres: whatever the order of commits, a reader gets each event once, and
/// none later than the first read after its commit.
/// </summary>
public sealed class EventsModelTests(RelayFixture relay) : IClassFixture<RelayFixture>, IAsyncLifetime
{
    private const int Writers = 3;
    private const int Schedules = 20;
    private const int LongestSchedule = 40;

    // What a schedule is made of, each as often as it is here. A transaction may have its number long before it writes. Many: more than a read returns.
    private static readonly Step[] Steps =
    [
        .. Enumerable.Repeat(new Step("read", 0), 28),
        .. Enumerable.Range(0, 2 * Writers).SelectMany(
            any => new[] { "begin", "write", "write", "write", "write", "commit", "commit", "commit", "roll back" }.Select(act => new Step(act, any % Writers))),
        new Step("write many", 0),
    ];

    private readonly NpgsqlConnection[] _writers = new NpgsqlConnection[Writers];
    private GivenSession _session = null!;

    private delegate Task<(IReadOnlyList<long> Ids, bool HasMore)> Read();

    public async ValueTask InitializeAsync()
    {
        _session = await relay.AnnounceAsync((await relay.ShopAsync()).Id);
        for (var writer = 0; writer < Writers; writer++)
            _writers[writer] = await relay.Source.OpenConnectionAsync(Token);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var writer in _writers)
            await writer.DisposeAsync();
    }

    [Fact]
    public Task However_transactions_interleave_the_reader_skips_and_repeats_nothing() => CheckAsync(Snapshots);

    [Fact]
    public async Task Reading_what_has_a_later_id_skips_events()
    {
        var failure = await Assert.ThrowsAnyAsync<Exception>(() => CheckAsync(LaterIds));

        Assert.Contains("Falsifiable", failure.Message, StringComparison.Ordinal);
        Assert.Contains("skipped", failure.Message, StringComparison.Ordinal);
    }

    /// <summary>The reader as it is.</summary>
    private Read Snapshots()
    {
        var reader = new EventReader(new Database(relay.Source, ResiliencePipeline.Empty));
        return async () => ([.. (await reader.ReadChangesAsync(Token)).Select(change => change.Id)], reader.HasMore);
    }

    /// <summary>The reader that first comes to mind.</summary>
    private Read LaterIds()
    {
        long? last = null;
        return async () =>
        {
            if (last is null)
            {
                last = await relay.ScalarAsync<long>("SELECT max(id) FROM events");
                return ([], false);
            }

            var ids = await relay.ColumnAsync<long>("SELECT id FROM events WHERE id > @last ORDER BY id LIMIT @BatchSize", new { last, EventReader.BatchSize });
            last = ids.Append(last.Value).Max();
            return (ids, ids.Count == EventReader.BatchSize);
        };
    }

    // On a thread of the pool: the check blocks it while a schedule runs.
    private Task CheckAsync(Func<Read> begin) => Task.Run(
        () => Prop.ForAll(
                Arb.Array(Arb.From(Gen.Elements(Steps))),
                async schedule => await FaultOfAsync(schedule, begin()) is { } fault ? false.Label(fault) : true.Label("right"))
            .Check(Config.QuickThrowOnFailure.WithQuietOnSuccess(true).WithMaxTest(Schedules).WithStartSize(LongestSchedule).WithEndSize(LongestSchedule)),
        Token);

    /// <summary>Runs a schedule to the end of all its transactions. The first read only takes the reader's place.</summary>
    /// <returns>What the reader did wrong, or null.</returns>
    private async Task<string?> FaultOfAsync(Step[] schedule, Read read)
    {
        var open = new List<long>?[Writers]; // the events that each open transaction has written
        var due = new List<long>();
        var told = new List<long>();
        var (hasPlace, hasMore) = (false, false);
        try
        {
            foreach (var step in schedule.Concat(Enumerable.Range(0, Writers).Select(writer => new Step("commit", writer))))
            {
                if (step.Act == "read")
                {
                    if (await ReadAsync() is { } fault)
                        return fault;
                }
                else if (await StepAsync(step, open) is { } committed && hasPlace)
                {
                    due.AddRange(committed);
                }
            }

            for (var isLast = false; !isLast;)
            {
                isLast = !hasMore;
                if (await ReadAsync() is { } fault)
                    return fault;
                isLast &= !hasMore;
            }

            return null;
        }
        finally
        {
            for (var writer = 0; writer < Writers; writer++)
                await StepAsync(new("roll back", writer), open);
        }

        async Task<string?> ReadAsync()
        {
            var (hadPlace, hadMore) = (hasPlace, hasMore);
            (var ids, hasMore) = await read();
            hasPlace = true;
            told.AddRange(ids);
            if (told.Except(due).Any())
                return "told too early, or of the time before the reader had its place";
            if (told.Distinct().Count() < told.Count)
                return "repeated";
            // While there is more, an event is told that was committed before the first of these reads.
            return hadPlace && !hadMore && !hasMore && told.Count < due.Count ? "skipped" : null;
        }
    }

    /// <returns>The events that are committed by it, if it is a commit.</returns>
    private async Task<List<long>?> StepAsync(Step step, List<long>?[] open)
    {
        var (connection, written) = (_writers[step.Writer], open[step.Writer]);
        if (step.Act is "commit" or "roll back")
        {
            if (written is null)
                return null;
            open[step.Writer] = null;
            await connection.ExecuteAsync(step.Act == "commit" ? "COMMIT" : "ROLLBACK");
            return step.Act == "commit" ? written : null;
        }

        if (written is null)
        {
            await connection.ExecuteAsync("BEGIN; SELECT pg_current_xact_id()");
            open[step.Writer] = written = [];
        }

        if (step.Act != "begin")
        {
            written.AddRange(await connection.QueryAsync<long>(
                """
                INSERT INTO events (shop_id, session, type, status, file_count, total_size, created_at)
                SELECT shop_id, id, 'session_updated', 'pending', 1, 1, now() FROM sessions, generate_series(1, @count) WHERE id = @Id
                RETURNING id
                """,
                new { _session.Id, count = step.Act == "write many" ? EventReader.BatchSize + 1 : 1 }));
        }

        return null;
    }

    /// <param name="Act">Commits and roll-backs do nothing if there is no transaction, and anything else begins one: so any part of a schedule is a schedule.</param>
    private sealed record Step(string Act, int Writer)
    {
        public override string ToString() => Act == "read" ? Act : $"{Act} {Writer}";
    }
}
