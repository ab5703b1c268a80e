using CloudTab.Testing;

namespace CloudTab.Bench;

/// <summary>`@tus/server` with `@tus/s3-store`, from npm in the versions that tus-server/package-lock.json names.</summary>
internal static class TusServer
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "tus-server");

    public static async Task<Server> StartAsync(Dictionary<string, string> settings)
    {
        await InstallAsync();
        return await Server.StartAsync(["node", Path.Combine(Folder, "server.js")], settings, "/");
    }

    private static async Task InstallAsync()
    {
        // npm writes this file last.
        if (File.Exists(Path.Combine(Folder, "node_modules", ".package-lock.json")))
            return;
        string[] install = ["npm", "ci", "--prefix", Folder, "--ignore-scripts", "--no-audit", "--no-fund"];
        await using var npm = await ChildProcess.StartProgramAsync(install, new Dictionary<string, string>(StringComparer.Ordinal), ready: null, CancellationToken.None);
        if (await npm.WaitForExitAsync(CancellationToken.None) != 0)
            throw new InvalidOperationException(npm.Output);
    }
}
