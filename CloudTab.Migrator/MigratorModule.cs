using CloudTab.Relay;
using CloudTab.ServiceDefaults;

namespace CloudTab.Migrator;

/// <summary>What the Migrator is made of, for a host that has the defaults, the database, the object store, keys, webhooks, offers and settings of shops.</summary>
public static class MigratorModule
{
    // Less than platforms give a process until it listens (Heroku: 60 s): the line that says why comes from us.
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(1);

    public static void AddMigrator(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSettings<MigratorOptions>();
        builder.Services.AddSettings<DirectOptions>();
        builder.Services.AddSettings<OriginOptions>();
        builder.Services.AddSingleton<Schema>();
        builder.Services.AddSingleton<Bucket>();
        builder.Services.AddSingleton<BucketCors>();
        builder.Services.AddSingleton<BucketPrivacy>();
        builder.Services.AddSingleton<FirstShop>();
        builder.Services.AddSingleton<Operator>();
    }

    /// <summary>Runs the Migrator's command line: without a verb it migrates.</summary>
    /// <returns>The exit code: 0, or 1 after a line on standard error.</returns>
    public static async Task<int> RunMigratorAsync(this IHost host, params string[] args)
    {
        // Within a relay keys are dated by Postgres' clock, which must have been asked for.
        if (host.Services.GetService<DatabaseTime>() is { } time)
        {
            var exitCode = await Verbs.ExplainedAsync(() => MeasureAsync(time, host.Services.GetRequiredService<ILogger<Schema>>()));
            if (exitCode != 0)
                return exitCode;
        }

        return await Verbs.Build(host.Services).Parse(args).InvokeAsync();
    }

    /// <summary>Postgres may still be on its way up: no orchestrator makes a relay of one process wait for it.</summary>
    private static async Task MeasureAsync(DatabaseTime time, ILogger logger)
    {
        var began = TimeProvider.System.GetTimestamp();
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await time.MeasureAsync(CancellationToken.None);
                return;
            }
            catch (Exception outage) when (Outage.Is(outage) && TimeProvider.System.GetElapsedTime(began) < StartLimit)
            {
                if (attempt == 1)
                    logger.PostgresAwaited();
                await Task.Delay(RetryInterval, TimeProvider.System);
            }
        }
    }
}
