namespace CloudTab.Testing;

/// <summary>Files of this repository that tests hold against the code.</summary>
public static class Repository
{
    /// <summary>Full path of a file or folder.</summary>
    /// <param name="path">The path from the repository's root, with `/`.</param>
    public static string PathOf(string path)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (Path.Combine(folder.FullName, path) is var found && File.Exists(Path.Combine(folder.FullName, "CloudTab.sln")) && Path.Exists(found))
                return found;
        }

        throw new FileNotFoundException(path);
    }
}
