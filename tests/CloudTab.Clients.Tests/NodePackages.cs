using CloudTab.Testing;

namespace CloudTab.Clients.Tests;

/// <summary>The clients from npm: installed as their lock file says, and bundled for browsers, once.</summary>
internal static class NodePackages
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "npm");
    private static readonly Lazy<Task> Installing = new(InstallAsync);

    private static string Bundle => Path.Combine(Folder, "bundle", "page.js");

    /// <summary>A program of the folder npm, with the packages that it imports.</summary>
    public static async Task<string> ProgramAsync(string name)
    {
        await Installing.Value;
        return Path.Combine(Folder, name);
    }

    /// <summary>page.mjs and all that it imports, as one script for browsers.</summary>
    public static async Task<string> ScriptForBrowsersAsync()
    {
        await Installing.Value;
        return await File.ReadAllTextAsync(Bundle);
    }

    private static async Task InstallAsync()
    {
        // A later run on the same lock file finds them, as npm itself would see it.
        var installed = new FileInfo(Path.Combine(Folder, "node_modules", ".package-lock.json"));
        if (!installed.Exists || installed.LastWriteTimeUtc < File.GetLastWriteTimeUtc(Path.Combine(Folder, "package-lock.json")))
            await RunAsync(["npm", "ci", "--prefix", Folder, "--ignore-scripts", "--no-audit", "--no-fund"]);
        await RunAsync([Path.Combine(Folder, "node_modules", ".bin", "esbuild"), Path.Combine(Folder, "page.mjs"), "--bundle", $"--outfile={Bundle}"]);
    }

    private static async Task RunAsync(string[] command)
    {
        await using var program = await ChildProcess.StartProgramAsync(
            command, new Dictionary<string, string>(StringComparer.Ordinal), ready: null, CancellationToken.None);
        Assert.True(await program.WaitForExitAsync(CancellationToken.None) == 0, program.Output);
    }
}
