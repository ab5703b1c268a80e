using System.Globalization;

namespace CloudTab.Bench;

internal static class Uploads
{
    // MiB that each server gets first: until the compiler has optimized what runs.
    private const int WarmUp = 1024;
    private const int Rounds = 5;

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
                await Contenders.FormAsync(stack, "form, S3_SIGN_PAYLOADS=true", ("S3_SIGN_PAYLOADS", "true")),
            ];
            foreach (var contender in contenders)
            {
                await SendAsync(contender, file, WarmUp / workloads.Key, concurrency: 8);
                await stack.EmptyBucketAsync();
            }

            foreach (var workload in workloads)
                await RunAsync(stack, workload, file, contenders);
            foreach (var contender in contenders)
                await contender.Server.DisposeAsync();
        }
    }

    private static async Task RunAsync(Stack stack, Workload workload, byte[] file, Contender[] contenders)
    {
        var results = contenders.ToDictionary(contender => contender.Name, _ => new List<Result>(), StringComparer.Ordinal);
        // Turn by turn, so that what else the machine does strikes all of them.
        for (var round = 0; round < Rounds; round++)
        {
            foreach (var contender in contenders)
            {
                results[contender.Name].Add(await MeasureAsync(contender, stack.S3ProcessId, workload, file));
                await stack.EmptyBucketAsync();
            }
        }

        Print(workload, contenders.ToDictionary(contender => contender.Name, contender => Result.Median(results[contender.Name]), StringComparer.Ordinal));
    }

    private static void Print(Workload workload, Dictionary<string, Result> results)
    {
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

    private static async Task<Result> MeasureAsync(Contender contender, int s3, Workload workload, byte[] file)
    {
        var server = contender.Server.Id;
        Usage.ForgetPeakMemory(server);
        var (cpu, s3Cpu) = (Usage.Cpu(server), Usage.Cpu(s3));
        var measured = await SendAsync(contender, file, workload.Times, workload.Concurrency);
        var gib = workload.Times * workload.Size / 1024d;
        return new(
            gib * 1024 / measured.Elapsed.TotalSeconds,
            (Usage.Cpu(server) - cpu).TotalSeconds / gib,
            Usage.PeakMemory(server),
            (Usage.Cpu(s3) - s3Cpu).TotalSeconds / gib);
    }

    private static async Task<Measured> SendAsync(Contender contender, byte[] file, int times, int concurrency)
    {
        using var client = new HttpClient { BaseAddress = contender.Server.Address, Timeout = TimeSpan.FromMinutes(5) };
        return await Load.TimesAsync(times, concurrency, () => contender.SendAsync(client, file));
    }

    private sealed record Workload(int Size, int Concurrency, int Times);

    private sealed record Result(double MiBPerSecond, double CpuPerGiB, double PeakMemory, double S3CpuPerGiB)
    {
        /// <summary>The median of each, and the largest peak of memory.</summary>
        public static Result Median(IReadOnlyCollection<Result> rounds)
        {
            return new(
                Middle(result => result.MiBPerSecond),
                Middle(result => result.CpuPerGiB),
                rounds.Max(result => result.PeakMemory),
                Middle(result => result.S3CpuPerGiB));

            double Middle(Func<Result, double> value) => rounds.Select(value).Order().ElementAt(rounds.Count / 2);
        }
    }
}
