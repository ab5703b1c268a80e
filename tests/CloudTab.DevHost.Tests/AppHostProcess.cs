using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using CloudTab.Testing;

namespace CloudTab.DevHost.Tests;

/// <summary>The AppHost as a program: how it starts, ends, is killed, and what it says when it cannot run.</summary>
public sealed class AppHostProcess : IDisposable
{
    private readonly DirectoryInfo _folder = TemporaryData.New();
    private readonly int _port = ChildProcess.FreePort();
    private readonly int _dashboardPort = ChildProcess.FreePort();
    private readonly int _grpcPort = ChildProcess.FreePort();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private Uri Ready => new($"http://127.0.0.1:{_port}/health");

    [Fact]
    public async Task It_starts_again_on_the_same_data_after_an_orderly_end()
    {
        await using (var first = await StartAsync())
        {
            await WaitForAsync(() => first.Output.Contains($"front  http://localhost:{_port}", StringComparison.Ordinal));
            Assert.Equal(0, await first.StopAsync());
            await WaitForAsync(() => Processes().Count == 0);
        }

        var secrets = await File.ReadAllTextAsync(Path.Combine(_folder.FullName, "secrets.json"), Token);
        await using var second = await StartAsync();
        Assert.Equal(secrets, await File.ReadAllTextAsync(Path.Combine(_folder.FullName, "secrets.json"), Token));
    }

    [Fact]
    public async Task Killed_it_leaves_no_process_and_starts_again_on_the_same_data()
    {
        await using (var first = await StartAsync())
        {
            Assert.Contains(Processes(), process => File.ReadAllText(Path.Combine(process, "comm")) == "postgres\n");
            first.Kill();
            await first.WaitForExitAsync(Token);
        }

        // At once: the second start waits for what is left of the first.
        await using (var second = await StartAsync())
            Assert.False(second.HasExited);
        await WaitForAsync(() => Processes().Count == 0);
    }

    [Fact]
    public async Task A_child_that_dies_is_told_of_with_its_last_lines_and_everything_else_runs_on()
    {
        await using var appHost = await StartAsync();
        await WaitForAsync(() => appHost.Output.Contains("Ready after", StringComparison.Ordinal));
        var child = Regex.Match(appHost.Output, @"^(?<name>back-end\.\d) +\| process (?<id>\d+)$", RegexOptions.Multiline | RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1));
        using (var process = Process.GetProcessById(int.Parse(child.Groups["id"].ValueSpan, CultureInfo.InvariantCulture)))
            process.Kill();

