using System.Globalization;
using System.Text.RegularExpressions;
using CloudTab.Testing;

namespace CloudTab.EndToEnd.Tests;

/// <summary>The AppHost as a developer starts it: a program with its dashboard, on free ports, with a data folder and user secrets of its own.</summary>
public sealed partial class AppHostProcess : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("cloudtab-");
    private readonly Dictionary<string, string> _settings;
    private ChildProcess? _process;

    public AppHostProcess()
    {
        Origin = Loopback();
        _settings = new(StringComparer.Ordinal)
        {
            ["CLOUDTAB_DATA"] = Data,
            ["PORT"] = Origin.Port.ToString(CultureInfo.InvariantCulture),
            ["APPDATA"] = _folder.FullName, // where .NET keeps user secrets
            ["ASPNETCORE_URLS"] = Loopback().OriginalString,
            ["ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL"] = Loopback().OriginalString,
            ["ASPIRE_RESOURCE_SERVICE_ENDPOINT_URL"] = Loopback().OriginalString,
            ["ASPIRE_ALLOW_UNSECURED_TRANSPORT"] = "true",
            ["DOTNET_ENVIRONMENT"] = "Development",
            ["Parameters__shopkeeper-key"] = Key,
            ["TEST_MARK"] = _folder.Name,
        };
    }

    /// <summary>The public origin.</summary>
    public Uri Origin { get; }

    /// <summary>The default shop's key.</summary>
    public string Key { get; } = "ctk_" + new string('k', 43);

    public string Data => Path.Combine(_folder.FullName, "data");

    public string Output => _process!.Output;

    /// <summary>The link that signs in to the dashboard, as it is printed.</summary>
    public string DashboardLink => Link().Match(Output).Value;

    /// <summary>Everything that lives of what it has started, by a variable that each inherits; PostgreSQL writes its status over it, and has the folder in its command line.</summary>
    public IReadOnlyList<string> Processes => [.. Directory.EnumerateDirectories("/proc").Where(IsOurs).Select(process => ReadIfThere(process, "cmdline").Replace('\0', ' '))];

    /// <summary>Starts it and waits until all is well.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await LaunchAsync(new(Origin, "/health"), cancellationToken);
        await UntilAsync(() => Output.Contains(Key, StringComparison.Ordinal), "it says where it is", cancellationToken);
    }

    /// <summary>Starts it, and waits for nothing.</summary>
    public async Task LaunchAsync(Uri? ready, CancellationToken cancellationToken, params (string Name, string Value)[] settings)
    {
        foreach (var (name, value) in settings)
            _settings[name] = value;
        // A group of its own, as a terminal gives it, in which SIGINT is not ignored.
        _process = await ChildProcess.StartProgramAsync(
            ["env", "--default-signal=INT", "setsid", "dotnet", ChildProcess.BuiltOutput("CloudTab.AppHost")], _settings, ready, cancellationToken);
    }

    public void PressCtrlC() => _process!.PressCtrlC();

    public void Kill() => _process!.Kill();

    public Task<int> WaitForExitAsync(CancellationToken cancellationToken) => _process!.WaitForExitAsync(cancellationToken);

    /// <summary>Waits until nothing of it lives.</summary>
    public Task EndsWithinAsync(TimeSpan limit, CancellationToken cancellationToken) =>
        Eventually.HoldsAsync(() => Task.FromResult(Processes.Count == 0), "nothing lives on", limit, cancellationToken);

    public static Task UntilAsync(Func<bool> condition, string what, CancellationToken cancellationToken) =>
        Eventually.HoldsAsync(() => Task.FromResult(condition()), what, TimeSpan.FromMinutes(1), cancellationToken);

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false })
            _process.PressCtrlC();
        await EndsWithinAsync(TimeSpan.FromMinutes(1), CancellationToken.None);
        if (_process is not null)
            await _process.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    private static Uri Loopback() => new($"http://localhost:{ChildProcess.FreePort().ToString(CultureInfo.InvariantCulture)}");

    private bool IsOurs(string process) =>
        ReadIfThere(process, "environ").Contains($"TEST_MARK={_folder.Name}", StringComparison.Ordinal) || ReadIfThere(process, "cmdline").Contains(_folder.Name, StringComparison.Ordinal);

    private static string ReadIfThere(string process, string file)
    {
        try
        {
            return File.ReadAllText(Path.Combine(process, file));
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    [GeneratedRegex("http://localhost:[0-9]+/login\\?t=[0-9a-f]+", RegexOptions.None, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Link();
}
