using System.Globalization;

namespace CloudTab.Bench;

internal static class Uploads
{
    private const int WarmUp = 320; // MiB

    private static readonly Workload[] Workloads =
    [
        new(1, 8, 500), new(40, 1, 16), new(40, 2, 16), new(40, 8, 24), new(256, 1, 3), new(256, 2, 4), new(256, 8, 8),
    ];

    /// <param name="stack">Where they send to.</param>
    /// <param name="sizes">MiB of the files; all where there is none.</param>
    public static async Task RunAsync(Stack stack, IReadOnlySet<int> sizes)
    {
        foreach (var workloads in Workloads.Where(workload => sizes.Count == 0 || sizes.Contains(workload.Size)).GroupBy(workload => workload.Size))
        {
            var file = UploadClient.CreateFile(workloads.Key << 20);
            Contender[] contenders =
            [
                await Contenders.KestrelAsync("discard", "default"),
                await Contenders.KestrelAsync("discard", "64k"),
                await Contenders.KestrelAsync("sha256", "default"),
                await Contenders.KestrelAsync("sha256", "64k"),
                await Contenders.S3ClientAsync(stack),
                await Contenders.TusServerAsync(stack),
                await Contenders.TusAsync(stack),
                await Contenders.FormAsync(stack, "form"),
                await Contenders.FormAsync(stack, "form, S3_SIGN_PAYLOADS=false", ("S3_SIGN_PAYLOADS", "false")),
            ];
            foreach (var workload in workloads)
                await RunAsync(stack, workload, file, contenders);
            foreach (var contender in contenders)
                await contender.Server.DisposeAsync();
        }
    }

    private static async Task RunAsync(Stack stack, Workload workload, byte[] file, Contender[] contenders)
    {
        var results = new Dictionary<string, Result>(StringComparer.Ordinal);
        foreach (var contender in contenders)
        {
            results.Add(contender.Name, await MeasureAsync(contender.Server, stack.S3ProcessId, workload, client => contender.SendAsync(client, file)));
            await stack.EmptyBucketAsync();
        }

        var rival = results.Single(result => result.Key == "@tus/server").Value;
        var limit = results.Where(result => result.Key.StartsWith("Kestrel, sha256", StringComparison.Ordinal)).Min(result => result.Value.CpuPerGiB)
            + results.Single(result => result.Key.StartsWith("S3 client", StringComparison.Ordinal)).Value.CpuPerGiB;

        Console.WriteLine();
        Console.WriteLine($"| {workload.Size} MiB × {workload.Times}, concurrency {workload.Concurrency} | MiB/s | ÷ @tus/server, ≥ 1 | CPU s per GiB | ÷ @tus/server, ≤ 0.5 | ÷ limit, ≤ 1.3 | peak RSS, MiB | S3's CPU s per GiB |");
        Console.WriteLine("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
        foreach (var (name, result) in results)
        {
            var isOurs = name.StartsWith("UploadApi", StringComparison.Ordinal);
            Console.WriteLine(
                $"| {name} | {result.MiBPerSecond:F0} | {Ratio(isOurs, result.MiBPerSecond / rival.MiBPerSecond)} | {result.CpuPerGiB:F2} "
                + $"| {Ratio(isOurs, result.CpuPerGiB / rival.CpuPerGiB)} | {Ratio(isOurs, result.CpuPerGiB / limit)} | {result.PeakMemory:F0} | {result.S3CpuPerGiB:F2} |");
        }

        Console.WriteLine($"| limit: Kestrel with SHA-256, the better pool, and the S3 client | | | {limit:F2} | | 1.00 | | |");
    }

    private static string Ratio(bool isOurs, double ratio) => isOurs ? ratio.ToString("F2", CultureInfo.InvariantCulture) : "";

    private static async Task<Result> MeasureAsync(Server server, int s3, Workload workload, Func<HttpClient, Task> sendAsync)
    {
        using var client = new HttpClient { BaseAddress = server.Address, Timeout = TimeSpan.FromMinutes(5) };
        // Until the compiler has optimized what runs.
        await Load.TimesAsync(Math.Max(workload.Concurrency, WarmUp / workload.Size), workload.Concurrency, () => sendAsync(client));
        Usage.ForgetPeakMemory(server.Id);
        var (cpu, s3Cpu) = (Usage.Cpu(server.Id), Usage.Cpu(s3));
        var measured = await Load.TimesAsync(workload.Times, workload.Concurrency, () => sendAsync(client));
        var gib = workload.Times * workload.Size / 1024d;
        return new(
            gib * 1024 / measured.Elapsed.TotalSeconds,
            (Usage.Cpu(server.Id) - cpu).TotalSeconds / gib,
            Usage.PeakMemory(server.Id),
            (Usage.Cpu(s3) - s3Cpu).TotalSeconds / gib);
    }

    private sealed record Workload(int Size, int Concurrency, int Times);

    private sealed record Result(double MiBPerSecond, double CpuPerGiB, double PeakMemory, double S3CpuPerGiB);
}
