using System.Data.Common;
using System.Globalization;
using System.Security.Cryptography;
using Npgsql;

namespace CloudTab.Testing;

/// <summary>
/// A PostgreSQL server of a test's own (local/CloudTab.LocalPostgres as a process), on a free port and in a temporary folder. It can be
/// stopped, killed and started again on the same data and port.
/// </summary>
/// <remarks>fsync is off: tests kill processes, not the machine, and what a process has written survives its death.</remarks>
public sealed class LocalPostgresServer : IAsyncDisposable
{
    private readonly string[] _settings;
    private ChildProcess? _process;

    private LocalPostgresServer(string[] settings) => _settings = settings;

    /// <summary>The folder that holds the data; deleted at the end.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("cloudtab-").FullName;

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

    /// <param name="cancellationToken">Ends the wait.</param>
    /// <param name="settings">Settings of the server, on top of the usual ones.</param>
    public static async Task<LocalPostgresServer> StartNewAsync(CancellationToken cancellationToken, params string[] settings)
    {
        var server = new LocalPostgresServer(settings);
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
        string[] settings = ["fsync=off", "full_page_writes=off", .. _settings];
        var environment = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["PGDATA"] = Path.Combine(Folder, "postgres"),
            ["PGPORT"] = Port.ToString(CultureInfo.InvariantCulture),
            ["PGDATABASE"] = "cloudtab",
            ["POSTGRES_PASSWORD"] = Password,
        };
        _process = await ChildProcess.StartProgramAsync(
            ["node", Program, .. settings.SelectMany(setting => new[] { "-c", setting })], environment, IsReadyAsync, cancellationToken);
    }

    /// <summary>An orderly end: connections are closed, the data is written.</summary>
    public async Task StopAsync()
    {
        if (_process is { } process)
            await process.DisposeAsync();
        _process = null;
    }

    /// <summary>SIGKILL of the program that runs the server, which ends with it.</summary>
    public void Kill() => _process?.Kill();

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Directory.Delete(Folder, recursive: true);
    }

    private static string Program => Repository.PathOf("local/CloudTab.LocalPostgres/postgres.mjs");

    private async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = new NpgsqlConnection(ConnectionString + ";Pooling=false");
            await connection.OpenAsync(cancellationToken);
            return true;
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }
}
