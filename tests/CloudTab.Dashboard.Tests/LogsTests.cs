using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CloudTab.Dashboard.Tests;

[Collection(DashboardCollection.Name)]
public sealed class LogsTests(RunningDashboard dashboard)
{
    [Fact]
    public async Task A_log_of_the_upload_leads_to_its_trace()
    {
        await using var page = await dashboard.OpenAsync("#/logs?resource=upload-api");
        var row = page.Rows.Filter(new() { Has = page.Page.Locator(".trace a") }).First;

        await row.Locator(".row-link").ClickAsync();
        await Expect(page.Details.GetByRole(AriaRole.Heading, new() { Level = 2 })).ToContainTextAsync("CloudTab");
        await page.ScreenshotAsync("log-details");
        await row.Locator(".trace a").ClickAsync();

        await Expect(page.Page.GetByRole(AriaRole.Table, new() { Name = "Spans" })).ToContainTextAsync("upload-api");
        Assert.Contains("#/traces/", page.Page.Url, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Resource_level_text_and_any_attribute_narrow_the_logs_and_outlive_a_reload()
    {
        await using var page = await dashboard.OpenAsync("#/logs");
        await page.Page.GetByLabel("Resource").SelectOptionAsync("upload-api");
        await Expect(page.Rows.First).ToBeVisibleAsync();
        await Expect(page.Rows.Filter(new() { HasNotText = "upload-api" })).ToHaveCountAsync(0);

        await page.Rows.First.Locator(".row-link").ClickAsync();
        var name = await page.Details.Locator(".section", new() { HasText = "Attributes" }).Locator("dt").First.InnerTextAsync();
        var value = await page.Details.Locator(".section", new() { HasText = "Attributes" }).Locator("dd .value").First.InnerTextAsync();
        await page.Details.GetByRole(AriaRole.Button, new() { Name = $"Show only logs with this {name}", Exact = true }).ClickAsync();
        await Expect(page.Page.Locator(".chip")).ToContainTextAsync($"{name} = {value}");
        await page.Page.ReloadAsync();
        await Expect(page.Page.Locator(".chip")).ToContainTextAsync($"{name} = {value}");
        await Expect(page.Rows.First).ToContainTextAsync("upload-api");

        await page.Page.GetByLabel("Level").SelectOptionAsync("Critical");
        await Expect(page.Page.GetByText("No log matches")).ToBeVisibleAsync();
        await page.Page.GetByLabel("Level").SelectOptionAsync("");
        await page.Page.GetByLabel("Filter messages").FillAsync("no service would ever say this");
        await Expect(page.Page.GetByText("No log matches")).ToBeVisibleAsync();
    }
}
