using System.Text.RegularExpressions;
using CloudTab.Testing;

namespace CloudTab.EndToEnd.Tests;

[Collection(RunningAppHost.Collection)]
public sealed class ProtocolPageTests(RunningAppHost relay) : ProtocolPage(relay.Origin, AppHostArguments.Key);

[Collection(RunningStandalone.Collection)]
public sealed class ProtocolPageOfStandaloneTests(RunningStandalone relay) : ProtocolPage(relay.Origin, relay.Key);

/// <summary>docs/protocol.md promises a session that can be pasted into a shell: here it is, with any shape of the relay.</summary>
public abstract partial class ProtocolPage(Uri origin, string key) : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private readonly DirectoryInfo _shell = Directory.CreateTempSubdirectory("cloudtab-");

    [Fact]
    public async Task The_sessions_on_the_page_run_as_they_are_written()
    {
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        bound.CancelAfter(Limit);
        var lines = Commands(await File.ReadAllTextAsync(Repository.PathOf("docs/protocol.md"), bound.Token)).Select(line =>
            line.StartsWith("ORIGIN=", StringComparison.Ordinal) ? $"ORIGIN={origin.ToString().TrimEnd('/')}"
            : line.StartsWith("KEY=", StringComparison.Ordinal) ? $"KEY={key}"
            : line);
        await File.WriteAllLinesAsync(Path.Combine(_shell.FullName, "page"), lines, bound.Token);

        await using var shell = await ChildProcess.StartProgramAsync(
            ["bash", "-c", "cd \"$1\" && bash < page", "bash", _shell.FullName], new Dictionary<string, string>(StringComparer.Ordinal), ready: null, bound.Token);
        await shell.WaitForExitAsync(bound.Token);

        Assert.Contains("identical", shell.Output, StringComparison.Ordinal);
        Assert.Contains("Upload-Offset: 6", shell.Output, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("\"name\":\"photo.pdf\"", shell.Output, StringComparison.Ordinal);
        Assert.Contains("Upload-Complete: ?1", shell.Output, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("\"originalName\":\"scan.pdf\"", shell.Output, StringComparison.Ordinal);
        Assert.Contains("\"originalName\":\"direct.pdf\"", shell.Output, StringComparison.Ordinal);
        Assert.Contains("\"ticket\":\"", shell.Output, StringComparison.Ordinal);
        Assert.Contains("\"paidAt\":\"20", shell.Output, StringComparison.Ordinal);
        Assert.Contains("\"status\":410", shell.Output, StringComparison.Ordinal);
        Assert.Contains("\"code\":\"file_deleted\"", shell.Output, StringComparison.Ordinal);
        Assert.Contains("\"status\":\"completed\"", shell.Output, StringComparison.Ordinal);
        var heard = await File.ReadAllTextAsync(Path.Combine(_shell.FullName, "socket.log"), bound.Token);
        Assert.Contains("\"type\":\"new_session\"", heard, StringComparison.Ordinal);
        Assert.Contains("\"type\":\"session_updated\"", heard, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _shell.Delete(recursive: true);
        GC.SuppressFinalize(this);
    }

    private static IEnumerable<string> Commands(string page) =>
        ShellBlock.Matches(Section.Match(page).Value).SelectMany(block => block.Groups["lines"].Value.Split('\n'));

    [GeneratedRegex(@"^## A session, from upload to completion$.*?^## Two ids$", RegexOptions.Multiline | RegexOptions.Singleline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Section { get; }

    [GeneratedRegex(@"^```sh\n(?<lines>.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ShellBlock { get; }
}
