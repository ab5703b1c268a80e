using System.Diagnostics;

namespace CloudTab.Bench;

/// <summary>
/// What the requests cost that every customer causes, opening a session and asking for its status, on each way to Postgres; beside the relay that
/// CloudTab took the place of, which keeps its sessions in memory.
/// </summary>
internal static class RequestCost
{
    private const int Rounds = 5;
    private const int Concurrency = 32;
    private const string Create = "POST /api/customer/sessions/create";

    // Of the relay in Node.js, on the same kind of machine: requests a second, and microseconds of CPU for one.
    private static readonly Cost OriginCreate = new(3184, 325, 0);
    private static readonly Cost OriginStatus = new(3679, 283, 0);

    private static readonly TimeSpan Time = TimeSpan.FromSeconds(4);

    // Until the compiler has optimized what runs.
    private static readonly TimeSpan TimeToWarmUp = TimeSpan.FromSeconds(20);

    public static async Task RunAsync(Stack stack)
    {
        var folder = Directory.CreateTempSubdirectory("cloudtab-");
        await using var gateway = await GatewayCost.GatewayAsync(stack);
        await using var nginx = await GatewayCost.NginxAsync(folder, stack.UploadApi.Address);
        await using var standalone = await stack.StartAsync("CloudTab.Standalone");
        Way[] ways =
        [
            new("nginx + UploadApi", nginx, [nginx, stack.UploadApi], [], []),
            new("gateway + UploadApi", gateway, [gateway, stack.UploadApi], [], []),
            new("Standalone", standalone, [standalone], [], []),
        ];
        for (var round = -1; round < Rounds; round++)
        {
            // Turn by turn, so that whatever else the machine does counts for all.
            foreach (var way in ways)
            {
                await stack.ExecuteAsync("TRUNCATE sessions CASCADE");
                var create = await MeasureAsync(stack, way, Create, round < 0 ? TimeToWarmUp : Time);
                using var client = new HttpClient { BaseAddress = way.Entrance.Address };
                var status = await MeasureAsync(stack, way, $"GET {await UploadClient.CreateSessionAsync(client)}/status", round < 0 ? TimeToWarmUp : Time);
                if (round < 0)
                    continue;
                way.Create.Add(create);
                way.Status.Add(status);
            }
        }

        Console.WriteLine();
        Console.WriteLine($"| a customer's request, concurrency {Concurrency} | create: a second | ÷ origin | µs of CPU | Postgres, µs | status: a second | ÷ origin | µs of CPU | Postgres, µs |");
        Console.WriteLine("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
        Print("origin, in memory", OriginCreate, OriginStatus);
        foreach (var way in ways)
            Print(way.Name, Cost.Median(way.Create), Cost.Median(way.Status));
        folder.Delete(recursive: true);
    }

    private static async Task<Cost> MeasureAsync(Stack stack, Way way, string request, TimeSpan time)
    {
        var (servers, postgres) = (way.Cpu, stack.PostgresCpu());
        var began = Stopwatch.GetTimestamp();
        var sent = await Task.WhenAll(Enumerable.Range(0, Concurrency).Select(_ => Task.Factory.StartNew(
            () => Send(way.Entrance.Address, request, time), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
        var (elapsed, total) = (Stopwatch.GetElapsedTime(began), sent.Sum());
        return new(total / elapsed.TotalSeconds, (way.Cpu - servers).TotalMicroseconds / total, (stack.PostgresCpu() - postgres).TotalMicroseconds / total);
    }

    private static int Send(Uri server, string request, TimeSpan time)
    {
        using var connection = new PlainConnection(server, request);
        var watch = Stopwatch.StartNew();
        var sent = 0;
        for (; watch.Elapsed < time; sent++)
            connection.Exchange();
        return sent;
    }

    private static void Print(string name, Cost create, Cost status) => Console.WriteLine(
        $"| {name} | {create.PerSecond:F0} | {create.PerSecond / OriginCreate.PerSecond:F2} | {create.Servers:F0} | {create.Postgres:F0} "
        + $"| {status.PerSecond:F0} | {status.PerSecond / OriginStatus.PerSecond:F2} | {status.Servers:F0} | {status.Postgres:F0} |");

    /// <param name="Entrance">Where requests are sent to.</param>
    /// <param name="Servers">Who works for them, Postgres not counted.</param>
    private sealed record Way(string Name, Server Entrance, Server[] Servers, List<Cost> Create, List<Cost> Status)
    {
        public TimeSpan Cpu => Servers.Aggregate(TimeSpan.Zero, (sum, server) => sum + Usage.Cpu(server.Id));
    }

    /// <param name="Servers">Microseconds of CPU for a request, of all servers but Postgres.</param>
    /// <param name="Postgres">The same of Postgres.</param>
    private sealed record Cost(double PerSecond, double Servers, double Postgres)
    {
        public static Cost Median(List<Cost> rounds) => new(Middle(rounds, cost => cost.PerSecond), Middle(rounds, cost => cost.Servers), Middle(rounds, cost => cost.Postgres));

        private static double Middle(List<Cost> rounds, Func<Cost, double> of) => rounds.Select(of).Order().ElementAt(rounds.Count / 2);
    }
}
