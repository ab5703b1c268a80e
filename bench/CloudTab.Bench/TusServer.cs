namespace CloudTab.Bench;

/// <summary>`@tus/server` with `@tus/s3-store`, from npm.</summary>
internal static class TusServer
{
    public static async Task<Server> StartAsync(Dictionary<string, string> settings) =>
        await Server.StartAsync(["node", Path.Combine(await Npm.InstallAsync("tus-server"), "server.js")], settings, "/");
}
