using System.Diagnostics;
using System.Globalization;
using System.Net;

namespace CloudTab.Bench;

/// <summary>
/// 10,000 PCs of 5,000 shops on one Notifier, and then as many customers with streams of events on one UploadApi: what each takes of the process's
/// memory, how long it takes until all are there, and again after the process has stopped, and how soon they hear of an event.
/// </summary>
/// <param name="name">What they are.</param>
/// <param name="service">What they connect to.</param>
/// <param name="create">Makes one of them.</param>
/// <param name="tell">A statement that writes an event for each of the shops, or the sessions, for which a condition holds.</param>
internal sealed class Sockets(string name, string service, Func<Crowd, int, Listener> create, Func<string, string> tell)
{
    private const int Shops = 5_000;
    private const int All = 10_000;

    // They come first and leave: what the process has compiled and learned for them is not what a socket takes.
    private const int Few = 200;

    private const int WarmEvents = 1_000;
    private const int Events = 300;
    private const double MostKibibytes = 12.2;
    private const double MostSecondsToConnect = 15;
    private const double MostSecondsToReturn = 30;
    private const double MostSecondsToTellAll = 1;
    private const double MostSecondsToRevoke = 1;
    private const string Wake = "NOTIFY cloudtab_events";

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(10);

    // Two pings of each socket.
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(60);

    public static async Task OfShopsAsync(Stack stack)
    {
        var shops = new Sockets(
            "sockets of 5,000 shops on one Notifier",
            "CloudTab.Notifier",
            (crowd, number) => new ShopListener(crowd, AddressOf(number % Shops), KeyOf(number % Shops)),
            condition => $"""
                INSERT INTO events (shop_id, session, type, status, file_count, total_size, created_at)
                SELECT DISTINCT ON (shop_id) shop_id, id, 'new_session', 'pending', 1, 500, now() FROM sessions WHERE {condition} ORDER BY shop_id
                """);
        await shops.RunAsync(stack);
    }

    public static async Task OfCustomersAsync(Stack stack)
    {
        var customers = new Sockets(
            "event streams of customers on one UploadApi",
            "CloudTab.UploadApi",
            (crowd, number) => new CustomerListener(crowd, AddressOf(number), $"/s/{ShopOf(number % Shops)}/api/customer/sessions/{number.ToString("D26", CultureInfo.InvariantCulture)}"),
            condition => $"""
                WITH changed AS (UPDATE sessions SET total_size = total_size + 1 WHERE {condition} RETURNING *)
                INSERT INTO events (shop_id, session, type, status, file_count, total_size, created_at)
                SELECT shop_id, id, 'session_updated', status, file_count, total_size, now() FROM changed
                """);
        await customers.RunAsync(stack);
    }

    private static async Task SeedAsync(Stack stack) => await stack.ExecuteAsync($"""
        TRUNCATE sessions CASCADE;
        INSERT INTO shops (id, name, created_at) SELECT 'bench-' || n, 'Shop ' || n, now() FROM generate_series(0, {Shops} - 1) AS n ON CONFLICT DO NOTHING;
        DELETE FROM api_keys WHERE shop_id LIKE 'bench-%';
        INSERT INTO api_keys (id, shop_id, name, prefix, sha256, created_at)
        SELECT gen_random_uuid(), 'bench-' || n, 'Counter', 'bench', sha256(convert_to('the-key-of-shop-bench-' || n, 'UTF8')), now() FROM generate_series(0, {Shops} - 1) AS n;
        INSERT INTO sessions (id, shop_id, session_id, pickup_code, status, file_count, total_size, created_at, expires_at, submitted_at, queue_number)
        SELECT gen_random_uuid(), 'bench-' || n % {Shops}, lpad(n::text, 26, '0'),
               (SELECT string_agg(substr('23456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + (n / (30 ^ place)::bigint % 30)::int, 1), '') FROM generate_series(0, 5) AS place),
               'pending', 1, 500, now(), now() + interval '3 hours', now(), 1 + n / {Shops}
        FROM generate_series(0, {All} - 1) AS n;
        INSERT INTO files (id, session, name, object_key, status, created_at, type, size, sha256, position, stored_at, printed_pages, page_price, currency)
        SELECT gen_random_uuid(), id, 'letter.pdf', gen_random_uuid()::text, 'stored', created_at, 'application/pdf', 500, decode(md5('') || md5(''), 'hex'), 1, created_at, 3, 200, 'INR'
        FROM sessions;
        ANALYZE shops, api_keys, sessions, files;
        """);

