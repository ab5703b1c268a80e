using System.Collections.Concurrent;
using System.Globalization;
using System.Net.WebSockets;
using System.Text;
using CloudTab.Relay;

namespace CloudTab.Bench;

/// <summary>
/// Whether a session and an event cost the same however many others there are: the same work beside 1,000 to 100,000 live sessions of 1 to 10,000
/// shops. A session's life is to be opened, get a file, be looked at by its customer, head the shop's list, be claimed and completed. An event comes
/// of each claim and each release, up to the frame on the shop's socket.
/// </summary>
internal sealed class Scale(Stack stack, Server notifier, Server janitor) : IDisposable
{
    private const int Rounds = 3;
    private const int Concurrency = 4;
    private const double MostOfFirst = 1.15;

    // Those that the work is in; each has its socket open.
    private const int MostShopsAtWork = 100;

    private static readonly (int Sessions, int Shops)[] Sizes =
        [.. from sessions in (int[])[1_000, 10_000, 100_000] from shops in (int[])[1, 100, 10_000] select (sessions, shops)];

    private static readonly TimeSpan Time = TimeSpan.FromSeconds(8);
    private static readonly TimeSpan TimeToWarmUp = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(1);

    private static readonly byte[] File = UploadClient.CreateFile(2_000);

    private readonly HttpClient _customers = new() { BaseAddress = stack.UploadApi.Address };
    private readonly HttpClient _shops = new() { BaseAddress = stack.ShopApi.Address };
    private long _frames;

    public static async Task RunAsync(Stack stack)
    {
        await using var notifier = await stack.StartAsync("CloudTab.Notifier", ("MAX_SOCKETS_PER_ADDRESS", "1000"));
        await using var janitor = await stack.StartAsync("CloudTab.Janitor");
        using var scale = new Scale(stack, notifier, janitor);
        await scale.MeasureAsync(1_000, 100, TimeToWarmUp);
        var results = Sizes.ToDictionary(size => size, _ => new List<Result>());
        for (var round = 0; round < Rounds; round++)
        {
            foreach (var size in Sizes)
                results[size].Add(await scale.MeasureAsync(size.Sessions, size.Shops, Time));
        }

        Print(results.ToDictionary(one => one.Key, one => Result.Median(one.Value)));
    }

    public void Dispose()
    {
        _customers.Dispose();
        _shops.Dispose();
    }

    private async Task<Result> MeasureAsync(int sessions, int shops, TimeSpan time)
    {
        await FillAsync(sessions, shops);
        var atWork = Enumerable.Range(0, Math.Min(shops, MostShopsAtWork)).Select(number => $"s{number.ToString(CultureInfo.InvariantCulture)}").ToArray();
        using var stop = new CancellationTokenSource();
        var sockets = await Task.WhenAll(atWork.Select(ConnectAsync));
        var listening = sockets.Select(socket => CountFramesAsync(socket, stop.Token)).ToArray();
        var next = 0;

        var life = await MeasureAsync(
            async () => await LiveAsync(atWork[(uint)Interlocked.Increment(ref next) % atWork.Length]), time);

        var pending = new ConcurrentQueue<(string Shop, string Session)>();
        foreach (var shop in Enumerable.Range(0, Math.Max(atWork.Length, 2 * Concurrency)).Select(number => atWork[number % atWork.Length]))
            pending.Enqueue((shop, await SubmitAsync(shop)));
        var pair = await MeasureAsync(
            async () =>
            {
                if (!pending.TryDequeue(out var job))
                    throw new InvalidOperationException("There are fewer sessions than workers.");
                await CallAsync(HttpMethod.Post, job.Shop, $"sessions/{job.Session}/claim");
                await CallAsync(HttpMethod.Post, job.Shop, $"sessions/{job.Session}/release");
                pending.Enqueue(job);
            },
            time);

        var (services, postgres) = (ServicesCpu(), stack.PostgresCpu());
        await Task.Delay(time, TimeProvider.System);
        var idle = new Cost((ServicesCpu() - services) / time, (stack.PostgresCpu() - postgres) / time, 0);

        await stop.CancelAsync();
        await Task.WhenAll(listening);
        foreach (var socket in sockets)
            socket.Dispose();
        return new(life, new(pair.Services / 2, pair.Postgres / 2, pair.Milliseconds / 2), idle);
    }

    private async Task<Cost> MeasureAsync(Func<Task> work, TimeSpan time)
    {
        await Load.ForAsync(TimeSpan.Zero, time / 4, Concurrency, work);
        await UntilSilentAsync();
        var (services, postgres, frames) = (ServicesCpu(), stack.PostgresCpu(), Interlocked.Read(ref _frames));
        var measured = await Load.ForAsync(TimeSpan.Zero, time, Concurrency, work);
        var times = measured.Latencies.Length;
        await UntilSilentAsync();
        if (Interlocked.Read(ref _frames) == frames)
            throw new InvalidOperationException("No socket has heard of anything.");
        return new((ServicesCpu() - services).TotalMicroseconds / times, (stack.PostgresCpu() - postgres).TotalMicroseconds / times, measured.Percentile(0.5));
    }

