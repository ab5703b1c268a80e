using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using CloudTab.Supervision;
using Microsoft.Extensions.Options;
using Npgsql;

namespace CloudTab.LocalPostgres;

/// <summary>PostgreSQL itself, from its first start on an empty folder to its orderly end.</summary>
internal sealed class PostgresServer(IOptions<PostgresOptions> options, IHostApplicationLifetime lifetime, TimeProvider time) : BackgroundService
{
    /// <summary>A fast shutdown writes what is in memory; beyond this an immediate one is better than being killed.</summary>
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(7);

    private readonly PostgresOptions _options = options.Value;
    private readonly Queue<string> _lastLines = new();
    private NpgsqlDataSource? _dataSource;

    /// <summary>Whether a query is answered.</summary>
    public async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        if (_dataSource is not { } dataSource)
            return false;
        try
        {
            await using var command = dataSource.CreateCommand("SELECT 1");
            await command.ExecuteScalarAsync(cancellationToken);
            return true;
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }

    public override void Dispose()
    {
        _dataSource?.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // The web server starts meanwhile: the first start may take a while, and says so on /health/ready.
        await Task.Yield();
        try
        {
            using var process = Start(await PrepareAsync(stoppingToken));
            var output = Task.WhenAll(PassOnAsync(process.StandardOutput), PassOnAsync(process.StandardError));
            using var end = stoppingToken.Register(() => ChildGuard.Signal(process, PosixSignal.SIGINT));
            var ended = process.WaitForExitAsync(CancellationToken.None);
            var opened = OpenAsync(process, stoppingToken);
            await Task.WhenAny(ended, opened);
            if (opened.IsFaulted)
                await opened;
            await WaitForEndAsync(process, ended, stoppingToken);
            ChildGuard.Release(process);
            if (stoppingToken.IsCancellationRequested)
                return;

            await Task.WhenAny(output, Task.Delay(TimeSpan.FromSeconds(1), time, CancellationToken.None));
            throw new CannotRunException($"PostgreSQL ended with exit code {process.ExitCode}: {string.Join(" / ", _lastLines)}");
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Asked to end before it had started.
        }
        catch (Exception e) when (e is CannotRunException or NpgsqlException or IOException or UnauthorizedAccessException)
        {
            // initdb, npm, the server and .NET each say it in a line of their own kind, but all in these words.
            var isDiskFull = e.Message.Contains("No space left on device", StringComparison.OrdinalIgnoreCase);
            await Console.Error.WriteLineAsync(
                isDiskFull ? $"The disk that holds {_options.Data} is full: make room, or choose another data folder." : e.Message);
            Environment.ExitCode = 1;
            // Not at once: where the web server is still starting, its start would end with an exception.
            lifetime.ApplicationStarted.Register(lifetime.StopApplication);
        }
    }

    private async Task<(PostgresBinaries Binaries, DataCluster Cluster, ServerUser User)> PrepareAsync(CancellationToken cancellationToken)
    {
        var user = ServerUser.Find();
        var parent = await user.MakeReachableAsync(Path.GetDirectoryName(_options.Data)!, cancellationToken);
        var cluster = new DataCluster(Path.Combine(parent, Path.GetFileName(_options.Data)), user, time);
        var binaries = await PostgresBinaries.FindAsync(_options, user, cluster.Major, Path.Combine(parent, "npm"), cancellationToken);

        await cluster.CreateAsync(binaries, cancellationToken);
        await cluster.WaitForPredecessorAsync(cancellationToken);
        await cluster.SetPasswordAsync(binaries, _options.Password, cancellationToken);
        return (binaries, cluster, user);
    }

    private Process Start((PostgresBinaries Binaries, DataCluster Cluster, ServerUser User) server)
    {
        string[] settings =
        [
            "listen_addresses=127.0.0.1", "unix_socket_directories=", "password_encryption=scram-sha-256", "max_connections=200",
            "shared_buffers=128MB", "logging_collector=off", "log_destination=stderr", .. _options.ServerSettings,
        ];
        var command = server.User.Command(
            [server.Binaries.Postgres, "-D", server.Cluster.Folder, "-p", _options.Port.ToString(CultureInfo.InvariantCulture), .. settings.SelectMany(setting => new[] { "-c", setting })]);

        // If this process is killed, the server gets what Ctrl-C would give it: a fast shutdown, with its data written.
        var start = ChildGuard.Command("INT", command);
        start.WorkingDirectory = "/";
        return Process.Start(start)!;
    }

    /// <summary>Waits until the server answers, and makes the database unless it is there.</summary>
    private async Task OpenAsync(Process process, CancellationToken cancellationToken)
    {
        var address = new NpgsqlConnectionStringBuilder
        {
            Host = "127.0.0.1",
            Port = _options.Port,
            Username = "postgres",
            Password = _options.Password,
            Database = "postgres",
            Pooling = false,
            Timeout = 5,
        };
        while (!process.HasExited)
        {
            try
            {
                await using var connection = new NpgsqlConnection(address.ConnectionString);
                await connection.OpenAsync(cancellationToken);
                await CreateDatabaseAsync(connection, cancellationToken);
                _dataSource = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(address.ConnectionString)
                {
                    Database = _options.Database,
                    Pooling = true,
                    MaxPoolSize = 2,
                });
                return;
            }
            catch (NpgsqlException e) when (e.IsTransient || e.SqlState == PostgresErrorCodes.CannotConnectNow)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50), time, cancellationToken);
            }
        }
    }

    private async Task CreateDatabaseAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var exists = new NpgsqlCommand("SELECT 1 FROM pg_database WHERE datname = @name", connection);
        exists.Parameters.AddWithValue("name", _options.Database);
        if (await exists.ExecuteScalarAsync(cancellationToken) is not null)
            return;

        // A database's name cannot be a parameter.
        var name = _options.Database.Replace("\"", "\"\"", StringComparison.Ordinal);
        await using var create = new NpgsqlCommand($"CREATE DATABASE \"{name}\"", connection);
        await create.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task WaitForEndAsync(Process process, Task ended, CancellationToken stopping)
    {
        await Task.WhenAny(ended, Task.Delay(Timeout.InfiniteTimeSpan, time, stopping));
        await Task.WhenAny(ended, Task.Delay(StopLimit, time, CancellationToken.None));
        ChildGuard.Signal(process, PosixSignal.SIGQUIT);
        await ended;
    }

    private async Task PassOnAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync(CancellationToken.None) is { } line)
        {
            Console.WriteLine(line);
            lock (_lastLines)
            {
                _lastLines.Enqueue(line);
                if (_lastLines.Count > 3)
                    _lastLines.Dequeue();
            }
        }
    }
}
