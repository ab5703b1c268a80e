using System.Diagnostics;
using System.Globalization;
using CloudTab.Testing;

namespace CloudTab.Bench;

/// <summary>
/// `dotnet run --project CloudTab.AppHost`, from a built tree until the gateway says that all is well: it starts last, when every other
/// resource is healthy. On an empty data folder, and again on what that has left.
/// </summary>
internal static class Startup
{
    public static async Task RunAsync()
    {
        var repository = ChildProcess.BuiltOutput("").Split($"{Path.DirectorySeparatorChar}artifacts{Path.DirectorySeparatorChar}")[0];
        string[] dotnet = ["dotnet", "run", "--project", Path.Combine(repository, "CloudTab.AppHost")];
        await using (var build = await ChildProcess.StartProgramAsync(
            ["dotnet", "build", dotnet[^1], "--verbosity", "quiet"], new Dictionary<string, string>(StringComparer.Ordinal), ready: null, CancellationToken.None))
        {
            if (await build.WaitForExitAsync(CancellationToken.None) != 0)
                throw new InvalidOperationException(build.Output);
        }

        // As root, Postgres runs as another user, who must be able to reach its data.
        var data = Directory.CreateTempSubdirectory("cloudtab-");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(data.FullName, File.GetUnixFileMode(data.FullName) | UnixFileMode.OtherExecute);

        Console.WriteLine();
        Console.WriteLine("| from `dotnet run` to every resource healthy | seconds | limit | ratio |");
        Console.WriteLine("| --- | ---: | ---: | ---: |");
        foreach (var (on, limit) in new[] { ("an empty data folder", 20.0), ("existing data", 10.0) })
        {
            var port = ChildProcess.FreePort().ToString(CultureInfo.InvariantCulture);
            var settings = new Dictionary<string, string>(StringComparer.Ordinal) { ["CLOUDTAB_DATA"] = data.FullName, ["PORT"] = port };
            var watch = Stopwatch.StartNew();
            await using var appHost = await ChildProcess.StartProgramAsync(dotnet, settings, new Uri($"http://localhost:{port}/health"), CancellationToken.None);
            var seconds = watch.Elapsed.TotalSeconds;
            Console.WriteLine($"| {on} | {seconds:F1} | < {limit:F0} | {seconds / limit:F2} |");
        }

        data.Delete(recursive: true);
    }
}
