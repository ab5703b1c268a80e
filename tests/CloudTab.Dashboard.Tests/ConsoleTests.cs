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
    public async Task A_line_appears_while_one_watches_in_the_colour_that_it_was_written_in()
    {
        await using var page = await dashboard.OpenAsync("#/console/postgres");
        await Expect(page.Page.Locator(".lines .row").First).ToBeAttachedAsync();
        var line = page.Page.Locator(".lines .row", new() { HasText = "out of toner" }).First;
        await Expect(line).ToHaveCountAsync(0);

        await dashboard.WriteToServersLogAsync("the printer is \e[31mout of toner\e[0m again");

        await Expect(line.Locator(".ink-1")).ToHaveTextAsync("out of toner");
        await Expect(line).ToContainTextAsync("the printer is out of toner again");
        await Expect(line).ToBeInViewportAsync();
        Assert.NotEqual(await InkAsync(line.Locator(".line")), await InkAsync(line.Locator(".ink-1")));
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

    private static Task<string> InkAsync(ILocator element) => element.EvaluateAsync<string>("element => getComputedStyle(element).color");
}