    private static string ShopOf(int shop) => $"bench-{shop.ToString(CultureInfo.InvariantCulture)}";

    private static string KeyOf(int shop) => $"the-key-of-shop-{ShopOf(shop)}";

    private static IPAddress AddressOf(int client) => new([10, 0, (byte)(client >> 8), (byte)client]);

    private async Task RunAsync(Stack stack)
    {
        await SeedAsync(stack);
        var first = await stack.StartAsync(service);
        await using var crowd = new Crowd(first, create);
        await Task.Delay(Pause, TimeProvider.System);
        var started = Usage.Memory(first.Id);

        await crowd.AddAsync(Few);
        await Task.Delay(Pause, TimeProvider.System); // each stream begins with an event
        await TellAsync(stack, crowd, WarmEvents, Few);
        var ofFew = await TellAsync(stack, crowd, Events, Few);
        await crowd.LeaveAsync();
        await Task.Delay(Pause, TimeProvider.System);
        var none = Usage.Memory(first.Id);

        Usage.ForgetPeakMemory(first.Id);
        var connected = await crowd.AddAsync(All);
        await Task.Delay(Pause, TimeProvider.System);
        var cpu = (first: Usage.Cpu(first.Id), began: Stopwatch.GetTimestamp());
        await Task.Delay(Idle, TimeProvider.System);
        var cores = (Usage.Cpu(first.Id) - cpu.first) / Stopwatch.GetElapsedTime(cpu.began);
        var (idle, peak) = (Usage.Memory(first.Id), Usage.PeakMemory(first.Id));

        var ofAll = await TellAsync(stack, crowd, Events, All);
        var began = Stopwatch.GetTimestamp();
        var told = crowd.ExpectTold(All);
        await stack.ExecuteAsync($"{tell("true")}; {Wake}");
        var committed = Stopwatch.GetTimestamp();
        await told;
        var (toldAll, sinceCommit) = (Stopwatch.GetElapsedTime(began), Stopwatch.GetElapsedTime(committed));

        var second = await stack.StartAsync(service);
        await Task.Delay(Pause, TimeProvider.System);
        var secondStarted = Usage.Memory(second.Id);
        var revoked = service == "CloudTab.Notifier" ? await RevokeAsync(stack, crowd, second) : (TimeSpan?)null;
        var (back, stopped) = await RestartAsync(crowd, second, revoked is null ? All : All - (All / Shops));
        await Task.Delay(Idle, TimeProvider.System);
        var secondIdle = Usage.Memory(second.Id);
        await crowd.LeaveAsync();
        await second.DisposeAsync();
        await stack.ExecuteAsync("TRUNCATE sessions CASCADE");

        Console.WriteLine();
        Console.WriteLine($"| {All} {name} | measured | limit | ratio |");
        Console.WriteLine("| --- | ---: | ---: | ---: |");
        Limited("KiB of memory each, a minute later", Each(none, idle), MostKibibytes, "F1");
        Limited("the same in a process that has just started, after all came back to it", Each(secondStarted, secondIdle), MostKibibytes, "F1");
        Console.WriteLine($"| resident, MiB: just started, after some, with all, peak | {started:F0}, {none:F0}, {idle:F0}, {peak:F0} | | |");
        Limited("s until all are connected", connected.TotalSeconds, MostSecondsToConnect, "F1");
        Limited("s until all are connected again after the process was told to stop", back.TotalSeconds, MostSecondsToReturn, "F1");
        Console.WriteLine($"| times that one was closed or refused meanwhile, by code | {string.Join(", ", crowd.Closes.Select(close => $"{close.Key}: {close.Value}"))} | | |");
        Console.WriteLine($"| s until it has stopped | {stopped.TotalSeconds:F1} | | |");
        Console.WriteLine($"| cores that they take while nothing happens | {cores:F3} | | |");
        Console.WriteLine($"| ms until an event has reached a shop, beside {Few}: p50, p99 | {ofFew.P50:F1}, {ofFew.P99:F1} | | |");
        Console.WriteLine($"| the same beside {All} | {ofAll.P50:F1}, {ofAll.P99:F1} | | |");
        Console.WriteLine($"| µs of CPU for it, beside {Few} and beside {All} | {ofFew.Microseconds:F0}, {ofAll.Microseconds:F0} | | |");
        Limited("s until an event of each shop has reached all, from the commit", sinceCommit.TotalSeconds, MostSecondsToTellAll, "F2");
        Console.WriteLine($"| the same from the statement's begin | {toldAll.TotalSeconds:F2} | | |");
        if (revoked is { } time)
            Limited("s until the sockets of a revoked key are closed on two replicas", time.TotalSeconds, MostSecondsToRevoke, "F2");
    }

