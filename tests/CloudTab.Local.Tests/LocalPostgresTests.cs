using System.Globalization;
using CloudTab.Testing;
using Npgsql;

namespace CloudTab.Local.Tests;

/// <summary>local/CloudTab.LocalPostgres as a process: what it keeps, what a kill leaves, whom it runs for, when it refuses to start.</summary>
public sealed class LocalPostgresTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    /// <summary>The start after the kill does not wait for the killed run's server to end.</summary>
    [Fact]
    public async Task Data_survives_a_stop_and_a_kill()
    {
        await using var server = await LocalPostgresServer.StartNewAsync(Token);
        await ExecuteAsync(server, "CREATE TABLE kept (line text); INSERT INTO kept VALUES ('first')");

        Assert.Equal(0, await server.StopAsync());
        await server.StartAsync(Token);
        await ExecuteAsync(server, "INSERT INTO kept VALUES ('second')");

        server.Kill();
        await server.StartAsync(Token);
        Assert.Equal(2L, await ExecuteAsync(server, "SELECT count(*) FROM kept"));
    }

    [Fact]
    public async Task It_is_PostgreSQL_18_with_a_locale_that_every_system_has()
    {
        await using var server = await LocalPostgresServer.StartNewAsync(Token);
        Assert.StartsWith("18.", (string)(await ExecuteAsync(server, "SHOW server_version"))!, StringComparison.Ordinal);
        Assert.Equal("b C.UTF-8 UTF8", await ExecuteAsync(server, "SELECT datlocprovider::text || ' ' || datlocale || ' ' || pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'cloudtab'"));
    }

    [Fact]
    public async Task SIGTERM_stops_the_server_in_order_while_a_client_is_connected()
    {
        await using var server = await LocalPostgresServer.StartNewAsync(Token);
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        await connection.OpenAsync(Token);
        Assert.Equal(0, await server.StopAsync());
        Assert.False(File.Exists(Path.Combine(server.Data, "postmaster.pid")));
    }

    [Fact]
    public async Task A_kill_of_the_program_ends_the_server_too()
    {
        await using var server = await LocalPostgresServer.StartNewAsync(Token);
        var processId = ServerId(server);
        server.Kill();
        await Eventually.HoldsAsync(() => Task.FromResult(!Directory.Exists($"/proc/{processId}")), "the server has ended", Soon, Token);
    }

    [Fact]
    public async Task An_initdb_that_was_killed_leaves_nothing_in_the_way()
    {
        await using var server = new LocalPostgresServer();
        await using var process = await ChildProcess.StartProgramAsync(LocalPostgresServer.Command, server.Environment, ready: null, Token);
        await Eventually.HoldsAsync(() => Task.FromResult(File.Exists(Path.Combine(server.Data + ".new", "PG_VERSION"))), "initdb has begun", Soon, Token);
        process.Kill();

        Assert.False(Directory.Exists(server.Data));
        await server.StartAsync(Token);
        Assert.Equal([server.Data], Directory.EnumerateFileSystemEntries(server.Folder));
    }

    [Fact]
    public async Task A_wrong_password_is_refused()
    {
        await using var server = await LocalPostgresServer.StartNewAsync(Token);
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(server.ConnectionString) { Password = "wrong" }.ConnectionString);
        var e = await Assert.ThrowsAsync<PostgresException>(() => connection.OpenAsync(Token));
        Assert.Equal(PostgresErrorCodes.InvalidPassword, e.SqlState);
    }

    [Fact]
    public async Task A_changed_password_holds_from_the_next_start()
    {
        await using var server = await LocalPostgresServer.StartNewAsync(Token);
        await ExecuteAsync(server, "CREATE TABLE kept ()");
        await server.StopAsync();
        server.Password = "it's another $one";
        await server.StartAsync(Token);
        Assert.Equal(0L, await ExecuteAsync(server, "SELECT count(*) FROM kept"));
    }

    /// <summary>Docker's root lacks the first capability that would let it pass through closed folders.</summary>
    [Theory]
    [InlineData("root")]
    [InlineData("root", "setpriv", "--bounding-set=-dac_read_search")]
    [InlineData("nobody", "setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")]
    public async Task Root_and_others_can_run_it_in_a_folder_that_is_closed_to_everybody_else(string user, params string[] prefix)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "This is an unprivileged user already: every other test is this one.");
        await using var server = new LocalPostgresServer();
        var program = Path.Combine(server.Folder, "program");
        Assert.Equal(0, await RunAsync("cp", "-R", Repository.PathOf("local/CloudTab.LocalPostgres"), program));
        Assert.Equal(0, await RunAsync("chown", "-R", user, server.Folder));
        Assert.SkipUnless(await RunAsync([.. prefix, "node", "--version"]) == 0, "Node.js lies where this user cannot run it.");

        string[] command = [.. prefix, "node", Path.Combine(program, "postgres.mjs"), "-c", "fsync=off"];
        await using var process = await ChildProcess.StartProgramAsync(command, server.Environment, server.IsReadyAsync, Token);
        Assert.NotEqual("0", File.ReadLines($"/proc/{ServerId(server)}/status").Single(line => line.StartsWith("Uid:", StringComparison.Ordinal)).Split('\t')[1]);
        Assert.Equal(0, await process.StopAsync());
    }

    [Fact]
    public async Task Data_of_another_version_is_one_clear_line()
    {
        await using var server = new LocalPostgresServer();
        Directory.CreateDirectory(server.Data);
        await File.WriteAllTextAsync(Path.Combine(server.Data, "PG_VERSION"), "15\n", Token);
        await RefusesAsync(server.Environment, $"{server.Data} holds a database of PostgreSQL 15, not 18: delete or move that folder.");
    }

    [Fact]
    public async Task A_platform_without_binaries_is_one_clear_line()
    {
        await using var server = new LocalPostgresServer();
        var environment = server.Environment;
        environment["NODE_OPTIONS"] = "--import=data:text/javascript,Object.defineProperty(process,'arch',{value:'riscv64'})";
        await RefusesAsync(environment, "There is no PostgreSQL for linux-riscv64: build CloudTab.LocalPostgres first, or run with Containers=true.");
    }

    /// <summary>The first disk is full at once. The second is full in the middle of initdb, which then removes what it has written.</summary>
    [Theory]
    [InlineData(4)]
    [InlineData(32)]
    public async Task A_full_disk_is_one_clear_line(int megabytes)
    {
        await using var server = new LocalPostgresServer();
        var mounted = await RunAsync("mount", "-t", "tmpfs", "-o", $"size={megabytes.ToString(CultureInfo.InvariantCulture)}m,mode=755", "tmpfs", server.Folder);
        try
        {
            Assert.SkipUnless(mounted == 0, "A small file system cannot be mounted here.");
            await RefusesAsync(server.Environment, $"The disk that holds {server.Data} is full: make room, or set CLOUDTAB_DATA to another folder.");
        }
        finally
        {
            if (mounted == 0)
                await RunAsync("umount", server.Folder);
        }
    }

    /// <summary>It must end with 1 and write this one line, and nothing else.</summary>
    private static async Task RefusesAsync(Dictionary<string, string> environment, string line)
    {
        await using var process = await ChildProcess.StartProgramAsync(LocalPostgresServer.Command, environment, ready: null, Token);
        Assert.Equal(1, await process.WaitForExitAsync(Token));
        Assert.Equal(line, process.Output);
    }

    private static string ServerId(LocalPostgresServer server) => File.ReadLines(Path.Combine(server.Data, "postmaster.pid")).First();

    /// <returns>The exit code.</returns>
    private static async Task<int> RunAsync(params string[] command)
    {
        await using var process = await ChildProcess.StartProgramAsync(command, new Dictionary<string, string>(StringComparer.Ordinal), ready: null, Token);
        return await process.WaitForExitAsync(Token);
    }

    private static async Task<object?> ExecuteAsync(LocalPostgresServer server, string sql)
    {
        await using var connection = new NpgsqlConnection(server.ConnectionString + ";Pooling=false");
        await connection.OpenAsync(Token);
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(Token);
    }
}
