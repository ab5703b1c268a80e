using System.Text.Json;
using CloudTab.Testing;

namespace CloudTab.Services.Tests;

/// <summary>Runs functions of the pages' scripts in Node.js: from their source, by the Vite that also builds them.</summary>
internal static class Scripts
{
    private const string Program = """
        const [scripts, path, call, before] = process.argv.slice(1)
        eval(before)
        const { runnerImport } = await import(`${scripts}/node_modules/vite/dist/node/index.js`)
        const { module } = await runnerImport(`${scripts}/${path}`, { root: scripts, configFile: false, logLevel: 'error' })
        console.log(JSON.stringify(await eval(call)(module)))
        """;

    /// <summary>Calls a function with what a module exports.</summary>
    /// <param name="path">Of the module, in CloudTab.Pages/scripts.</param>
    /// <param name="call">The function, in JavaScript: `({ money }) => money(100, 'INR')`.</param>
    /// <param name="before">What there is in a browser when the module is loaded, in JavaScript.</param>
    /// <returns>What the function returns or resolves to.</returns>
    public static async Task<JsonElement> RunAsync(string path, string call, string before = "")
    {
        await using var node = await ChildProcess.StartProgramAsync(
            ["node", "--no-warnings", "--input-type=module", "-e", Program, Repository.PathOf("CloudTab.Pages/scripts"), path, call, before],
            new Dictionary<string, string>(StringComparer.Ordinal), ready: null, Token);
        Assert.True(await node.WaitForExitAsync(Token) == 0, node.Output);
        return JsonElement.Parse(node.Output);
    }
}
