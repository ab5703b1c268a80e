using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using CloudTab.Relay;
using CloudTab.Testing;
using Dapper;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;

namespace CloudTab.Bench;

/// <summary>What announcements take from those who submit sessions, and how soon the shop's PC has the frame.</summary>
internal static class Announcements
{
    private const int Shops = 100;
    private const int Writers = 64;
    private const int Rounds = 5;
    private const int SubmitsOfRound = 10_000;
    private const double LeastOfRate = 0.9;
    private const int PerSecond = 500;
    private const double MostMedian = 5;
    private const double MostP99 = 30;

    private static readonly TimeSpan TimeToWarmUp = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Time = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan BetweenNotifies = TimeSpan.FromMilliseconds(20);

    public static async Task RunAsync(Stack stack)
    {
        await using var notifier = await stack.StartAsync("CloudTab.Notifier", ("MAX_SOCKETS_PER_ADDRESS", "1000"));
        await using var connection = new NpgsqlConnection(stack.ConnectionString);
        await connection.OpenAsync();
        var shops = await StagedSessions.AddShopsAsync(connection, Shops, CancellationToken.None);
        await using var frames = await Frames.OpenAsync(notifier.Address, shops);
        await MeasureRateAsync(stack, notifier, connection, shops, frames);
        await MeasureLatencyAsync(stack, connection, shops, frames);
    }

