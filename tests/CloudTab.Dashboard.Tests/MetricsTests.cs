using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CloudTab.Dashboard.Tests;

[Collection(DashboardCollection.Name)]
public sealed class MetricsTests(RunningDashboard dashboard)
{
    [Fact]
    public async Task Every_instrument_is_listed_by_meter_and_a_meters_charts_have_values()
    {
        await using var page = await dashboard.OpenAsync("#/metrics?resource=upload-api&meter=System.Runtime&minutes=1");

        await Expect(page.Page.GetByRole(AriaRole.Navigation, new() { Name = "Instruments by meter" })).ToContainTextAsync("CloudTab.");
        var memory = page.Page.Locator(".chart", new() { HasText = "dotnet.process.memory.working_set" });
        await memory.ScrollIntoViewIfNeededAsync();
        await Expect(memory.Locator("tbody td").First).ToContainTextAsync("MiB");
        await Expect(memory.Locator("canvas")).ToBeVisibleAsync();
        await page.ScreenshotAsync("metrics");
    }

    [Fact]
    public async Task A_histogram_shows_its_percentiles_by_attribute()
    {
        await using var page = await dashboard.OpenAsync(
            "#/metrics?resource=gateway&meter=Microsoft.AspNetCore.Hosting&name=http.server.request.duration&minutes=15");
        var values = page.Page.GetByRole(AriaRole.Table, new() { Name = "Values" }).First;
        await Expect(values).ToContainTextAsync("p50");
        await Expect(values).ToContainTextAsync("p99");

        await page.Page.GetByLabel("By", new() { Exact = true }).SelectOptionAsync("http.request.method");
        await Expect(values).ToContainTextAsync("POST p99");
        await Expect(values.Locator("tr", new() { HasText = "POST p99" }).Locator("td").Last).ToContainTextAsync("s");
        await page.Page.GetByLabel("Only").SelectOptionAsync("http.request.method:POST");
        await Expect(values).Not.ToContainTextAsync("GET");
        await page.Page.ReloadAsync();

        await Expect(page.Page.Locator(".chip")).ToContainTextAsync("http.request.method = POST");
        await Expect(page.Page.GetByRole(AriaRole.Table, new() { Name = "Values" }).First).ToContainTextAsync("POST p99");
        await page.ScreenshotAsync("instrument");
    }
}
