using System.Collections.Concurrent;
using System.Diagnostics;
using CloudTab.Janitor;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using OpenTelemetry;
using OpenTelemetry.Trace;

namespace CloudTab.Services.Tests;

/// <summary>The loop around a duty, and the whole Janitor at work.</summary>
public sealed class JanitorLoopTests(JanitorLoopTests.Fixture fixture) : IClassFixture<JanitorLoopTests.Fixture>
{
    [Fact]
    public async Task A_running_Janitor_removes_an_expired_session_by_itself()
    {
        using var states = new StateMachine(fixture);
        var (_, session) = await states.InStateAsync("pending");
        await states.ExecuteAsync("UPDATE sessions SET expires_at = '2000-01-01' WHERE id = @Id", new { session.Id });

        await using var first = fixture.StartHost<JanitorOptions>();
        await using var second = fixture.StartHost<JanitorOptions>();
        using (var answer = await first.Client().GetAsync(new Uri("/health/ready", UriKind.Relative), Token))
            Assert.True(answer.IsSuccessStatusCode);
        await UntilAsync(async () => (await states.FilesAsync(session.Id))[0] == "deleted");

        Assert.Empty(await fixture.ObjectsAsync());
        Assert.Equal("expired", (await states.SessionAsync(session.Id)).Status);
        Assert.Single(await states.EventsAsync(session.Id), "session_updated expired 1");
    }

    [Fact]
    public async Task More_rows_than_a_round_may_purge_are_gone_some_rounds_later_however_seldom_the_bucket_is_listed()
    {
        using var states = new StateMachine(fixture);
        var (_, session) = await states.InStateAsync("completed");
        await states.ExecuteAsync("UPDATE events SET created_at = '2000-01-01' WHERE session = @Id", new { session.Id });
        Assert.True((await states.EventsAsync(session.Id)).Count > 1);

        await using var janitor = fixture.StartHost<JanitorOptions>(("JANITOR_BATCH_SIZE", "1"), ("JANITOR_BATCHES", "1"), ("JANITOR_LISTING_INTERVAL", "3600000"));

        await UntilAsync(async () => (await states.EventsAsync(session.Id)).Count == 0);
        await UntilAsync(async () => (await states.FilesAsync(session.Id))[0] == "deleted");
    }

    [Fact]
    public async Task A_duty_runs_at_once_and_logs_only_rounds_that_did_something()
    {
        var batches = new Queue<Batch>([new(3, More: true), new(2, More: false), new(0, More: false)]);
        var log = await RunAsync(() => Task.FromResult(batches.Dequeue()), () => batches.Count == 0);
        Assert.Equal(["tidy: 5 done"], log);
    }

    [Fact]
    public async Task A_duty_survives_failures_and_logs_each_change_of_health_once()
    {
        var run = 0;
        var log = await RunAsync(
            () => ++run switch
            {
                1 or 2 or 3 => throw new TimeoutException(),
                4 => Task.FromResult(new Batch(1, More: false)),
                _ => Task.FromResult(new Batch(0, More: false)),
            },
            () => run >= 5);
        Assert.Equal(["tidy interrupted; it goes on trying", "tidy works again", "tidy: 1 done"], log);
    }

    [Fact]
    public async Task A_round_ends_after_the_allowed_batches_and_logs_refusals_once()
    {
        var run = 0;
        var log = await RunAsync(() => Task.FromResult(new Batch(0, More: ++run > 0, Refused: 1)), () => run >= 2 * Batches);
        Assert.Equal([$"tidy: S3 refused {Batches}; they are tried again"], log);
    }

    [Fact]
    public async Task A_batch_that_hangs_times_out_and_the_duty_continues()
    {
        var hung = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var run = 0;
        var log = await RunAsync(
            async token =>
            {
                if (++run == 1)
                    await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
                hung.TrySetResult();
                return new(0, More: false);
            },
            () => hung.Task.IsCompleted,
            batchTimeout: 1_000);
        Assert.Equal("tidy interrupted; it goes on trying", log[0]);
    }

