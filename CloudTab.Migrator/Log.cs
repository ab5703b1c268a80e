namespace CloudTab.Migrator;

internal static partial class Log
{
    [LoggerMessage(Level = LogLevel.Information, Message = "Postgres does not answer yet: trying again")]
    public static partial void PostgresAwaited(this ILogger logger);

    [LoggerMessage(Level = LogLevel.Information, Message = "Script {Script} applied")]
    public static partial void ScriptApplied(this ILogger logger, string script);

    [LoggerMessage(Level = LogLevel.Information, Message = "Key {Key} made, to sign receipts with")]
    public static partial void SigningKeyAdded(this ILogger logger, string key);

    [LoggerMessage(Level = LogLevel.Information, Message = "Bucket {Bucket} created")]
    public static partial void BucketCreated(this ILogger logger, string bucket);

    [LoggerMessage(Level = LogLevel.Information, Message = "Lifecycle rule of bucket {Bucket} set: everything is deleted after a day")]
    public static partial void LifecycleRuleSet(this ILogger logger, string bucket);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Bucket {Bucket} keeps versions: a file that is deleted stays readable as an old version, until the lifecycle rule deletes that a day later. Suspend versioning")]
    public static partial void BucketKeepsVersions(this ILogger logger, string bucket);

    [LoggerMessage(Level = LogLevel.Information, Message = "Whether bucket {Bucket} is private could not be checked in full: the store did not tell its {Questions}")]
    public static partial void BucketNotChecked(this ILogger logger, string bucket, string questions);

    [LoggerMessage(Level = LogLevel.Information, Message = "CORS rule of bucket {Bucket} set: pages of {Origins} may send to links")]
    public static partial void CorsRuleSet(this ILogger logger, string bucket, string origins);

    [LoggerMessage(Level = LogLevel.Information, Message = "Shop {Shop} added")]
    public static partial void ShopAdded(this ILogger logger, string shop);

    [LoggerMessage(Level = LogLevel.Information, Message = "Key {Key} added to shop {Shop}")]
    public static partial void KeyAdded(this ILogger logger, string shop, string key);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Key {Prefix} of shop {Shop} revoked: {Key} has another value now")]
    public static partial void KeyReplaced(this ILogger logger, string prefix, string shop, string key);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Key} has a value that was revoked, and stays so, or that is another shop's: choose another. The keys of shop {Shop} stay as they are")]
    public static partial void KeyOpensNothing(this ILogger logger, string key, string shop);
}
