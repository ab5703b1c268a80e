using CloudTab.Testing;

namespace CloudTab.EndToEnd.Tests;

/// <summary>
/// The rules of deploy/observability, checked and run on made-up series by Prometheus' own promtool (Debian: package prometheus). CI has
/// it; elsewhere the test is skipped where it is missing.
/// </summary>
public sealed class AlertRulesTests
{
    [Theory]
    [InlineData("check rules slo.rules.yml alerts.rules.yml")]
    [InlineData("test rules alerts.test.yml")]
    public async Task Promtool_is_content_with(string arguments)
    {
        var isInstalled = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, "promtool")));
        Assert.SkipUnless(isInstalled || Environment.GetEnvironmentVariable("CI") == "true", "promtool is not installed.");

        await using var promtool = await ChildProcess.StartProgramAsync(
            ["bash", "-c", $"cd \"$1\" && promtool {arguments}", "bash", Repository.PathOf("deploy/observability/prometheus")],
            new Dictionary<string, string>(StringComparer.Ordinal),
            ready: null,
            TestContext.Current.CancellationToken);
        var code = await promtool.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.True(code == 0, promtool.Output);
    }
}
