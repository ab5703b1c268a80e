using CloudTab.Testing;

namespace CloudTab.Bench;

/// <summary>Programs from npm, in the versions that the lock file of a folder beside the built output names.</summary>
internal static class Npm
{
    /// <summary>The folder, with what its lock file names installed.</summary>
    public static async Task<string> InstallAsync(string name)
    {
        var folder = Path.Combine(AppContext.BaseDirectory, name);
        // npm writes this file last.
        if (File.Exists(Path.Combine(folder, "node_modules", ".package-lock.json")))
            return folder;
        string[] install = ["npm", "ci", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund"];
        await using var npm = await ChildProcess.StartProgramAsync(install, new Dictionary<string, string>(StringComparer.Ordinal), ready: null, CancellationToken.None);
        return await npm.WaitForExitAsync(CancellationToken.None) == 0 ? folder : throw new InvalidOperationException(npm.Output);
    }
}
