using System.Net;
using System.Security.Cryptography;
using Amazon.S3;
using CloudTab.Janitor;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace CloudTab.Services.Tests;

/// <summary>
/// The state machine and the Janitor's duties over a fixture's database and bucket, wired as in their service but without the loops:
/// a test runs each duty itself. Several instances act as several replicas.
/// </summary>
internal sealed class StateMachine : IDisposable
{
    private readonly RelayFixture _fixture;
    private readonly IHost _host;

    public StateMachine(RelayFixture fixture, IAmazonS3? s3 = null, ShiftedClock? clock = null, params (string Name, string Value)[] settings)
        : this(fixture, s3, clock ?? new(), time: null, settings)
    {
    }

    /// <param name="time">What the replica takes for the time instead of its clock.</param>
    public StateMachine(RelayFixture fixture, IAmazonS3? s3, ShiftedClock clock, TimeProvider? time, params (string Name, string Value)[] settings)
    {
        _fixture = fixture;
        Clock = clock;
        var builder = Host.CreateApplicationBuilder();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>(StringComparer.Ordinal) { ["AWS_S3_BUCKET"] = fixture.Bucket });
        builder.Configuration.AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create(setting.Name, (string?)setting.Value)));
        builder.AddServiceDefaults<HostApplicationBuilder>();
        builder.AddDatabase();
        builder.AddObjectStore();
        builder.AddRelay();
        builder.Services.AddSettings<JanitorOptions>();
        builder.Services.AddSingleton<Janitor.Telemetry>();
        foreach (var duty in (Type[])[
            typeof(MarkDue), typeof(TidyUploads), typeof(RemoveFiles), typeof(IssueReceipts), typeof(AbortUploads), typeof(SweepOrphans), typeof(Purge), typeof(MeasureBacklog)])
        {
            builder.Services.AddSingleton(duty);
        }

        builder.Services.AddSingleton(time ?? Clock);
        builder.Services.AddSingleton(fixture.Source);
        builder.Services.AddSingleton(s3 ?? fixture.S3);
        _host = builder.Build();
    }

    /// <summary>The clock of this replica; other tests have another one.</summary>
    public ShiftedClock Clock { get; }

    public Sessions Sessions => Get<Sessions>();

    public UploadingFiles UploadingFiles => Get<UploadingFiles>();

    public Claims Claims => Get<Claims>();

    public Expiry Expiry => Get<Expiry>();

    public T Get<T>()
        where T : class => _host.Services.GetRequiredService<T>();

    // The fixture keeps its data source and client: a container does not dispose instances that it was given.
    public void Dispose() => _host.Dispose();

    /// <summary>Runs a duty until it has nothing left to do.</summary>
    /// <returns>How much it did.</returns>
    public static async Task<int> AllAsync(Func<CancellationToken, Task<Batch>> runOnce)
    {
        var done = 0;
        Batch batch;
        do
        {
            batch = await runOnce(Token);
            done += batch.Done;
        }
        while (batch.More);
        return done;
    }

    public async Task<OpenedSession> OpenAsync(string shop) => (await Sessions.OpenAsync(shop, "Ada", printOptions: null, CancellationToken.None))!;

    /// <summary>A file of three bytes on its way into a session: its object is there, its row says `uploading`.</summary>
    public async Task<UploadingFile> BeginAsync(Guid session)
    {
        var file = (await UploadingFiles.BeginAsync(session, "a.txt", printOptions: null, CancellationToken.None))!;
        await _fixture.S3.PutObjectAsync(new() { BucketName = _fixture.Bucket, Key = file.ObjectKey, ContentBody = "abc" });
        return file;
    }

    public Task<Outcome> StoreAsync(Guid session, UploadingFile file, int mostFiles = 50, long mostBytes = 1 << 20) => Get<StoredFiles>().StoreAsync(
        session,
        [new UploadedFile(file.Id, file.Name, "text/plain", 3, SHA256.HashData("abc"u8))],
        new SessionLimits(mostFiles, mostBytes),
        CancellationToken.None);

    /// <summary>A session of a new shop, in a state of the chart.</summary>
    public async Task<(ShopKey Key, OpenedSession Session)> InStateAsync(string state)
    {
        var key = await KeyAsync();
        return (key, await InStateAsync(state, key));
    }

    /// <summary>A session in a state of the chart.</summary>
    public async Task<OpenedSession> InStateAsync(string state, ShopKey key)
    {
        var session = await OpenAsync(key.Shop);
        if (state == "open")
            return session;
        Assert.Equal(Outcome.Done, await StoreAsync(session.Id, await BeginAsync(session.Id)));
        var name = SessionName.Parse(session.SessionId);
        if (state is "processing" or "completed")
            Assert.Equal(Outcome.Done, (await Claims.ClaimAsync(key, name, CancellationToken.None)).Outcome);
        if (state == "completed")
            Assert.Equal(Outcome.Done, (await Claims.CompleteAsync(key, name, CancellationToken.None)).Outcome);
        if (state == "cancelled")
            Assert.Equal(Outcome.Done, (await Sessions.CancelAsync(key.Shop, session.SessionId, CancellationToken.None)).Outcome);
        if (state == "expired")
        {
            await PassAsync(session);
            await Expiry.ExpireSessionsAsync(1_000, CancellationToken.None);
        }

        return session;
    }

    /// <summary>Lets the time of a session and its claim pass, without the Janitor.</summary>
    public Task<int> PassAsync(OpenedSession session) => ExecuteAsync(
        "UPDATE sessions SET expires_at = @now, claimed_until = CASE WHEN status = 'processing' THEN @now END WHERE id = @Id", new { now = Clock.GetUtcNow().UtcDateTime, session.Id });

    /// <summary>A key of a new shop.</summary>
    public async Task<ShopKey> KeyAsync() => await KeyAsync(await _fixture.ShopAsync());

    /// <summary>The key of a shop, or another one for it.</summary>
    public async Task<ShopKey> KeyAsync(TestShop shop, bool another = false) =>
        (await Get<ApiKeys>().FindAsync(another ? await _fixture.KeyAsync(shop.Id) : shop.Key, IPAddress.Loopback, CancellationToken.None)).Key!;

    public async Task<SessionRow> SessionAsync(Guid id) => (await _fixture.ColumnAsync<SessionRow>(
        """
        SELECT status, submitted_at AS SubmittedAt, claimed_by AS ClaimedBy, claimed_until AS ClaimedUntil, ended_at AS EndedAt,
               expires_at AS ExpiresAt, file_count AS FileCount, total_size AS TotalSize
        FROM sessions WHERE id = @id
        """,
        new { id })).Single();

    /// <summary>A session's events, oldest first, each as "type status files".</summary>
    public Task<List<string>> EventsAsync(Guid session) => _fixture.ColumnAsync<string>(
        "SELECT type || ' ' || status || ' ' || file_count FROM events WHERE session = @session ORDER BY id", new { session });

    /// <summary>The states of a session's files, in the order of their rows.</summary>
    public Task<List<string>> FilesAsync(Guid session) =>
        _fixture.ColumnAsync<string>("SELECT status FROM files WHERE session = @session ORDER BY created_at, id", new { session });

    public Task<int> ExecuteAsync(string sql, object? parameters = null) => _fixture.ExecuteAsync(sql, parameters);
}

/// <summary>A session as it is stored.</summary>
internal sealed record SessionRow(
    string Status,
    DateTime? SubmittedAt,
    Guid? ClaimedBy,
    DateTime? ClaimedUntil,
    DateTime? EndedAt,
    DateTime ExpiresAt,
    int FileCount,
    long TotalSize);