    /// <summary>Waits until all events have been told. How many frames that takes cannot be known: a newer one of a session takes the place of one that waits.</summary>
    private async Task UntilSilentAsync()
    {
        for (var before = -1L; Interlocked.Read(ref _frames) is var now && now != before; before = now)
            await Task.Delay(Silence, TimeProvider.System);
    }

    private async Task LiveAsync(string shop)
    {
        var session = await SubmitAsync(shop);
        using var status = await _customers.GetAsync($"/s/{shop}/api/customer/sessions/{session}/status");
        status.EnsureSuccessStatusCode();
        await CallAsync(HttpMethod.Get, shop, "sessions/pending?limit=1");
        await CallAsync(HttpMethod.Post, shop, $"sessions/{session}/claim");
        await CallAsync(HttpMethod.Post, shop, $"sessions/{session}/complete");
    }

    /// <returns>The id of a session that holds a file.</returns>
    private async Task<string> SubmitAsync(string shop)
    {
        var session = await UploadClient.CreateSessionAsync(_customers, $"/s/{shop}");
        await UploadClient.SendFormAsync(_customers, session, File);
        return session.Split('/')[^1];
    }

    private async Task CallAsync(HttpMethod method, string shop, string path)
    {
        using var request = new HttpRequestMessage(method, $"/api/shopkeeper/{path}") { Headers = { { "X-API-Key", KeyOf(shop) } } };
        using var answer = await _shops.SendAsync(request);
        answer.EnsureSuccessStatusCode();
    }

    private async Task<ClientWebSocket> ConnectAsync(string shop)
    {
        var socket = new ClientWebSocket();
        using var limit = new CancellationTokenSource(Limit, TimeProvider.System);
        await socket.ConnectAsync(new UriBuilder(notifier.Address) { Scheme = "ws", Path = "/ws" }.Uri, limit.Token);
        await socket.SendAsync(Encoding.UTF8.GetBytes($$"""{"type":"authenticate","apiKey":"{{KeyOf(shop)}}"}"""), WebSocketMessageType.Text, true, limit.Token);
        // `authenticated`, and then the list of what is pending.
        for (var messages = 0; messages < 2;)
            messages += (await socket.ReceiveAsync(new byte[4096], limit.Token)).EndOfMessage ? 1 : 0;
        return socket;
    }