    /// <summary>
    /// Submits from this process, by the class that the services use: so the pump can be stopped and started. The Notifier delivers every
    /// event either way; without wake-ups it finds them by its poll.
    /// </summary>
    private static async Task MeasureRateAsync(Stack stack, Server notifier, NpgsqlConnection connection, List<StagedShop> shops, Frames frames)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new());
        builder.Configuration.AddInMemoryCollection([new("ConnectionStrings:cloudtab", $"{stack.ConnectionString};Maximum Pool Size={Writers.ToString(CultureInfo.InvariantCulture)}")]);
        builder.AddDatabase();
        builder.AddRelay();
        using var host = builder.Build();
        await host.Services.GetRequiredService<DatabaseTime>().MeasureAsync(CancellationToken.None);
        var (sessions, pump) = (host.Services.GetRequiredService<Sessions>(), host.Services.GetRequiredService<Wakeups>());

        var (rates, costs) = (new Dictionary<bool, List<double>> { [false] = [], [true] = [] }, new Dictionary<bool, List<double>> { [false] = [], [true] = [] });
        for (var round = -1; round < Rounds; round++)
        {
            // First with and then without, and the other way round in the next one: a machine that slows down favours neither.
            foreach (var isOn in round % 2 == 0 ? (bool[])[true, false] : [false, true])
            {
                var staged = new ConcurrentBag<StagedSession>(await StagedSessions.AddAsync(connection, shops, SubmitsOfRound, CancellationToken.None));
                var (all, before) = (frames.Count + SubmitsOfRound, Usage.Cpu(notifier.Id));
                if (isOn)
                    await pump.StartAsync(CancellationToken.None);
                var measured = await Load.TimesAsync(SubmitsOfRound, Writers, async () =>
                {
                    staged.TryTake(out var one);
                    if (await sessions.SubmitAsync(one!.Shop, one.SessionId, CancellationToken.None) is not Outcome.Done and var outcome)
                        throw new InvalidOperationException($"Not submitted: {outcome}.");
                });
                await frames.UntilAsync(all);
                if (isOn)
                    await pump.StopAsync(CancellationToken.None);
                if (round < 0)
                    continue;
                rates[isOn].Add(SubmitsOfRound / measured.Elapsed.TotalSeconds);
                costs[isOn].Add((Usage.Cpu(notifier.Id) - before).TotalMicroseconds / SubmitsOfRound);
            }
        }

        var (without, with) = (Median(rates[false]), Median(rates[true]));
        Console.WriteLine();
        Console.WriteLine($"| submits, {Writers} writers, {Shops} shops with a socket each | a second | limit | ratio | µs of the Notifier's CPU for one |");
        Console.WriteLine("| --- | ---: | ---: | ---: | ---: |");
        Console.WriteLine($"| pump of wake-ups switched off | {without:F0} | | | {Median(costs[false]):F0} |");
        Console.WriteLine($"| with notifications | {with:F0} | ≥ {LeastOfRate * without:F0} | {with / without:F2} of without | {Median(costs[true]):F0} |");
    }

    /// <summary>By HTTP to the UploadApi, so many a second whatever is answered. Beside it somebody sends a NOTIFY and waits for it, again and again.</summary>
    private static async Task MeasureLatencyAsync(Stack stack, NpgsqlConnection connection, List<StagedShop> shops, Frames frames)
    {
        var warmUp = await StagedSessions.AddAsync(connection, shops, (int)(PerSecond * TimeToWarmUp.TotalSeconds), CancellationToken.None);
        var staged = await StagedSessions.AddAsync(connection, shops, (int)(PerSecond * Time.TotalSeconds), CancellationToken.None);
        await SubmitAsync(stack, warmUp, frames);
        using var stop = new CancellationTokenSource();
        var notifying = NotifyAsync(stack, stop.Token);
        var last = await connection.ExecuteScalarAsync<long>("SELECT max(id) FROM events");
        await SubmitAsync(stack, staged, frames);
        await stop.CancelAsync();
        var roundTrips = new Measured(Time, [.. (await notifying).Order()]);

        // By Postgres' clock and ours, which are the same machine's. The row is written before its commit, so this is longer than from the commit.
        var written = (await connection.QueryAsync<(long Id, DateTime At)>("SELECT id, written_at FROM events WHERE id > @last", new { last })).ToDictionary(one => one.Id, one => one.At);
        var latencies = frames.Received.Where(frame => written.ContainsKey(frame.Event)).Select(frame => frame.At - written[frame.Event]).Order();
        var measured = new Measured(Time, [.. latencies]);

        Console.WriteLine();
        Console.WriteLine($"| from the commit to the frame, {PerSecond} submits a second | measured | limit | ratio |");
        Console.WriteLine("| --- | ---: | ---: | ---: |");
        Console.WriteLine($"| frames | {measured.Latencies.Length} | | |");
        Console.WriteLine($"| p50, ms | {measured.Percentile(0.5):F2} | < {MostMedian:F0} | {measured.Percentile(0.5) / MostMedian:F2} |");
        Console.WriteLine($"| p99, ms | {measured.Percentile(0.99):F2} | < {MostP99:F0} | {measured.Percentile(0.99) / MostP99:F2} |");
        Console.WriteLine($"| a NOTIFY alone, from its sending to a listener, p50, ms | {roundTrips.Percentile(0.5):F2} | | |");
        Console.WriteLine($"| the same, p99, ms | {roundTrips.Percentile(0.99):F2} | | |");
    }

    private static async Task SubmitAsync(Stack stack, List<StagedSession> staged, Frames frames)
    {
        var all = frames.Count + staged.Count;
        using var client = new HttpClient { BaseAddress = stack.UploadApi.Address };
        var submits = new List<Task>();
        var watch = Stopwatch.StartNew();
        foreach (var session in staged)
        {
            var early = TimeSpan.FromSeconds((double)submits.Count / PerSecond) - watch.Elapsed;
            if (early > TimeSpan.Zero)
                await Task.Delay(early, TimeProvider.System);
            submits.Add(SubmitAsync(client, session));
        }

        await Task.WhenAll(submits);
        await frames.UntilAsync(all);
    }

    private static async Task SubmitAsync(HttpClient client, StagedSession session)
    {
        using var submitted = await client.PostAsync(session.SubmitPath, content: null);
        submitted.EnsureSuccessStatusCode();
    }

    private static async Task<List<TimeSpan>> NotifyAsync(Stack stack, CancellationToken stop)
    {
        await using var listener = new NpgsqlConnection(stack.ConnectionString);
        await using var sender = new NpgsqlConnection(stack.ConnectionString);
        await listener.OpenAsync(CancellationToken.None);
        await sender.OpenAsync(CancellationToken.None);
        await listener.ExecuteAsync("LISTEN bench");
        await using var notify = new NpgsqlCommand("NOTIFY bench", sender);
        var times = new List<TimeSpan>();
        while (!stop.IsCancellationRequested)
        {
            var began = Stopwatch.GetTimestamp();
            var heard = listener.WaitAsync(CancellationToken.None);
            await notify.ExecuteNonQueryAsync(CancellationToken.None);
            await heard;
            times.Add(Stopwatch.GetElapsedTime(began));
            await Task.Delay(BetweenNotifies, TimeProvider.System, CancellationToken.None);
        }

        return times;
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    /// <summary>A socket for each shop, and when which event came.</summary>
    private sealed class Frames : IAsyncDisposable
    {
        private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

        private readonly ConcurrentQueue<(long Event, DateTime At)> _received = new();
        private readonly CancellationTokenSource _stop = new();
        private readonly List<ShopConnection> _sockets = [];
        private Task _reading = Task.CompletedTask;

        public int Count => _received.Count;

        public IEnumerable<(long Event, DateTime At)> Received => _received;

        public static async Task<Frames> OpenAsync(Uri notifier, List<StagedShop> shops)
        {
            var frames = new Frames();
            foreach (var shop in shops)
                frames._sockets.Add(await ShopConnection.OpenAsync(notifier, shop.Key, frames._stop.Token));
            frames._reading = Task.WhenAll(frames._sockets.Select(frames.ReadAsync));
            return frames;
        }

        /// <summary>Waits until so many have come.</summary>
        public Task UntilAsync(int count) => Eventually.HoldsAsync(
            () => _reading.IsFaulted ? throw _reading.Exception : Task.FromResult(Count >= count), $"{count.ToString(CultureInfo.InvariantCulture)} frames", Limit, CancellationToken.None);

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            foreach (var socket in _sockets)
                await socket.DisposeAsync();
            _stop.Dispose();
        }

        private async Task ReadAsync(ShopConnection socket)
        {
            while (true)
            {
                var frame = await socket.NextAsync("new_session");
                _received.Enqueue((frame.GetProperty("eventId").GetInt64(), TimeProvider.System.GetUtcNow().UtcDateTime));
            }
        }
    }
}
