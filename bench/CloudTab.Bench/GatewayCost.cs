using System.Globalization;
using CloudTab.Testing;

namespace CloudTab.Bench;

/// <summary>
/// What the gateway adds to a request: its CPU beside that of nginx (Debian's package), and of YARP's forwarder alone, in its place, before the same services.
/// </summary>
internal static class GatewayCost
{
    private const int Rounds = 5;
    private const int Concurrency = 16;
    private const int FileSize = 40;
    private const int Files = 8;
    private const double MostOfSmall = 1.6;
    private const double MostOfBodies = 1.3;

    private static readonly TimeSpan Time = TimeSpan.FromSeconds(4);

    // As long as the compiler needs for what runs, which takes a third of the gateway's time meanwhile.
    private static readonly TimeSpan TimeToWarmUp = TimeSpan.FromSeconds(20);

    public static async Task RunAsync(Stack stack)
    {
        var folder = Directory.CreateTempSubdirectory("cloudtab-");
        await using var gateway = await GatewayAsync(stack);
        await using var nginx = await NginxAsync(folder, stack.UploadApi.Address);
        await using var forwarder = await Server.StartAsync(
            "CloudTab.Bench",
            new(StringComparer.Ordinal) { ["DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS"] = "1" },
            "/",
            "forward",
            stack.UploadApi.Address.ToString());

        var file = UploadClient.CreateFile(FileSize << 20);
        (string Name, Server Server)[] ways = [("nothing between", stack.UploadApi), ("gateway", gateway), ("a bare `IHttpForwarder`", forwarder), ("nginx", nginx)];
        var results = ways.ToDictionary(way => way.Name, _ => new List<Cost>(), StringComparer.Ordinal);
        for (var round = -1; round < Rounds; round++)
        {
            foreach (var (name, server) in ways)
            {
                var cost = await MeasureAsync(server, file, round < 0 ? TimeToWarmUp : Time);
                await stack.EmptyBucketAsync();
                if (round >= 0)
                    results[name].Add(cost);
            }
        }

        Console.WriteLine();
        Console.WriteLine($"| between client and UploadApi, concurrency {Concurrency} | status a second | µs of CPU for one | ÷ nginx, ≤ {MostOfSmall} | uploads of {FileSize} MiB, CPU s per GiB | ÷ nginx, ≤ {MostOfBodies} |");
        Console.WriteLine("| --- | ---: | ---: | ---: | ---: | ---: |");
        var (peer, peerBodies) = (Median(results["nginx"], cost => cost.Microseconds), Median(results["nginx"], cost => cost.CpuPerGiB));
        foreach (var (name, own) in results)
        {
            var (small, bodies) = (Median(own, cost => cost.Microseconds), Median(own, cost => cost.CpuPerGiB));
            Console.WriteLine(
                $"| {name} | {Median(own, cost => cost.PerSecond):F0} | {small:F0} | {Ratio(name, small / peer)} | {bodies:F2} | {Ratio(name, bodies / peerBodies)} |");
        }

        folder.Delete(recursive: true);
    }

    private static async Task<Cost> MeasureAsync(Server way, byte[] file, TimeSpan time)
    {
        using var client = new HttpClient { BaseAddress = way.Address };
        var session = await UploadClient.CreateSessionAsync(client);
        var before = Usage.Cpu(way.Id);
        var small = await Load.ForAsync(TimeSpan.Zero, time, Concurrency, async () =>
        {
            using var status = await client.GetAsync($"{session}/status");
            status.EnsureSuccessStatusCode();
        });
        var between = Usage.Cpu(way.Id);
        await Load.TimesAsync(Files, concurrency: 2, () => UploadClient.SendFormAsync(client, file));
        var after = Usage.Cpu(way.Id);
        return new(small.PerSecond, (between - before).TotalMicroseconds / small.Latencies.Length, (after - between).TotalSeconds / (Files * FileSize / 1024.0));
    }

    // No Notifier and no Janitor take part: nothing is sent there.
    internal static Task<Server> GatewayAsync(Stack stack) => stack.StartAsync(
        "CloudTab.Gateway",
        "/",
        [("services__upload-api__http__0", stack.UploadApi.Address.ToString()),
        ("services__shop-api__http__0", stack.ShopApi.Address.ToString()),
        ("services__notifier__http__0", stack.ShopApi.Address.ToString()),
        ("services__janitor__http__0", stack.ShopApi.Address.ToString())]);

    internal static async Task<Server> NginxAsync(DirectoryInfo folder, Uri service)
    {
        var address = new Uri($"http://127.0.0.1:{ChildProcess.FreePort().ToString(CultureInfo.InvariantCulture)}");
        var settings = Path.Combine(folder.FullName, "nginx.conf");
        // One process, so that its CPU is all of nginx's; as docs/operations.md has it before the relay, nothing is buffered.
        await File.WriteAllTextAsync(settings, $$"""
            daemon off;
            master_process off;
            pid nginx.pid;
            error_log stderr;
            events { worker_connections 1024; }
            http {
              access_log off;
              client_max_body_size 0;
              keepalive_requests 1000000000;
              upstream service { server {{service.Authority}}; keepalive 64; }
              server {
                listen {{address.Authority}};
                location / {
                  proxy_pass http://service;
                  proxy_http_version 1.1;
                  proxy_request_buffering off;
                  proxy_buffering off;
                  proxy_set_header Host $http_host;
                  proxy_set_header Connection "";
                  proxy_set_header X-Forwarded-For $remote_addr;
                }
              }
            }
            """);
        return new(
            await ChildProcess.StartProgramAsync(
                ["nginx", "-p", folder.FullName, "-c", settings], new Dictionary<string, string>(StringComparer.Ordinal), new Uri(address, "/health/ready"), CancellationToken.None),
            address);
    }

    private static double Median(List<Cost> costs, Func<Cost, double> of) => costs.Select(of).Order().ElementAt(costs.Count / 2);

    private static string Ratio(string name, double ratio) => name is not ("nothing between" or "nginx") ? ratio.ToString("F2", CultureInfo.InvariantCulture) : "";

    private sealed record Cost(double PerSecond, double Microseconds, double CpuPerGiB);
}