        await WaitForAsync(() => Regex.IsMatch(
            appHost.Output, $@"^{child.Groups["name"].Value} +\| ended with exit code 137\. Its last lines:\n    process {child.Groups["id"].Value}$", RegexOptions.Multiline, TimeSpan.FromSeconds(1)));
        using var http = new HttpClient();
        Assert.Equal("healthy", await http.GetStringAsync(Ready, Token));
        Assert.False(appHost.HasExited);
    }

    [Fact]
    public async Task Ctrl_C_ends_everything_in_order_within_ten_seconds()
    {
        await using var appHost = await ChildProcess.StartProgramAsync(
            ["env", "--default-signal=INT", "setsid", "dotnet", ChildProcess.BuiltOutput("CloudTab.TestAppHost")], Settings(), Ready, Token);
        await WaitForAsync(() => appHost.Output.Contains("Ready after", StringComparison.Ordinal));

        var watch = Stopwatch.StartNew();
        appHost.PressCtrlC();
        Assert.Equal(0, await appHost.WaitForExitAsync(Token));
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 10);
        Assert.Empty(Processes());

        // The terminal sends it to PostgreSQL too, which must not end before those that use it.
        await WaitForAsync(() => appHost.Output.Contains("received fast shutdown request", StringComparison.Ordinal));
        Assert.True(appHost.Output.IndexOf("service is ending", StringComparison.Ordinal) < appHost.Output.IndexOf("received fast shutdown request", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_taken_port_is_one_clear_line()
    {
        using var taken = new TcpListener(IPAddress.Loopback, _port);
        taken.Start();
        await using var appHost = await ChildProcess.StartAsync("CloudTab.TestAppHost", Settings(), ready: null, Token);
        Assert.Equal(1, await appHost.WaitForExitAsync(Token));
        await WaitForAsync(() => appHost.Output.Length > 0);
        Assert.Equal($"Port {_port}, which front listens on, is taken by another program: end that, or choose another port.", appHost.Output);
    }

    [Theory]
    [InlineData(false, "which the dashboard listens on", "ASPNETCORE_URLS")]
    [InlineData(true, "which the dashboard takes telemetry over gRPC on", "ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL")]
    public async Task A_taken_port_of_the_dashboard_is_one_clear_line_that_names_the_setting(bool isGrpc, string use, string setting)
    {
        var port = isGrpc ? _grpcPort : _dashboardPort;
        using var taken = new TcpListener(IPAddress.Loopback, port);
        taken.Start();
        await using var appHost = await ChildProcess.StartAsync("CloudTab.TestAppHost", Settings(), ready: null, Token);
        Assert.Equal(1, await appHost.WaitForExitAsync(Token));
        await WaitForAsync(() => appHost.Output.Length > 0);
        Assert.Equal($"Port {port}, {use}, is taken by another program: end that, set {setting} to another address, or run with --no-dashboard.", appHost.Output);
    }

    [Theory]
    [InlineData("ASPNETCORE_URLS", "http://example.com:80", "ASPNETCORE_URLS (http://example.com:80) must be an http address of this machine, like http://localhost:18888.")]
    [InlineData("Dashboard__TelemetryLimits__MaxSpanCount", "0", "Dashboard:TelemetryLimits: The field MaxSpanCount must be between 100 and 1000000.")]
    public async Task A_setting_of_the_dashboard_that_makes_no_sense_is_one_clear_line(string setting, string value, string line)
    {
        var settings = Settings();
        settings[setting] = value;
        await using var appHost = await ChildProcess.StartAsync("CloudTab.TestAppHost", settings, ready: null, Token);
        Assert.Equal(1, await appHost.WaitForExitAsync(Token));
        await WaitForAsync(() => appHost.Output.Length > 0);
        Assert.Equal(line, appHost.Output);
    }

    [Fact]
    public async Task The_printed_link_opens_the_dashboard()
    {
        await using var appHost = await StartAsync();
        var link = appHost.Output.Split('\n').Select(line => line.Trim()).First(line => line.StartsWith("dashboard  ", StringComparison.Ordinal))["dashboard  ".Length..];
        Assert.StartsWith($"http://localhost:{_dashboardPort}/login?t=", link, StringComparison.Ordinal);
        using var http = new HttpClient();
        using var page = await http.GetAsync(new Uri(link), Token);
        Assert.Equal("text/html", page.Content.Headers.ContentType?.MediaType);
        using var resources = await http.GetAsync(new Uri($"http://localhost:{_dashboardPort}/api/resources"), Token);
        Assert.Equal(HttpStatusCode.OK, resources.StatusCode);
    }

    [Fact]
    public async Task Without_the_dashboard_nothing_listens_and_nothing_is_exported()
    {
        var settings = Settings();
        settings["ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL"] = "http://localhost:18889";
        await using var appHost = await ChildProcess.StartAsync("CloudTab.TestAppHost", settings, Ready, Token, "--no-dashboard");
        Assert.DoesNotContain("dashboard", appHost.Output, StringComparison.Ordinal);
        using var http = new HttpClient();
        await Assert.ThrowsAsync<HttpRequestException>(() => http.GetAsync(new Uri($"http://localhost:{_dashboardPort}"), Token));
        var environment = await http.GetStringAsync(new Uri(Ready, "/environment"), Token);
        Assert.DoesNotContain("OTEL_EXPORTER_OTLP_PROTOCOL", environment, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_one_on_the_same_data_is_refused_with_one_clear_line()
    {
        await using var first = await StartAsync();
        await using var second = await ChildProcess.StartAsync("CloudTab.TestAppHost", Settings(), ready: null, Token);
        Assert.Equal(1, await second.WaitForExitAsync(Token));
        await WaitForAsync(() => second.Output.Length > 0);
        Assert.Equal($"Another AppHost runs on {_folder.FullName}: end it, or set CLOUDTAB_DATA to another folder.", second.Output);
    }

    [Fact]
    public async Task A_start_that_fails_ends_everything_and_says_why()
    {
        var settings = Settings();
        settings["JobExitCode"] = "4";
        await using var appHost = await ChildProcess.StartAsync("CloudTab.TestAppHost", settings, ready: null, Token);
        Assert.Equal(1, await appHost.WaitForExitAsync(Token));
        await WaitForAsync(() => appHost.Output.Contains("ended with exit code 4. Its last lines:", StringComparison.Ordinal));
        await WaitForAsync(() => Processes().Count == 0);
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private Task<ChildProcess> StartAsync() => ChildProcess.StartAsync("CloudTab.TestAppHost", Settings(), Ready, Token);

    private Dictionary<string, string> Settings() => new(StringComparer.Ordinal)
    {
        ["CLOUDTAB_DATA"] = _folder.FullName,
        ["PORT"] = _port.ToString(CultureInfo.InvariantCulture),
        ["ASPNETCORE_URLS"] = $"http://localhost:{_dashboardPort}",
        ["ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL"] = $"http://localhost:{_grpcPort}",
        ["TEST_MARK"] = _folder.Name,
    };

    /// <summary>
    /// All living processes that this test's AppHost has started, known by a variable that each inherits; PostgreSQL's, which write their
    /// status over it, by their data folder.
    /// </summary>
    private List<string> Processes() => [.. Directory.EnumerateDirectories("/proc").Where(process =>
    {
        try
        {
            return File.ReadAllText(Path.Combine(process, "environ")).Contains($"TEST_MARK={_folder.Name}", StringComparison.Ordinal)
                || File.ReadAllText(Path.Combine(process, "cmdline")).Contains(_folder.Name, StringComparison.Ordinal);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    })];

    private static async Task WaitForAsync(Func<bool> condition)
    {
        for (var i = 0; i < 600 && !condition(); i++)
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Token);
        Assert.True(condition());
    }
}
