namespace CloudTab.Testing;

/// <summary>The environment variables that every service needs, for all launchers but the AppHost. A launcher adds what only it wants.</summary>
public static class ServiceSettings
{
    /// <param name="connectionString">Npgsql's.</param>
    /// <param name="bucket">Created by the Migrator.</param>
    public static Dictionary<string, string> For(string connectionString, S3Endpoint s3, string bucket) => new(For(s3), StringComparer.Ordinal)
    {
        ["ConnectionStrings__cloudtab"] = connectionString,
        ["AWS_S3_BUCKET"] = bucket,
    };

    /// <summary>Those that say where S3 is and how to open it.</summary>
    public static Dictionary<string, string> For(S3Endpoint s3) => new(StringComparer.Ordinal)
    {
        ["AWS_ENDPOINT_URL_S3"] = s3.Address.ToString(),
        ["AWS_ACCESS_KEY_ID"] = s3.AccessKeyId,
        ["AWS_SECRET_ACCESS_KEY"] = s3.SecretAccessKey,
        ["AWS_REGION"] = s3.Region,
    };

    /// <summary>Runs the Migrator, which creates the tables and the bucket.</summary>
    public static async Task MigrateAsync(IReadOnlyDictionary<string, string> settings, CancellationToken cancellationToken)
    {
        await using var migrator = await ChildProcess.StartAsync("CloudTab.Migrator", settings, ready: null, cancellationToken);
        if (await migrator.WaitForExitAsync(cancellationToken) is not 0 and var code)
            throw new InvalidOperationException($"The Migrator ended with {code}:\n{migrator.Output}");
    }
}
