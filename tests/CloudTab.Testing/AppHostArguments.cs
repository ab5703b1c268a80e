namespace CloudTab.Testing;

/// <summary>The command line of an AppHost that runs within a test: programs, and secrets of its own, so that none is kept in the developer's user secrets.</summary>
public static class AppHostArguments
{
    /// <summary>The default shop's key.</summary>
    public const string Key = "ctk_kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";

    public static string[] For(DirectoryInfo data, int replicas) =>
    [
        $"CLOUDTAB_DATA={data.FullName}", FormattableString.Invariant($"Replicas={replicas}"), "Containers=false",
        "Parameters:postgres-password=postgres-password", "Parameters:s3-access-key=s3-access-key", "Parameters:s3-secret-key=s3-secret-key-of-a-test",
        $"Parameters:shopkeeper-key={Key}",
        "ASPIRE_VERSION_CHECK_DISABLED=true", // it keeps its date there too
    ];
}
