namespace CloudTab.Testing;

/// <summary>Where an AppHost or LocalPostgres keeps its data while a test runs it.</summary>
public static class TemporaryData
{
    /// <summary>An empty one. As root, Postgres runs as another user, who must be able to reach its data.</summary>
    public static DirectoryInfo New()
    {
        var folder = Directory.CreateTempSubdirectory("cloudtab-");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(folder.FullName, File.GetUnixFileMode(folder.FullName) | UnixFileMode.OtherExecute);
        return folder;
    }
}
