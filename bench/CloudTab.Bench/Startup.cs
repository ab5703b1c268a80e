using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using CloudTab.Testing;

namespace CloudTab.Bench;

/// <summary>
/// `dotnet run --no-build --project CloudTab.AppHost`, until the gateway's /health says that everything works: the gateway starts last. First
/// on an empty data folder, then on the data of that run.
/// </summary>
internal static class Startup
{
    // Given here, because the AppHost would write what it generates into the developer's user secrets.
    private static readonly string[] Secrets = ["postgres-password", "s3-access-key", "s3-secret-key", "shopkeeper-key"];

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
        var settings = Secrets.ToDictionary(name => $"Parameters__{name}", _ => RandomNumberGenerator.GetHexString(40), StringComparer.Ordinal);
        settings["CLOUDTAB_DATA"] = data.FullName;

        Console.WriteLine();
        Console.WriteLine("| from `dotnet run` to everything healthy | seconds | limit | ratio |");
        Console.WriteLine("| --- | ---: | ---: | ---: |");
        foreach (var (on, limit) in new[] { ("an empty data folder", 20.0), ("existing data", 15.0) })
        {
            settings["PORT"] = ChildProcess.FreePort().ToString(CultureInfo.InvariantCulture);
            var watch = Stopwatch.StartNew();
            await using var appHost = await ChildProcess.StartProgramAsync(
                ["dotnet", "run", "--no-build", "--project", project], settings, new Uri($"http://localhost:{settings["PORT"]}/health"), CancellationToken.None);
            var seconds = watch.Elapsed.TotalSeconds;
            Console.WriteLine($"| {on} | {seconds:F1} | < {limit:F0} | {seconds / limit:F2} |");
        }

        data.Delete(recursive: true);
    }
}