    [Fact]
    public async Task A_round_is_a_trace_only_if_it_did_something()
    {
        using var states = new StateMachine(fixture);
        await states.Get<MarkDue>().ExpireSessionsAsync(Token);
        var (_, session) = await states.InStateAsync("pending");
        var exported = new Exported();
        using var tracing = Sdk.CreateTracerProviderBuilder()
            .AddSource("CloudTab.*").AddNpgsql().AddProcessor(new SimpleActivityExportProcessor(exported)).Build();
        var rounds = new List<ActivityTraceId>();

        await RunAsync(
            async token =>
            {
                rounds.Add(Activity.Current!.TraceId);
                if (rounds.Count == 4)
                    await states.ExecuteAsync("UPDATE sessions SET expires_at = '2000-01-01' WHERE id = @Id", new { session.Id });
                return await states.Get<MarkDue>().ExpireSessionsAsync(token);
            },
            () => rounds.Count >= 6);

        var all = exported.Spans.Where(span => rounds.Contains(span.TraceId)).ToList();
        Assert.Equal(rounds[3], Assert.Single(all.Select(span => span.TraceId).Distinct()));
        var round = Assert.Single(all, span => span.ParentSpanId == default);
        Assert.Equal("tidy", round.DisplayName);
        Assert.Contains(all, span => span.Kind == ActivityKind.Client && span.ParentSpanId == round.SpanId);
        Assert.Equal(
            [$"00-{round.TraceId}-{round.SpanId}-01"],
            await fixture.ColumnAsync<string>("SELECT trace_parent FROM events WHERE session = @Id AND status = 'expired'", new { session.Id }));
    }

    [Fact]
    public async Task A_duty_loop_can_be_started_and_stopped_at_any_moment()
    {
        for (var i = 0; i < 100; i++)
        {
            using var loop = Loop(new Duty("tidy", TimeSpan.FromMilliseconds(1), async token =>
            {
                await Task.Yield();
                token.ThrowIfCancellationRequested();
                return new(0, More: i % 2 == 0);
            }), new Lines());
            await loop.StartAsync(Token);
            if (i % 3 == 0)
                await Task.Yield();
            await loop.StopAsync(Token).WaitAsync(TimeSpan.FromSeconds(5), Token);
        }
    }

    private const int Batches = 4;

    // No batch takes that long on a busy machine either.
    private const int LongBatchTimeout = 60_000;

    private static Task<List<string>> RunAsync(Func<Task<Batch>> runOnce, Func<bool> done) => RunAsync(_ => runOnce(), done);

    private static async Task<List<string>> RunAsync(Func<CancellationToken, Task<Batch>> runOnce, Func<bool> done, int batchTimeout = LongBatchTimeout)
    {
        var enough = new TaskCompletionSource<List<string>>(TaskCreationOptions.RunContinuationsAsynchronously);
        var lines = new Lines();
        using var loop = Loop(
            new Duty("tidy", TimeSpan.FromMilliseconds(2), async token =>
            {
                if (done())
                {
                    // The test's batches are used up, and the loop logged the last of them before it ran again.
                    enough.TrySetResult(lines.All);
                    await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
                }

                return await runOnce(token);
            }),
            lines,
            batchTimeout);
        using var limit = Bounded();
        await loop.StartAsync(Token);
        var log = await enough.Task.WaitAsync(limit.Token);
        await loop.StopAsync(Token);
        return log;
    }

    private static DutyLoop Loop(Duty duty, Lines lines, int batchTimeout = LongBatchTimeout)
    {
        var options = Options.Create(new JanitorOptions { Batches = Batches, BatchTimeout = batchTimeout });
        var meters = new ServiceCollection().AddMetrics().BuildServiceProvider().GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>();
        return new DutyLoop(duty, options, new Janitor.Telemetry(meters), TimeProvider.System, lines);
    }

    private sealed class Exported : BaseExporter<Activity>
    {
        private readonly ConcurrentQueue<Activity> _spans = [];

        public IEnumerable<Activity> Spans => _spans;

        public override ExportResult Export(in Batch<Activity> batch)
        {
            foreach (var span in batch)
                _spans.Enqueue(span);
            return ExportResult.Success;
        }
    }

    private sealed class Lines : ILogger<DutyLoop>
    {
        private readonly List<string> _all = [];

        public List<string> All
        {
            get
            {
                lock (_all)
                    return [.. _all];
            }
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (_all)
                _all.Add(formatter(state, exception));
        }
    }

    public sealed class Fixture(Dependencies dependencies) : RelayFixture(dependencies)
    {
        protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["JANITOR_INTERVAL"] = "100",
            ["JANITOR_LISTING_INTERVAL"] = "100",
        };
    }
}
