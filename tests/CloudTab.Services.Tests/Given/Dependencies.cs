using CloudTab.Testing;
using Npgsql;

[assembly: AssemblyFixture(typeof(CloudTab.Services.Tests.Dependencies))]

namespace CloudTab.Services.Tests;

/// <summary>
/// One real Postgres and one real S3 endpoint for the whole run, and a migrated database to copy for each class. They come from
/// TEST_DATABASE (Npgsql's form, a superuser) and TEST_S3_ENDPOINT with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY where set, else
/// the local ones are started.
/// </summary>
public sealed class Dependencies : IAsyncLifetime
{
    private readonly string _template = $"template_{Guid.NewGuid():N}";

    private LocalPostgresServer? _localPostgres;
    private LocalS3Server? _localS3;

    /// <summary>Npgsql connection string of a superuser.</summary>
    public string Postgres { get; private set; } = "";

    public S3Endpoint S3 { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        await Task.WhenAll(UsePostgresAsync(), UseS3Async());
        await ExecuteAsync($"CREATE DATABASE {_template}");
        await ServiceSettings.MigrateAsync(EnvironmentFor(_template, "template"), CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        await DropDatabaseAsync(_template);
        if (_localPostgres is not null)
            await _localPostgres.DisposeAsync();
        if (_localS3 is not null)
            await _localS3.DisposeAsync();
    }

    public string ConnectionString(string database) => new NpgsqlConnectionStringBuilder(Postgres) { Database = database }.ConnectionString;

    /// <summary>A new migrated database.</summary>
    /// <returns>Its name.</returns>
    public async Task<string> CreateDatabaseAsync()
    {
        var name = $"t_{Guid.NewGuid():N}";
        await ExecuteAsync($"CREATE DATABASE {name} TEMPLATE {_template}");
        return name;
    }

    public Task DropDatabaseAsync(string name) => ExecuteAsync($"DROP DATABASE IF EXISTS {name} WITH (FORCE)");

    /// <summary>The environment of a service's process on a database and a bucket.</summary>
    public Dictionary<string, string> EnvironmentFor(string database, string bucket) => ServiceSettings.For(ConnectionString(database), S3, bucket);

    /// <summary>Runs the Migrator to its end; what it wrote is without blank lines and the last line's end.</summary>
    public async Task<(int Code, string Output)> RunMigratorAsync(string database, string bucket, (string Name, string Value)[] settings, params string[] arguments)
    {
        var environment = EnvironmentFor(database, bucket);
        foreach (var (name, value) in settings)
            environment[name] = value;
        await using var migrator = await ChildProcess.StartAsync("CloudTab.Migrator", environment, null, Token, arguments);
        var code = await migrator.WaitForExitAsync(Token);
        return (code, migrator.Output);
    }

    private async Task UsePostgresAsync()
    {
        Postgres = Environment.GetEnvironmentVariable("TEST_DATABASE") ?? "";
        if (Postgres.Length > 0)
            return;
        _localPostgres = await LocalPostgresServer.StartNewAsync(CancellationToken.None);
        Postgres = _localPostgres.ConnectionString;
    }

    private async Task UseS3Async()
    {
        if (Environment.GetEnvironmentVariable("TEST_S3_ENDPOINT") is { Length: > 0 } endpoint)
        {
            S3 = new(new Uri(endpoint), Environment.GetEnvironmentVariable("AWS_ACCESS_KEY_ID") ?? "", Environment.GetEnvironmentVariable("AWS_SECRET_ACCESS_KEY") ?? "");
            return;
        }

        _localS3 = await LocalS3Server.StartNewAsync(CancellationToken.None);
        S3 = _localS3.Endpoint;
    }

    private async Task ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(Postgres + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