    private async Task CountFramesAsync(ClientWebSocket socket, CancellationToken stopped)
    {
        var buffer = new byte[64 << 10];
        try
        {
            while (true)
            {
                if ((await socket.ReceiveAsync(buffer, stopped)).EndOfMessage)
                    Interlocked.Increment(ref _frames);
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private static string KeyOf(string shop) => $"ctk_bench___key-of-the-shop-{shop}";

    private TimeSpan ServicesCpu() =>
        ((Server[])[stack.UploadApi, stack.ShopApi, notifier, janitor]).Aggregate(TimeSpan.Zero, (sum, server) => sum + Usage.Cpu(server.Id));

    /// <summary>
    /// A quarter of the sessions are open, the others have two files and an event; a quarter of those are claimed. A shop has as many rows of changes
    /// of its sums as is usual between two times at which they are added up.
    /// </summary>
    private async Task FillAsync(int sessions, int shops)
    {
        await stack.ExecuteAsync(FormattableString.Invariant($"""
            TRUNCATE shops, sessions, outstanding, receipts CASCADE;
            INSERT INTO shops (id, name, created_at) SELECT 's' || n, 'Shop', now() FROM generate_series(0, {shops - 1}) AS n UNION ALL SELECT 'default', 'Shop', now();
            INSERT INTO api_keys (id, shop_id, name, prefix, sha256, created_at)
            SELECT gen_random_uuid(), id, 'Counter', 'ctk_bench___', sha256(convert_to('{KeyOf("")}' || id, 'UTF8')), now() FROM shops WHERE id <> 'default'
            UNION ALL SELECT gen_random_uuid(), 'default', 'Counter', 'ctk_bench___', decode('{Convert.ToHexString(BearerToken.Hash(stack.Key))}', 'hex'), now();
            INSERT INTO sessions (id, shop_id, session_id, pickup_code, status, file_count, total_size, created_at, expires_at, submitted_at, queue_number, claimed_by, claimed_until)
            SELECT gen_random_uuid(), 's' || n % {shops},
                   '0' || translate(substr(md5('s' || n::text) || md5('t' || n::text), 1, 25), 'ilou', '0123'),
                   (SELECT string_agg(substr('23456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + (n / (30 ^ place)::bigint % 30)::int, 1), '') FROM generate_series(0, 5) AS place),
                   CASE WHEN kind = 0 THEN 'open' WHEN kind % 4 = 1 THEN 'processing' ELSE 'pending' END, CASE WHEN kind > 0 THEN 2 ELSE 0 END, CASE WHEN kind > 0 THEN 1000 ELSE 0 END,
                   created_at, now() + interval '3 hours', CASE WHEN kind > 0 THEN created_at END, CASE WHEN kind > 0 THEN n / {shops} + 1 END,
                   CASE WHEN kind % 4 = 1 THEN (SELECT id FROM api_keys WHERE shop_id = 's' || n % {shops}) END, CASE WHEN kind % 4 = 1 THEN now() + interval '3 hours' END
            FROM (
                SELECT n, CASE WHEN hash % 4 = 0 THEN 0 ELSE 1 + hash / 4 % 4 END AS kind, now() - ({sessions} - n) * interval '30 minutes' / {sessions} AS created_at
                FROM generate_series(0, {sessions - 1}) AS n, LATERAL (SELECT hashint4(n) & 1023 AS hash) AS hashed
            ) AS live;
            INSERT INTO queues (shop_id, last) SELECT shop_id, max(queue_number) FROM sessions WHERE queue_number IS NOT NULL GROUP BY shop_id;
            INSERT INTO files (id, session, name, object_key, status, created_at, type, size, sha256, position, stored_at)
            SELECT gen_random_uuid(), id, 'photo.jpg', gen_random_uuid()::text, 'stored', created_at, 'image/jpeg', 500, decode(md5('') || md5(''), 'hex'), place, created_at
            FROM sessions, generate_series(1, 2) AS place
            WHERE file_count > 0;
            INSERT INTO events (shop_id, session, type, status, file_count, total_size, created_at)
            SELECT shop_id, id, 'new_session', 'pending', 2, 1000, created_at FROM sessions WHERE file_count > 0;
            INSERT INTO outstanding (shop_id, stored, reserved)
            SELECT id, part, 0
            FROM (
                SELECT shops.id, coalesce(sum(total_size), 0) / 64 AS part FROM shops LEFT JOIN sessions ON shop_id = shops.id WHERE shops.id <> 'default' GROUP BY shops.id
            ) AS held, generate_series(1, 64);
            """));
        await stack.ExecuteAsync("VACUUM (ANALYZE)");
        await stack.ExecuteAsync("CHECKPOINT;");
    }

    private static void Print(Dictionary<(int Sessions, int Shops), Result> results)
    {
        var first = results[Sizes[0]];
        Console.WriteLine();
        Console.WriteLine(FormattableString.Invariant(
            $"| beside live sessions | of shops | a session: services, µs | Postgres, µs | p50, ms | CPU ÷ first, ≤ {MostOfFirst} | an event: services, µs | Postgres, µs | p50, ms | CPU ÷ first, ≤ {MostOfFirst} | idle: services, cores | Postgres, cores |"));
        Console.WriteLine("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
        foreach (var ((sessions, shops), (life, one, idle)) in results)
        {
            Console.WriteLine(FormattableString.Invariant(
                $"| {sessions} | {shops} | {life.Services:F0} | {life.Postgres:F0} | {life.Milliseconds:F1} | {life.Cpu / first.Life.Cpu:F2} | {one.Services:F0} | {one.Postgres:F0} | {one.Milliseconds:F1} | {one.Cpu / first.Event.Cpu:F2} | {idle.Services:F3} | {idle.Postgres:F3} |"));
        }
    }

    /// <param name="Idle">In cores.</param>
    private sealed record Result(Cost Life, Cost Event, Cost Idle)
    {
        public static Result Median(List<Result> rounds) =>
            new(Cost.Median(rounds, one => one.Life), Cost.Median(rounds, one => one.Event), Cost.Median(rounds, one => one.Idle));
    }

    /// <param name="Services">Microseconds of CPU of all services.</param>
    /// <param name="Postgres">The same of Postgres.</param>
    /// <param name="Milliseconds">From the beginning to the last answer, the median.</param>
    private sealed record Cost(double Services, double Postgres, double Milliseconds)
    {
        public double Cpu => Services + Postgres;

        public static Cost Median(List<Result> rounds, Func<Result, Cost> of)
        {
            return new(Middle(cost => cost.Services), Middle(cost => cost.Postgres), Middle(cost => cost.Milliseconds));

            double Middle(Func<Cost, double> value) => rounds.Select(of).Select(value).Order().ElementAt(rounds.Count / 2);
        }
    }
}
