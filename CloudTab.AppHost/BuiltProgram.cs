namespace CloudTab.AppHost;

/// <summary>The programs that the AppHost's build has made, in folders beside its own.</summary>
internal static class BuiltProgram
{
    /// <summary>The assembly of a project, for `dotnet`.</summary>
    public static string PathOf(string project)
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        return Path.Combine(own.Parent!.Parent!.FullName, project, own.Name, project + ".dll");
    }

    /// <summary>
    /// Starts a project by its assembly. Aspire's `dotnet run` asks MSBuild where that is: a second of CPU time for each process, in all a third
    /// of the start. A debugger and `dotnet watch` have their own ways.
    /// </summary>
    public static IResourceBuilder<ProjectResource> StartedDirectly(this IResourceBuilder<ProjectResource> project)
    {
        var configuration = project.ApplicationBuilder.Configuration;
        if (configuration["DEBUG_SESSION_PORT"] is not null || configuration["DOTNET_WATCH"] is not null)
            return project;

        var path = project.Resource.GetProjectMetadata().ProjectPath;
        return project.WithAnnotation(new ExecutableAnnotation { Command = "dotnet", WorkingDirectory = Path.GetDirectoryName(path)! })
            .WithArgs(PathOf(Path.GetFileNameWithoutExtension(path)));
    }
}