    /// <summary>Tells something to one shop after another, of those that the first so many are of.</summary>
    private async Task<Latency> TellAsync(Stack stack, Crowd crowd, int times, int present)
    {
        var (cpu, latencies) = (Usage.Cpu(crowd.Server.Id), new List<double>());
        for (var time = 0; time < times; time++)
        {
            var shop = Random.Shared.Next(Math.Min(present, Shops));
            var told = crowd.ExpectTold(present == All ? All / Shops : 1);
            var began = Stopwatch.GetTimestamp();
            await stack.ExecuteAsync($"{tell($"shop_id = '{ShopOf(shop)}' AND queue_number <= {(present == All ? 2 : 1).ToString(CultureInfo.InvariantCulture)}")}; {Wake}");
            await told;
            latencies.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }

        latencies.Sort();
        return new(latencies[times / 2], latencies[times * 99 / 100], (Usage.Cpu(crowd.Server.Id) - cpu).TotalMicroseconds / times);
    }

    /// <summary>Revokes the key of a shop that has sockets here and on another replica.</summary>
    private async Task<TimeSpan> RevokeAsync(Stack stack, Crowd crowd, Server other)
    {
        await using var there = new Crowd(other, create);
        await there.AddAsync(1); // of the first shop
        var closed = Task.WhenAll(crowd.ExpectClosed(All / Shops), there.ExpectClosed(1));
        var began = Stopwatch.GetTimestamp();
        await stack.ExecuteAsync($"UPDATE api_keys SET revoked_at = now() WHERE shop_id = '{ShopOf(0)}'");
        await closed;
        return Stopwatch.GetElapsedTime(began);
    }

    /// <summary>Stops one replica; all that it had come to another one.</summary>
    /// <returns>How long it took until all were there, and until the process had ended.</returns>
    private static async Task<(TimeSpan Back, TimeSpan Stopped)> RestartAsync(Crowd crowd, Server second, int present)
    {
        var first = crowd.Server;
        var back = crowd.ExpectReady(present);
        crowd.Server = second;
        var began = Stopwatch.GetTimestamp();
        await first.DisposeAsync();
        var stopped = Stopwatch.GetElapsedTime(began);
        await back;
        return (Stopwatch.GetElapsedTime(began), stopped);
    }

    private static double Each(double without, double with) => (with - without) * 1024 / All;

    private static void Limited(string what, double measured, double limit, string format) => Console.WriteLine(
        $"| {what} | {measured.ToString(format, CultureInfo.InvariantCulture)} | ≤ {limit.ToString(CultureInfo.InvariantCulture)} | {(measured / limit).ToString("F2", CultureInfo.InvariantCulture)} |");

    private sealed record Latency(double P50, double P99, double Microseconds);
}
