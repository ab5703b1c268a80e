using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CloudTab.Dashboard.Tests;

[Collection(DashboardCollection.Name)]
public sealed class ConsoleTests(RunningDashboard dashboard)
{
    [Fact]
    public async Task A_process_is_read_from_its_first_line_filtered_and_downloaded()
    {
        await using var page = await dashboard.OpenAsync("#/console");
        await page.Page.GetByLabel("Resource").SelectOptionAsync(new SelectOptionValue { Value = "postgres" });
        var lines = page.Page.Locator(".lines .row");
        await Expect(lines.Filter(new() { HasText = "database system is ready to accept connections" }).First).ToBeVisibleAsync();
        var all = await lines.CountAsync();

        await page.Page.GetByLabel("Filter lines").FillAsync("ready to accept");
        await Expect(page.Page.Locator(".lines .row:visible")).ToHaveCountAsync(1);
        await page.ScreenshotAsync("console");

        var download = await page.Page.RunAndWaitForDownloadAsync(() => page.Page.GetByRole(AriaRole.Link, new() { Name = "Download" }).ClickAsync());
        var text = await File.ReadAllLinesAsync(await download.PathAsync(), TestContext.Current.CancellationToken);
        Assert.True(text.Length >= all);
        Assert.DoesNotContain('\e', string.Concat(text));
    }

    [Fact]
    public async Task Following_ends_when_the_reader_scrolls_up_and_goes_on_at_the_end()
    {
        await using var page = await dashboard.OpenAsync("#/console/postgres?times=false", isPhone: true);
        var follow = page.Page.GetByRole(AriaRole.Button, new() { Name = "Follow" });
        await Expect(follow).ToHaveAttributeAsync("aria-pressed", "true");
        await Expect(page.Page.Locator(".lines .row").First).ToBeAttachedAsync();
        await Expect(page.Page.Locator(".lines .row").Last).ToBeInViewportAsync();

        await page.Page.Locator(".body").EvaluateAsync("box => { box.style.maxHeight = '60px'; }");
        await page.Page.Locator(".body").HoverAsync();
        await page.Page.Mouse.WheelAsync(0, -60);
        await Expect(follow).ToHaveAttributeAsync("aria-pressed", "false");

        await follow.ClickAsync();
        await Expect(follow).ToHaveAttributeAsync("aria-pressed", "true");
        await Expect(page.Page.Locator(".lines .row").Last).ToBeInViewportAsync();
    }
}
