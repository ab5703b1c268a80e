using CloudTab.Relay;
using CloudTab.ServiceDefaults;

namespace CloudTab.Migrator;

/// <summary>What the Migrator is made of, for a host that has the defaults, the database, the object store, keys, offers and settings of shops.</summary>
public static class MigratorModule
{
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
    public static Task<int> RunMigratorAsync(this IHost host, params string[] args) => Verbs.Build(host.Services).Parse(args).InvokeAsync();
}
