using CloudTab.Relay;
using DbUp;
using DbUp.Engine;
using DbUp.Postgresql;
using Npgsql;

namespace CloudTab.Migrator;

/// <summary>Brings the schema up to date: every script of CloudTab.Relay/db that has not run yet, in order, each in a transaction.</summary>
internal sealed class Schema(NpgsqlDataSource source, TimeProvider clock, ILogger<Schema> logger)
{
    // Any number that nobody else locks: "cloudtab" in ASCII.
    private const long Lock = 0x636c6f7564746162;

    private static readonly TimeSpan WaitInterval = TimeSpan.FromSeconds(1);

    /// <summary>Applies what is missing. A second Migrator that starts meanwhile waits, and then finds nothing to do.</summary>
    /// <exception cref="MigrationFailedException">A script failed; those before it stay applied.</exception>
    public async Task MigrateAsync(CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        // Its end frees the lock, whatever happens meanwhile: the connection goes back to the pool as it is, and this process may run on.
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using var acquire = new NpgsqlBatch(connection) { Timeout = 0 };
        // Nothing else is done in it, for as long as the migration takes: some servers would end it.
        acquire.BatchCommands.Add(new("SET LOCAL idle_in_transaction_session_timeout = 0"));
        acquire.BatchCommands.Add(new("SELECT pg_advisory_xact_lock($1)") { Parameters = { new() { Value = Lock } } });
        await acquire.ExecuteNonQueryAsync(cancellationToken);

        var upgrade = Upgrade().PerformUpgrade();
        foreach (var script in upgrade.Scripts)
            logger.ScriptApplied(NameOf(script));
        if (!upgrade.Successful)
            throw new MigrationFailedException(NameOf(upgrade.ErrorScript), upgrade.Error);
    }

    /// <summary>
    /// Changes nothing, and returns once another Migrator has applied all that this one knows: for services whose orchestrator cannot make
    /// them wait for a job. Postgres may still be on its way up.
    /// </summary>
    public async Task WaitAsync(CancellationToken cancellationToken)
    {
        while (!IsUpToDate())
            await Task.Delay(WaitInterval, clock, cancellationToken);
    }

    private bool IsUpToDate()
    {
        try
        {
            return !Upgrade().IsUpgradeRequired();
        }
        catch (Exception outage) when (Outage.Is(outage))
        {
            return false;
        }
    }

    private UpgradeEngine Upgrade() => DeployChanges.To.PostgresqlDatabase(new PostgresqlConnectionManager(source))
        .WithScriptsEmbeddedInAssembly(typeof(Database).Assembly)
        .JournalToPostgresqlTable("public", "migrations")
        .WithTransactionPerScript()
        .LogToNowhere()
        .Build();

    private static string NameOf(SqlScript script) => script.Name.Replace("CloudTab.Relay.db.", "", StringComparison.Ordinal);
}

/// <summary>A script could not be applied.</summary>
internal sealed class MigrationFailedException(string script, Exception cause) : Exception($"{script} failed: {cause.Message}", cause);
