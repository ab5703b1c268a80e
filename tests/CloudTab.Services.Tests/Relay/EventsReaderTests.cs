using CloudTab.Relay;
using Dapper;
using Npgsql;
using Polly;

namespace CloudTab.Services.Tests;

public sealed class EventsReaderTests(RelayFixture relay) : IClassFixture<RelayFixture>
{
    [Fact]
    public async Task Events_that_commit_out_of_order_are_each_read_once()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.AnnounceAsync(shop.Id);
        var reader = await ReaderInPlaceAsync();
        await using var first = await OpenAsync();
        await using var second = await OpenAsync();
        await using var third = await OpenAsync();
        var (a, b, c) = (await InsertAsync(first, given), await InsertAsync(second, given), await InsertAsync(third, given));
        Assert.True(a < b && b < c);

        await third.ExecuteAsync("COMMIT");
        Assert.Equal([c], await ReadAsync(reader));
        Assert.Empty(await ReadAsync(reader));
        await first.ExecuteAsync("COMMIT");
        Assert.Equal([a], await ReadAsync(reader));
        await second.ExecuteAsync("ROLLBACK");
        Assert.Empty(await ReadAsync(reader));
    }

    [Fact]
    public async Task A_long_transaction_delays_no_delivery_and_is_measured()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.AnnounceAsync(shop.Id);
        await using var elsewhere = await OpenAsync();
        await elsewhere.ExecuteAsync("SELECT pg_current_xact_id()");
        var reader = await ReaderInPlaceAsync();
        await using var writer = await relay.Source.OpenConnectionAsync(Token);

        var written = new List<long>();
        var read = new List<long>();
        for (var i = 0; i < 20; i++)
        {
            written.Add(await InsertAsync(writer, given));
            read.AddRange(await ReadAsync(reader));
        }

        Assert.Equal(written, read);
        Assert.InRange(reader.BehindHorizon, 20, int.MaxValue);
        await elsewhere.ExecuteAsync("ROLLBACK");
        // A transaction in another test's database can keep the cluster's horizon back for a moment.
        await UntilAsync(async () => (await ReadAsync(reader)).Count == 0 && reader.BehindHorizon == 0);
    }

    [Fact]
    public async Task Interleaved_transactions_lose_and_repeat_no_event()
    {
        const int Writers = 8;
        const int PerWriter = 50;
        var shop = await relay.ShopAsync();
        var given = await relay.AnnounceAsync(shop.Id);
        var reader = await ReaderInPlaceAsync();

        var writing = Task.WhenAll(Enumerable.Range(0, Writers).Select(async seed =>
        {
            var random = new Random(seed);
            var committed = new List<long>();
            await using var connection = await relay.Source.OpenConnectionAsync(Token);
            for (var i = 0; i < PerWriter; i++)
            {
                await connection.ExecuteAsync("BEGIN TRANSACTION");
                var ids = new List<long>();
                for (var n = random.Next(1, 4); n > 0; n--)
                {
                    ids.Add(await InsertAsync(connection, given));
                    await Task.Yield();
                }

                var commits = random.Next(5) > 0;
                await connection.ExecuteAsync(commits ? "COMMIT" : "ROLLBACK");
                if (commits)
                    committed.AddRange(ids);
            }

            return committed;
        }));

        var read = new List<long>();
        while (!writing.IsCompleted)
            read.AddRange(await ReadAsync(reader));
        read.AddRange(await ReadAsync(reader));

        Assert.Equal((await writing).SelectMany(ids => ids).Order(), read.Order());
    }

    [Fact]
    public async Task More_events_than_one_batch_are_read_batch_by_batch()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.AnnounceAsync(shop.Id);
        var reader = await ReaderInPlaceAsync();
        await relay.ExecuteAsync(
            """
            INSERT INTO events (shop_id, session, type, status, file_count, total_size, created_at)
            SELECT shop_id, id, 'session_updated', 'pending', 1, 1, now() FROM sessions, generate_series(1, @events) WHERE id = @Id
            """,
            new { given.Id, events = EventReader.BatchSize + 1 });

        Assert.Equal(EventReader.BatchSize, (await ReadAsync(reader)).Count);
        Assert.Single(await ReadAsync(reader));
        Assert.Empty(await ReadAsync(reader));
    }

    [Fact]
    public async Task A_read_ends_with_the_event_that_reaches_a_thousand_files()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.AnnounceAsync(shop.Id);
        var reader = await ReaderInPlaceAsync();
        await relay.ExecuteAsync("UPDATE sessions SET file_count = 400 WHERE id = @Id", new { given.Id });
        await relay.ExecuteAsync(
            """
            INSERT INTO events (shop_id, session, type, status, file_count, total_size, created_at)
            SELECT shop_id, id, 'session_updated', 'pending', 1, 1, now() FROM sessions, generate_series(1, 7) WHERE id = @Id
            """,
            new { given.Id });
        var written = await relay.ColumnAsync<long>("SELECT id FROM events WHERE session = @Id AND type = 'session_updated' ORDER BY id", new { given.Id });

        Assert.Equal(written[..3], await ReadAsync(reader));
        Assert.True(reader.HasMore);
        Assert.Equal(written[3..6], await ReadAsync(reader));
        Assert.Equal(written[6..], await ReadAsync(reader));
        Assert.False(reader.HasMore);
    }

    [Fact]
    public async Task Reading_stays_fast_behind_a_long_transaction_and_many_events_whatever_plan_Postgres_takes()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.AnnounceAsync(shop.Id);
        await using var elsewhere = await OpenAsync();
        await elsewhere.ExecuteAsync("SELECT pg_current_xact_id()");
        await using var source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(relay.Environment()["ConnectionStrings__cloudtab"])
        {
            Options = "-c plan_cache_mode=force_generic_plan",
            MaxAutoPrepare = 20,
            MaxPoolSize = 1,
        });
        var reader = await ReaderInPlaceAsync(source);
        await relay.ExecuteAsync(
            """
            INSERT INTO events (shop_id, session, type, status, file_count, total_size, created_at)
            SELECT shop_id, id, 'session_updated', 'pending', 1, 1, now() FROM sessions, generate_series(1, 100000) WHERE id = @Id
            """,
            given);
        var count = 0;
        do
            count += (await ReadAsync(reader)).Count;
        while (reader.HasMore);
        Assert.Equal(100_000, count);
        await using var writer = await relay.Source.OpenConnectionAsync(Token);

        var times = new List<TimeSpan>();
        var pages = new List<long>();
        for (var i = 0; i < 7; i++)
        {
            var written = await InsertAsync(writer, given);
            var before = await PagesReadAsync();
            var began = TimeProvider.System.GetTimestamp();
            Assert.Equal([written], await ReadAsync(reader));
            times.Add(TimeProvider.System.GetElapsedTime(began));
            pages.Add(await PagesReadAsync() - before);
        }

        Assert.InRange(times.Min(), TimeSpan.Zero, TimeSpan.FromMilliseconds(50));
        // The index has hundreds.
        Assert.InRange(pages.Min(), 1, 30);

        async Task<long> PagesReadAsync()
        {
            // Its own connection's reads are counted at once.
            await using (var connection = await source.OpenConnectionAsync(Token))
                await connection.ExecuteAsync("SELECT pg_stat_force_next_flush()");
            await using var look = await source.OpenConnectionAsync(Token);
            return await look.ExecuteScalarAsync<long>("SELECT idx_blks_hit + idx_blks_read FROM pg_statio_user_indexes WHERE indexrelname = 'events_from_horizon'");
        }
    }

    private static async Task<List<long>> ReadAsync(EventReader reader) =>
        [.. (await reader.ReadAsync(Token)).Select(read => read.Id)];

    private static Task<long> InsertAsync(NpgsqlConnection connection, GivenSession session) => connection.ExecuteScalarAsync<long>(
        """
        INSERT INTO events (shop_id, session, type, status, file_count, total_size, created_at)
        SELECT shop_id, id, 'session_updated', 'pending', 1, 1, now() FROM sessions WHERE id = @Id
        RETURNING id
        """,
        session);

    private async Task<NpgsqlConnection> OpenAsync()
    {
        var connection = await relay.Source.OpenConnectionAsync(Token);
        await connection.ExecuteAsync("BEGIN TRANSACTION");
        return connection;
    }

    private async Task<EventReader> ReaderInPlaceAsync(NpgsqlDataSource? source = null)
    {
        var reader = new EventReader(new Database(source ?? relay.Source, ResiliencePipeline.Empty));
        Assert.Empty(await ReadAsync(reader));
        return reader;
    }
}
