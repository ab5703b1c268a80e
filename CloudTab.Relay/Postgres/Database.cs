using System.Data;
using Dapper;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using Polly;

namespace CloudTab.Relay;

/// <summary>
/// Postgres, as single statements: each is its own transaction, and a state change carries its event along in the same statement.
/// A read is repeated when its connection breaks. Of a change only getting the connection is repeated: once the statement is on
/// its way it may have happened. If Postgres is away all of them throw what <see cref="Outage"/> knows, which services answer with 503.
/// </summary>
public sealed class Database(NpgsqlDataSource source, [FromKeyedServices("postgres")] ResiliencePipeline pipeline)
{
    static Database()
    {
        SqlMapper.AddTypeHandler(new JsonColumn<PrintOptions>());
        SqlMapper.AddTypeHandler(new JsonColumn<List<PrintOptions>>());
        SqlMapper.AddTypeHandler(new JsonColumn<Offer>());
        SqlMapper.AddTypeHandler(new JsonColumn<OwnLimits>());
        SqlMapper.AddTypeHandler(new JsonColumn<IReadOnlyList<FileDetails>>());
        SqlMapper.AddTypeHandler(new JsonColumn<IReadOnlyList<AgentPrinter>>());
        SqlMapper.AddTypeHandler(new JsonColumn<Print>());
        SqlMapper.AddTypeHandler(new JsonColumn<List<ListedPrint>>());
    }

    /// <summary>Most connections that this process has.</summary>
    public int PoolSize { get; } = new NpgsqlConnectionStringBuilder(source.ConnectionString).MaxPoolSize;

    /// <summary>All rows of a read.</summary>
    public Task<List<T>> QueryAsync<T>(string sql, object? parameters, CancellationToken cancellationToken) =>
        ReadAsync(sql, parameters, RowsAsync<T>, cancellationToken);

    /// <summary>The one row of a read, or null.</summary>
    public Task<T?> QuerySingleOrDefaultAsync<T>(string sql, object? parameters, CancellationToken cancellationToken) =>
        ReadAsync(sql, parameters, RowAsync<T>, cancellationToken);

    /// <summary>All rows that a change returns.</summary>
    public Task<List<T>> ChangeAsync<T>(string sql, object? parameters, CancellationToken cancellationToken) =>
        WriteAsync(sql, parameters, RowsAsync<T>, cancellationToken);

    /// <summary>The one row that a change returns, or null.</summary>
    public Task<T?> ChangeSingleOrDefaultAsync<T>(string sql, object? parameters, CancellationToken cancellationToken) =>
        WriteAsync(sql, parameters, RowAsync<T>, cancellationToken);

    /// <summary>Runs a change without a result.</summary>
    /// <returns>The number of rows it touched.</returns>
    public Task<int> ExecuteAsync(string sql, object? parameters, CancellationToken cancellationToken) =>
        WriteAsync(sql, parameters, (connection, command) => connection.ExecuteAsync(command), cancellationToken);

    private static async Task<List<T>> RowsAsync<T>(NpgsqlConnection connection, CommandDefinition command) =>
        (await connection.QueryAsync<T>(command)).AsList();

    private static Task<T?> RowAsync<T>(NpgsqlConnection connection, CommandDefinition command) =>
        connection.QuerySingleOrDefaultAsync<T>(command);

    private async Task<T> ReadAsync<T>(
        string sql, object? parameters, Func<NpgsqlConnection, CommandDefinition, Task<T>> run, CancellationToken cancellationToken) =>
        await pipeline.ExecuteAsync(
            async token =>
            {
                await using var connection = await source.OpenConnectionAsync(token);
                return await RunAsync(connection, new CommandDefinition(sql, parameters, cancellationToken: token), run);
            },
            cancellationToken);

    private async Task<T> WriteAsync<T>(
        string sql, object? parameters, Func<NpgsqlConnection, CommandDefinition, Task<T>> run, CancellationToken cancellationToken)
    {
        await using var connection = await pipeline.ExecuteAsync(async token => await source.OpenConnectionAsync(token), cancellationToken);
        return await RunAsync(connection, new CommandDefinition(sql, parameters, cancellationToken: cancellationToken), run);
    }

    // Its keep-alive may find a connection dead between its opening and its use. Npgsql then calls the use a mistake of ours.
    private static async Task<T> RunAsync<T>(
        NpgsqlConnection connection, CommandDefinition command, Func<NpgsqlConnection, CommandDefinition, Task<T>> run)
    {
        try
        {
            return await run(connection, command);
        }
        catch (InvalidOperationException mistake) when (connection.State != ConnectionState.Open)
        {
            throw new NpgsqlException("The connection broke.", new IOException(mistake.Message, mistake));
        }
    }
}

public static class DatabaseExtensions
{
    /// <summary>
    /// Adds <see cref="Database"/> on the connection string `cloudtab` (ConnectionStrings__cloudtab) or DATABASE_URL, with its health check
    /// and telemetry.
    /// </summary>
    public static void AddDatabase(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptionsWithValidateOnStart<DatabaseOptions>().BindConfiguration("").ValidateDataAnnotations();
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddProblemDetails().AddExceptionHandler<OutageHandler>();
        builder.AddPostgresPipeline();
        // Below warnings it writes every statement.
        builder.Logging.AddFilter("Npgsql", LogLevel.Warning);
        builder.AddNpgsqlDataSource(
            "cloudtab",
            settings =>
            {
                // Null if the settings are wrong: then the check of DatabaseOptions ends the start before anybody wants a connection.
                settings.ConnectionString = (builder.Configuration.Get<DatabaseOptions>() ?? new()).TryToNpgsql(out _);
                // If nothing is exported nothing is recorded, as in ServiceDefaults.
                settings.DisableTracing = settings.DisableMetrics = string.IsNullOrEmpty(builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]);
            },
            source => source.Name = "cloudtab"); // what metrics call the pool; otherwise they carry the connection string
        builder.Services.PostConfigure<HealthCheckServiceOptions>(
            checks => checks.Registrations.Single(check => check.Name == "PostgreSql").Name = "postgres"); // what /health/ready calls it
        builder.Services.AddSingleton<Database>();
        builder.Services.AddTransient<DatabaseChannel>();
        builder.Services.AddTransient<EventReader>();
        builder.Services.AddTransient<EventLoop>();
    }
}
