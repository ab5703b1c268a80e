using System.Diagnostics;
using System.Globalization;
using CloudTab.Testing;

namespace CloudTab.Bench;

/// <summary>
/// `dotnet run --no-build --project CloudTab.AppHost`, until the gateway's /health says that everything works: the gateway starts last. First
/// on an empty data folder, then on the data of that run.
/// </summary>
internal static class Startup
{
    public static async Task RunAsync()
    {
        var project = Repository.PathOf("CloudTab.AppHost");
        var none = new Dictionary<string, string>(StringComparer.Ordinal);
        await using (var build = await ChildProcess.StartProgramAsync(["dotnet", "build", project, "--verbosity", "quiet"], none, ready: null, CancellationToken.None))
        {
            if (await build.WaitForExitAsync(CancellationToken.None) != 0)
                throw new InvalidOperationException(build.Output);
        }

        var data = Directory.CreateTempSubdirectory("cloudtab-");
        string[] command = ["dotnet", "run", "--no-build", "--project", project, "--", .. AppHostArguments.For(data, replicas: 1)];
        Console.WriteLine();
        Console.WriteLine("| from `dotnet run` to everything healthy | seconds | limit | ratio |");
        Console.WriteLine("| --- | ---: | ---: | ---: |");
        foreach (var (on, limit) in new[] { ("an empty data folder", 20.0), ("existing data", 15.0) })
        {
            var port = ChildProcess.FreePort().ToString(CultureInfo.InvariantCulture);
            var watch = Stopwatch.StartNew();
            await using var appHost = await ChildProcess.StartProgramAsync([.. command, $"PORT={port}"], none, new Uri($"http://localhost:{port}/health"), CancellationToken.None);
            var seconds = watch.Elapsed.TotalSeconds;
            Console.WriteLine($"| {on} | {seconds:F1} | < {limit:F0} | {seconds / limit:F2} |");
        }

        data.Delete(recursive: true);
    }
}
