using System.Xml.Linq;

namespace CloudTab.Testing;

/// <summary>Files of this repository that tests hold against the code.</summary>
public static class Repository
{
    /// <summary>The version that everything is built as.</summary>
    public static string Version { get; } = XDocument.Parse(Read("Directory.Build.props")).Descendants("Version").Single().Value;

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

    /// <summary>The text of a file.</summary>
    /// <param name="path">The path from the repository's root, with `/`.</param>
    public static string Read(string path) => File.ReadAllText(PathOf(path));
}
