using CloudTab.Testing;

namespace CloudTab.Services.Tests;

/// <summary>Info-ZIP's unzip: a reader of ZIP files that others have written.</summary>
internal static class Unzip
{
    private const string Program = "/usr/bin/unzip";

    public static void SkipIfMissing() => Assert.SkipUnless(File.Exists(Program), $"{Program} is not installed");

    /// <summary>Runs it, and asserts that it has found no fault.</summary>
    /// <returns>What it wrote.</returns>
    public static async Task<string> RunAsync(params string[] arguments)
    {
        using var limit = Bounded();
        var environment = new Dictionary<string, string>(StringComparer.Ordinal) { ["LC_ALL"] = "C.UTF-8" };
        await using var unzip = await ChildProcess.StartProgramAsync([Program, .. arguments], environment, ready: null, limit.Token);
        var code = await unzip.WaitForExitAsync(limit.Token);
        Assert.True(code == 0, unzip.Output);
        return unzip.Output;
    }
}
