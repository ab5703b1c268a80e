using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CloudTab.Dashboard.Tests;

[Collection(DashboardCollection.Name)]
public sealed class TracesTests(RunningDashboard dashboard)
{
    [Fact]
    public async Task The_uploads_trace_is_found_opened_and_shows_the_spans_of_four_services()
    {
        await using var page = await dashboard.OpenAsync("#/traces");
        await page.Page.GetByLabel("Filter traces by name or id").FillAsync(dashboard.Journey.TraceId);
        await Expect(page.Rows).ToHaveCountAsync(1);
        await Expect(page.Rows.Locator(".services")).ToContainTextAsync("upload-api");
        await page.ScreenshotAsync("traces");
        await page.Rows.Locator(".row-link").ClickAsync();

        var spans = page.Page.GetByRole(AriaRole.Table, new() { Name = "Spans" });
        foreach (var service in new[] { "gateway", "upload-api", "notifier", "shop-api" })
            await Expect(spans.GetByText(service, new() { Exact = true }).First).ToBeVisibleAsync();

        await page.ScreenshotAsync("trace");
    }

    [Fact]
    public async Task A_span_tells_its_attributes_and_its_parent_and_is_a_link()
    {
        await using var page = await dashboard.OpenAsync($"#/traces/{dashboard.Journey.TraceId}");
        await page.Page.Locator(".row-link", new() { HasText = "/upload" }).Filter(new() { HasText = "upload-api" }).First.ClickAsync();

        await Expect(page.Details).ToContainTextAsync("http.request.method");
        await Expect(page.Details).ToContainTextAsync("POST");
        await page.Page.ReloadAsync();
        await Expect(page.Details).ToContainTextAsync("http.request.method");
        await page.Details.Locator("dl div", new() { HasText = "Parent" }).GetByRole(AriaRole.Button).ClickAsync();
        await Expect(page.Details.GetByRole(AriaRole.Heading, new() { Level = 2 })).ToContainTextAsync("gateway");
        await page.ScreenshotAsync("span-details");
    }

    [Fact]
    public async Task Spans_fold_by_keyboard_and_a_filter_fades_the_others()
    {
        await using var page = await dashboard.OpenAsync($"#/traces/{dashboard.Journey.TraceId}");
        await Expect(page.Rows.First).ToBeVisibleAsync();
        var all = await page.Rows.CountAsync();
        var parent = page.Rows.Filter(new() { Has = page.Page.Locator("button.fold") }).First.Locator(".row-link");

        await parent.PressAsync("ArrowLeft");
        Assert.True(await page.Rows.CountAsync() < all);
        await parent.PressAsync("ArrowRight");
        await Expect(page.Rows).ToHaveCountAsync(all);

        await page.Page.GetByLabel("Filter spans").FillAsync("shop-api");
        await Expect(page.Page.Locator("tr.faded", new() { HasText = "upload-api" }).First).ToBeAttachedAsync();
        await Expect(page.Page.Locator("tr.faded .service", new() { HasText = "shop-api" })).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task An_unknown_trace_is_said_to_be_unknown()
    {
        await using var page = await dashboard.OpenAsync("#/traces/00000000000000000000000000000001");

        await Expect(page.Page.GetByText("This trace is not known")).ToBeVisibleAsync();

        page.ForgiveNetworkErrors();
    }
}
