using System.Data.Common;
using System.Globalization;
using System.Security.Cryptography;

namespace CloudTab.Testing;

/// <summary>
/// A PostgreSQL server of a test's own (local/CloudTab.LocalPostgres as a process), on free ports and in a temporary folder. It can be
/// stopped, killed and started again on the same data and port.
/// </summary>
/// <remarks>fsync is off: tests kill processes, not the machine, and what a process has written survives its death.</remarks>
public sealed class LocalPostgresServer : IAsyncDisposable
{
    private readonly Dictionary<string, string> _environment;
    private readonly Uri _ready;
    private ChildProcess? _process;

    private LocalPostgresServer(string folder, IReadOnlyDictionary<string, string> settings)
    {
        Folder = folder;
        var httpPort = ChildProcess.FreePort().ToString(CultureInfo.InvariantCulture);
        _ready = new Uri($"http://127.0.0.1:{httpPort}/health/ready");
        _environment = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["ASPNETCORE_URLS"] = $"http://127.0.0.1:{httpPort}",
            ["PGPORT"] = Port.ToString(CultureInfo.InvariantCulture),
            ["POSTGRES_DATA"] = Path.Combine(folder, "postgres"),
            ["POSTGRES_DB"] = "cloudtab",
            ["POSTGRES_OPTIONS"] = "fsync=off full_page_writes=off",
        };
        foreach (var (name, value) in settings)
            _environment[name] = value;
    }

    /// <summary>The folder that holds the data; deleted at the end.</summary>
    public string Folder { get; }

    public int Port { get; } = ChildProcess.FreePort();

    /// <summary>The superuser's; a new one holds from the next start.</summary>
    public string Password { get; set; } = RandomNumberGenerator.GetHexString(24);

    /// <summary>For Npgsql, as the superuser, to the database <c>cloudtab</c>.</summary>
    public string ConnectionString => new DbConnectionStringBuilder
    {
        ["Host"] = "127.0.0.1",
        ["Port"] = Port,
        ["Username"] = "postgres",
        ["Password"] = Password,
        ["Database"] = "cloudtab",
    }.ConnectionString;

    /// <summary>What the server has written since its last start.</summary>
    public string Output => _process?.Output ?? "";

    public static Task<LocalPostgresServer> StartNewAsync(CancellationToken cancellationToken) =>
        StartNewAsync(new Dictionary<string, string>(StringComparer.Ordinal), cancellationToken);

    /// <param name="settings">Environment variables of LocalPostgres, on top of the usual ones.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<LocalPostgresServer> StartNewAsync(
        IReadOnlyDictionary<string, string> settings, CancellationToken cancellationToken)
    {
        var server = new LocalPostgresServer(Directory.CreateTempSubdirectory("cloudtab-").FullName, settings);
        try
        {
            await server.StartAsync(cancellationToken);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts the server again, on the same data and port, and waits until it answers.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        // As root the server runs as another user, who must be able to reach its data.
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(Folder, File.GetUnixFileMode(Folder) | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        _environment["POSTGRES_PASSWORD"] = Password;
        _process = await ChildProcess.StartAsync("CloudTab.LocalPostgres", _environment, _ready, cancellationToken);
    }

    /// <summary>An orderly end: connections are closed, the data is written.</summary>
    public async Task StopAsync()
    {
        if (_process is { } process)
            await process.DisposeAsync();
        _process = null;
    }

    /// <summary>SIGKILL of LocalPostgres; PostgreSQL itself then ends by its guard.</summary>
    public void Kill() => _process?.Kill();

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Directory.Delete(Folder, recursive: true);
    }
}
