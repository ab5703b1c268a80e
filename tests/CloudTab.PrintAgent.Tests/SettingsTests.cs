using System.Text;
using CloudTab.Testing;

namespace CloudTab.PrintAgent.Tests;

/// <summary>Settings of the real process, and the verb that asks for them.</summary>
[Collection(RelayCollection.Name)]
public sealed class SettingsTests(RunningRelay relay) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cloudtab-settings-").FullName;

    private string SettingsFile => Path.Combine(_folder, "settings");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Without_settings_it_says_in_one_line_which_are_missing()
    {
        await using var agent = await ChildProcess.StartAsync("CloudTab.PrintAgent", Environment(), ready: null, Token);

        Assert.Equal(78, await agent.WaitForExitAsync(Token));
        Assert.Equal(
            "Not started: CLOUDTAB_URL is not set: the verb `setup` asks for it; CLOUDTAB_API_KEY is not set: the verb `setup` asks for it",
            agent.Output);
    }

    [Theory]
    [InlineData("CLOUDTAB_URL", "print.example.com", "CLOUDTAB_URL")]
    [InlineData("CLOUDTAB_PRINTERS", "http://10.0.0.7/", "CLOUDTAB_PRINTERS has `http://10.0.0.7/`")]
    [InlineData("CLOUDTAB_PRINTERS", "cups:", "CLOUDTAB_PRINTERS has `cups:`")]
    [InlineData("CLOUDTAB_PRINTERS", "ipp://10.0.0.7/ipp/print#colour", "CLOUDTAB_PRINTERS has")]
    [InlineData("CLOUDTAB_AUTO_PRINT", "perhaps", "CLOUDTAB_AUTO_PRINT")]
    public async Task A_bad_setting_stops_the_start_with_one_line(string name, string value, string expected)
    {
        await File.WriteAllTextAsync(SettingsFile, "CLOUDTAB_URL=http://localhost:1\nCLOUDTAB_API_KEY=ctk_key\nCLOUDTAB_PRINTERS=ipp://localhost:1/ipp/print\n", Token);
        var environment = Environment();
        environment[name] = value;
        await using var agent = await ChildProcess.StartAsync("CloudTab.PrintAgent", environment, ready: null, Token);

        Assert.Equal(78, await agent.WaitForExitAsync(Token));
        Assert.StartsWith("Not started: ", agent.Output, StringComparison.Ordinal);
        Assert.Contains(expected, agent.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', agent.Output);
    }

    [Fact]
    public async Task Settings_in_the_folder_that_it_is_started_in_are_not_its_own()
    {
        await File.WriteAllTextAsync(
            Path.Combine(_folder, "appsettings.json"), """{"CLOUDTAB_URL": "http://localhost:1", "CLOUDTAB_API_KEY": "ctk_key", "CLOUDTAB_PRINTERS": "ipp://localhost:1/ipp/print"}""", Token);
        await using var agent = await ChildProcess.StartProgramAsync(
            ["/bin/sh", "-c", "cd \"$1\" && exec dotnet \"$2\" status", "sh", _folder, ChildProcess.BuiltOutput("CloudTab.PrintAgent")], Environment(), isReady: null, Token);

        Assert.Equal(78, await agent.WaitForExitAsync(Token));
    }

    [Fact]
    public async Task Setup_tries_the_settings_and_keeps_them_for_the_user_alone()
    {
        var (code, output) = await SetUpAsync(Environment(), relay.Origin.ToString(), "ctk_wrong");
        Assert.True(code == 1 && output.Contains("does not know this key", StringComparison.Ordinal), output);
        (code, output) = await SetUpAsync(Environment(), "http://127.0.0.1:1", "ctk_wrong");
        Assert.True(code == 1 && output.Contains("cannot be reached", StringComparison.Ordinal), output);
        Assert.False(File.Exists(SettingsFile));

        (code, output) = await SetUpAsync(Environment(), relay.Origin.ToString(), relay.Key, "ipp://localhost:1/ipp/print");
        Assert.True(code == 0, output);
        Assert.Contains("ipp://localhost:1/ipp/print  offline: Connection refused", output, StringComparison.Ordinal);
        Assert.Contains($"CLOUDTAB_API_KEY={relay.Key}\n", await File.ReadAllTextAsync(SettingsFile, Token), StringComparison.Ordinal);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(SettingsFile));

        await using var agent = await ChildProcess.StartAsync("CloudTab.PrintAgent", Environment(), ready: null, Token, "status");
        Assert.Equal(0, await agent.WaitForExitAsync(Token));
        Assert.Contains(relay.Origin.ToString(), agent.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Setup_keeps_what_was_set_and_prints_a_test_page_at_a_printer_whose_certificate_the_agent_then_keeps()
    {
        TestPrinter.Require();
        await using var paper = await TestPrinter.StartAsync(Token, "-2", "-f", "application/pdf", "-K", _folder);
        var address = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"ipps://localhost:{paper.Port}/ipp/print");
        await File.WriteAllTextAsync(SettingsFile, $"# ours\nCLOUDTAB_URL={relay.Origin}\nCLOUDTAB_API_KEY={relay.Key}\nCLOUDTAB_AUTO_PRINT=false\n", Token);

        var (code, output) = await SetUpAsync(Environment(), "", "", address, "y");
        Assert.True(code == 0 && output.Contains("Test printer: has printed the test page", StringComparison.Ordinal), output);
        Assert.DoesNotContain(relay.Key, output, StringComparison.Ordinal);
        Assert.StartsWith("%PDF", Encoding.Latin1.GetString(Assert.Single(paper.Paper).Document), StringComparison.Ordinal);
        Assert.Equal(
            [$"CLOUDTAB_URL={relay.Origin}", $"CLOUDTAB_API_KEY={relay.Key}", $"CLOUDTAB_PRINTERS={address}", "# ours", "CLOUDTAB_AUTO_PRINT=false"],
            await File.ReadAllLinesAsync(SettingsFile, Token));
        Assert.Single(Directory.GetFiles(Path.Combine(_folder, "certificates")));
    }

    /// <summary>Runs the verb with these answers, and an empty one to what it asks for then.</summary>
    internal static async Task<(int Code, string Output)> SetUpAsync(IReadOnlyDictionary<string, string> environment, params string[] answers)
    {
        await using var setup = await ChildProcess.StartProgramAsync(
            ["/bin/sh", "-c", "agent=$1; shift; printf '%s\n' \"$@\" | dotnet \"$agent\" setup", "sh", ChildProcess.BuiltOutput("CloudTab.PrintAgent"), .. answers],
            environment, isReady: null, Token);
        return (await setup.WaitForExitAsync(Token), setup.Output);
    }

    private Dictionary<string, string> Environment() => new(StringComparer.Ordinal) { ["CLOUDTAB_AGENT_DATA"] = _folder };
}
