using System.Data;
using CloudTab.Relay;
using CloudTab.ShopApi;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Polly;

namespace CloudTab.Services.Tests;

/// <summary>Statements whose connection fails, has to be waited for, or whose rows are locked.</summary>
public sealed class DatabaseTests(RelayFixture relay) : IClassFixture<RelayFixture>
{
    [Fact]
    public async Task A_connection_that_dies_between_its_opening_and_its_use_is_an_outage()
    {
        await using var source = SourceWith(settings => settings.KeepAlive = 1);
        var database = new Database(source, ResiliencePipeline.Empty);

        foreach (var use in (Func<Task>[])[
            () => database.QueryAsync<int>("SELECT 1", new Dies(relay), Token), () => database.ExecuteAsync("SELECT 1", new Dies(relay), Token)])
        {
            Assert.True(Outage.Is((await Record.ExceptionAsync(use))!));
        }
    }

    [Fact]
    public async Task A_full_pool_is_answered_once_and_counts_for_no_outage()
    {
        await using var source = SourceWith(settings => (settings.MaxPoolSize, settings.Timeout) = (1, 1));
        var database = new Database(source, relay.Host<ApiKeyAuthentication>().Services.GetRequiredKeyedService<ResiliencePipeline>("postgres"));
        await using (await source.OpenConnectionAsync(Token))
        {
            var began = TimeProvider.System.GetTimestamp();
            var failures = await Task.WhenAll(Enumerable.Range(0, 30).Select(async _ => await Record.ExceptionAsync(() => ReadAsync(database))));

            Assert.InRange(TimeProvider.System.GetElapsedTime(began), TimeSpan.Zero, TimeSpan.FromSeconds(2.9));
            Assert.All(failures, failure => Assert.True(Outage.Is(failure!)));
            Assert.All(failures, failure => Assert.IsType<NpgsqlException>(failure));
        }

        Assert.Equal([1], await ReadAsync(database));
    }

    [Fact]
    public async Task Nothing_is_decided_by_the_machine_s_clock_before_Postgres_has_answered()
    {
        var machine = new ShiftedClock();
        machine.Advance(TimeSpan.FromDays(1));
        var time = new DatabaseTime(() => relay.Source, machine, Microsoft.Extensions.Logging.Abstractions.NullLogger<DatabaseTime>.Instance);
        using var states = new StateMachine(relay, null, machine, time);

        Assert.Equal(machine.GetUtcNow(), time.GetUtcNow(), TimeSpan.FromMinutes(1));
        foreach (var use in (Func<Task>[])[
            () => states.OpenAsync(Shops.Default), () => states.Expiry.ExpireSessionsAsync(1, Token),
            () => states.Get<Shops>().FindAsync(Shops.Default, Token), () => states.Get<ApiKeys>().ImportAsync(Shops.Default, "a", ApiKeys.Create(), Token)])
        {
            Assert.True(Outage.Is((await Record.ExceptionAsync(use))!));
        }

        await time.MeasureAsync(Token);
        Assert.Equal(DateTimeOffset.UnixEpoch.AddSeconds(await relay.ScalarAsync<double>("SELECT extract(epoch FROM clock_timestamp())")), time.Now(), TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task A_locked_session_ends_nobody_else_s_upload()
    {
        using var states = new StateMachine(relay);
        var (key, locked) = await states.InStateAsync("open");
        var free = await states.InStateAsync("open", key);
        var files = new List<Guid>();
        var uploads = new List<Guid>();
        foreach (var session in (OpenedSession[])[locked, free])
        {
            files.Add((await states.UploadingFiles.BeginAsync(session.Id, "a.pdf", printOptions: null, Token))!.Id);
            var wanted = new NewUpload("a.pdf", 1_000, null, null, null, null);
            var (_, upload) = await states.Get<UploadCreation>().CreateAsync(key.Shop, session.SessionId, wanted, printOptions: null, new(50, 1 << 20), Holder, Token);
            uploads.Add(upload!.Id);
        }

        await using var elsewhere = await relay.Source.OpenConnectionAsync(Token);
        await using var transaction = await elsewhere.BeginTransactionAsync(Token);
        await elsewhere.ExecuteAsync("SELECT FROM sessions WHERE id = @Id FOR UPDATE", new { locked.Id }, transaction);
        await elsewhere.ExecuteAsync("SELECT FROM uploads WHERE id = @id FOR UPDATE", new { id = uploads[0] }, transaction);
        states.Clock.Advance(TimeSpan.FromSeconds(30));

        await states.UploadingFiles.RenewAsync([.. files], [], Token);
        var renewed = await states.Get<Uploads>().RenewAsync([.. uploads], Holder, Token);

        Assert.Equal(2, await relay.ScalarAsync<int>(
            "SELECT count(*) FROM files WHERE id = ANY(@files) AND lease_until > @before", new { files, before = states.Clock.GetUtcNow().UtcDateTime.AddSeconds(50) }));
        Assert.True((await states.SessionAsync(free.Id)).ExpiresAt > (await states.SessionAsync(locked.Id)).ExpiresAt.AddSeconds(20));
        Assert.Equal([(uploads[0], false), (uploads[1], true)], renewed.Select(upload => (upload.Id, upload.Renewed)).OrderBy(upload => upload.Renewed));
    }

    private static readonly Guid Holder = Guid.NewGuid();

    private static Task<List<int>> ReadAsync(Database database) => database.QueryAsync<int>("SELECT 1", null, Token);

    private NpgsqlDataSource SourceWith(Action<NpgsqlConnectionStringBuilder> change)
    {
        var settings = new NpgsqlConnectionStringBuilder(relay.Environment()["ConnectionStrings__cloudtab"]);
        change(settings);
        return NpgsqlDataSource.Create(settings);
    }

    /// <summary>Parameters by whose turn Postgres has ended the connection, and its keep-alive has noticed.</summary>
    private sealed class Dies(RelayFixture relay) : SqlMapper.IDynamicParameters
    {
        public void AddParameters(IDbCommand command, SqlMapper.Identity identity)
        {
            var connection = (NpgsqlConnection)command.Connection!;
            using var other = relay.Source.OpenConnection();
            other.Execute("SELECT pg_terminate_backend(@ProcessID)", new { connection.ProcessID });
            Assert.True(SpinWait.SpinUntil(() => connection.State != ConnectionState.Open, TimeSpan.FromSeconds(30)));
        }
    }
}
