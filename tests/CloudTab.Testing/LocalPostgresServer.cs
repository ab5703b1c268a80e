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
    private ChildProcess? _process;

    /// <summary>What starts the server, with <see cref="Environment"/>.</summary>
    public static IReadOnlyList<string> Command { get; } =
        ["node", Repository.PathOf("local/CloudTab.LocalPostgres/postgres.mjs"), "-c", "fsync=off", "-c", "full_page_writes=off"];

    /// <summary>A temporary folder, closed to other users, that holds the data; deleted at the end.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("cloudtab-").FullName;

    public string Data => Path.Combine(Folder, "postgres");

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

    public Dictionary<string, string> Environment => new(StringComparer.Ordinal)
    {
        ["PGDATA"] = Data,
        ["PGPORT"] = Port.ToString(CultureInfo.InvariantCulture),
        ["PGDATABASE"] = "cloudtab",
        ["POSTGRES_PASSWORD"] = Password,
    };

    public static async Task<LocalPostgresServer> StartNewAsync(CancellationToken cancellationToken)
    {
        var server = new LocalPostgresServer();
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

    /// <summary>Starts the server, on the data and port of its last run, and waits until it answers.</summary>
    public async Task StartAsync(CancellationToken cancellationToken) =>
        _process = await ChildProcess.StartProgramAsync(Command, Environment, IsReadyAsync, cancellationToken);

    /// <summary>Ends the server in order: connections are closed, the data is written.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> StopAsync()
    {
        if (_process is not { } process)
            return 0;
        var exitCode = await process.StopAsync();
        await process.DisposeAsync();
        _process = null;
        return exitCode;
    }

    /// <summary>SIGKILL of the program that runs the server. The server then ends by itself.</summary>
    public void Kill() => _process?.Kill();

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Directory.Delete(Folder, recursive: true);
    }

    /// <summary>Whether it accepts connections.</summary>
    public async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
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
