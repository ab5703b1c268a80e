using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CloudTab.Dashboard.Tests;

/// <summary>What holds of each view alike: readable by everybody, on every screen, in both themes.</summary>
[Collection(DashboardCollection.Name)]
public sealed class EveryViewTests(RunningDashboard dashboard)
{
    /// <summary>Name, address, and what is there once it is filled.</summary>
    private IEnumerable<(string Name, string Hash, string Filled)> Views =>
    [
        ("resources", "#/resources", "tbody tr"),
        ("parameters", "#/resources?view=values", "tbody tr"),
        ("graph", "#/resources?view=graph", ".node"),
        ("resource", "#/resources?selected=gateway", "aside .environment dt"),
        ("console", "#/console/postgres", ".lines .row"),
        ("logs", "#/logs?resource=upload-api", "tbody tr"),
        ("traces", "#/traces", "tbody tr"),
        ("trace", $"#/traces/{dashboard.Journey.TraceId}", "tbody tr"),
        ("metrics", "#/metrics?resource=upload-api&meter=System.Runtime", ".chart canvas"),
        ("instrument", "#/metrics?resource=upload-api&meter=System.Runtime&name=dotnet.process.memory.working_set", ".charts canvas"),
    ];

    [Theory]
    [InlineData(ColorScheme.Light, false)]
    [InlineData(ColorScheme.Dark, false)]
    [InlineData(ColorScheme.Dark, true)]
    public async Task No_view_violates_a_rule_of_accessibility_or_is_wider_than_the_screen(ColorScheme theme, bool isPhone)
    {
        await using var page = await dashboard.OpenAsync(theme: theme, isPhone: isPhone);
        foreach (var (name, hash, filled) in Views)
        {
            await page.GoAsync(hash);
            await Expect(page.Page.Locator($"main {filled}").First).ToBeVisibleAsync();

            await page.ScreenshotAsync($"{(isPhone ? "phone" : "laptop")}-{theme}-{name}".ToLowerInvariant());
            await page.FitsAsync();
            await page.IsAccessibleAsync();
        }
    }

    [Fact]
    public async Task The_theme_follows_the_system_until_it_is_switched_and_then_stays()
    {
        await using var page = await dashboard.OpenAsync(theme: ColorScheme.Dark);
        await page.ShowsAsync("Resources");
        var dark = await GroundAsync(page);

        await page.Page.GetByRole(AriaRole.Button, new() { Name = "Switch between light and dark" }).ClickAsync();
        var light = await GroundAsync(page);
        await page.Page.ReloadAsync();
        await page.ShowsAsync("Resources");

        Assert.NotEqual(dark, light);
        Assert.Equal(light, await GroundAsync(page));
    }

    [Fact]
    public async Task Keys_lead_to_each_view_and_help_tells_them()
    {
        await using var page = await dashboard.OpenAsync();
        await page.ShowsAsync("Resources");
        foreach (var (key, heading) in new[] { ("c", "Console"), ("s", "Structured logs"), ("t", "Traces"), ("m", "Metrics"), ("r", "Resources") })
        {
            await page.Page.Keyboard.PressAsync(key);
            await page.ShowsAsync(heading);
        }

        await page.Page.Keyboard.PressAsync("?");
        await Expect(page.Page.GetByRole(AriaRole.Dialog)).ToContainTextAsync("Keyboard shortcuts");
        await page.IsAccessibleAsync();
    }

    private static Task<string> GroundAsync(DashboardPage page) => page.Page.EvaluateAsync<string>("getComputedStyle(document.body).backgroundColor");
}
