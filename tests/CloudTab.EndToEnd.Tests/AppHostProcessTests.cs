using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using CloudTab.Testing;

namespace CloudTab.EndToEnd.Tests;

/// <summary>How the AppHost ends, what it leaves, and what it says when it cannot run.</summary>
[Collection(OneRelay.Collection)]
public sealed class AppHostProcessTests : IAsyncLifetime
{
    private readonly AppHostProcess _appHost = new();

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _appHost.DisposeAsync();

    [Fact]
    public async Task After_kill_9_nothing_lives_on_and_after_Ctrl_C_of_the_next_start_on_the_same_data_neither()
    {
        await _appHost.StartAsync(Token);
        Assert.Contains(_appHost.Processes, process => process.Contains("bin/postgres -D", StringComparison.Ordinal));
        using var client = new HttpClient { BaseAddress = _appHost.Origin };
        using var created = await client.PostAsync(new Uri("/api/customer/sessions/create", UriKind.Relative), content: null, Token);
        var session = (await created.Content.ReadFromJsonAsync<JsonElement>(Token)).GetProperty("sessionId").GetString();

        _appHost.Kill();
        await _appHost.EndsWithinAsync(TimeSpan.FromSeconds(20), Token);

        await _appHost.StartAsync(Token);
        using var status = await client.GetAsync(new Uri($"/api/customer/sessions/{session}/status", UriKind.Relative), Token);
        Assert.Equal(HttpStatusCode.OK, status.StatusCode);

        _appHost.PressCtrlC();
        await _appHost.EndsWithinAsync(TimeSpan.FromSeconds(10), Token);
        Assert.Equal(0, await _appHost.WaitForExitAsync(Token));
    }

    [Fact]
    public async Task A_taken_port_is_one_clear_line()
    {
        using var taken = new TcpListener(IPAddress.Loopback, _appHost.Origin.Port);
        taken.Start();

        await _appHost.LaunchAsync(ready: null, Token);

        Assert.Equal(1, await _appHost.WaitForExitAsync(Token));
        Assert.Equal($"Port {_appHost.Origin.Port}, which the gateway listens on, is taken by another program: end that, or set PORT to another one.", _appHost.Output);
    }

    [Fact]
    public async Task A_missing_Node_js_is_one_clear_line()
    {
        var programs = Directory.CreateDirectory(_appHost.Data).FullName;
        foreach (var program in (string[])["setsid", "dotnet"])
            File.CreateSymbolicLink(Path.Combine(programs, program), Environment.GetEnvironmentVariable("PATH")!.Split(':').Select(folder => Path.Combine(folder, program)).First(File.Exists));

        await _appHost.LaunchAsync(ready: null, Token, ("PATH", programs));

        Assert.Equal(1, await _appHost.WaitForExitAsync(Token));
        Assert.Equal("Node.js, which runs the local PostgreSQL, is not in PATH: install version 20.19+ or 22.12+, or run with Containers=true.", _appHost.Output);
    }

    [Fact]
    public async Task A_full_disk_is_one_clear_line()
    {
        Directory.CreateDirectory(_appHost.Data);
        var mounted = await RunAsync("mount", "-t", "tmpfs", "-o", "size=8m,mode=755", "tmpfs", _appHost.Data);
        Assert.SkipUnless(mounted == 0, "A small file system cannot be mounted here.");
        try
        {
            await _appHost.LaunchAsync(ready: null, Token);

            var line = $"postgres ended with exit code 1: The disk that holds {_appHost.Data}/postgres is full: make room, or set CLOUDTAB_DATA to another folder.";
            await AppHostProcess.UntilAsync(() => _appHost.Output.Contains(line, StringComparison.Ordinal), line, Token);
        }
        finally
        {
            _appHost.PressCtrlC();
            await _appHost.EndsWithinAsync(TimeSpan.FromMinutes(1), Token);
            await RunAsync("umount", _appHost.Data);
        }
    }

    /// <returns>The exit code.</returns>
    private static async Task<int> RunAsync(params string[] command)
    {
        await using var process = await ChildProcess.StartProgramAsync(command, new Dictionary<string, string>(StringComparer.Ordinal), ready: null, Token);
        return await process.WaitForExitAsync(Token);
    }
}
