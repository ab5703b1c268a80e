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
    public async Task A_folder_without_binaries_is_one_clear_line()
    {
        var folder = Directory.CreateTempSubdirectory("cloudtab-");
        await using var process = await ChildProcess.StartAsync(
            "CloudTab.LocalPostgres",
            new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["ASPNETCORE_URLS"] = $"http://127.0.0.1:{ChildProcess.FreePort()}",
                ["PGPORT"] = $"{ChildProcess.FreePort()}",
                ["POSTGRES_DATA"] = Path.Combine(folder.FullName, "postgres"),
                ["POSTGRES_PASSWORD"] = "password",
                ["POSTGRES_BIN"] = folder.FullName,
            },
            ready: null,
            Token);
        Assert.Equal(1, await process.WaitForExitAsync(Token));
        Assert.Contains("has no initdb and postgres of version 15 or later", process.Output, StringComparison.Ordinal);
        folder.Delete(recursive: true);
    }

    private static async Task<object?> ExecuteAsync(LocalPostgresServer server, string sql)
    {
        await using var connection = new NpgsqlConnection(server.ConnectionString + ";Pooling=false");
        await connection.OpenAsync(Token);
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(Token);
    }
}
