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
    public async Task Errors_and_duration_narrow_the_traces_and_outlive_a_reload()
    {
        await using var page = await dashboard.OpenAsync("#/traces");
        var text = page.Page.GetByLabel("Filter traces by name or id");
        var errors = page.Page.GetByRole(AriaRole.Button, new() { Name = "With errors" });
        await errors.ClickAsync();
        await text.FillAsync(dashboard.Journey.TraceId);
        await Expect(page.Rows).ToHaveCountAsync(1);
        await Expect(page.Rows.Locator(".services")).ToContainTextAsync("error");
        await text.FillAsync("/complete");
        await Expect(page.Page.GetByText("No trace matches")).ToBeVisibleAsync();
        await page.Page.ReloadAsync();
        await Expect(page.Page.GetByText("No trace matches")).ToBeVisibleAsync();
        await errors.ClickAsync();
        await Expect(page.Rows).ToHaveCountAsync(1);

        await text.FillAsync(dashboard.Journey.TraceId);
        var took = (await dashboard.Journey.TraceAsync(page)).GetProperty("durationMs").GetDouble();
        foreach (var least in new[] { 5000, 1000, 500, 100, 10 })
        {
            await page.Page.GetByLabel("Duration").SelectOptionAsync($"{least}");
            await page.Page.ReloadAsync();
            await Expect(page.Page.GetByLabel("Duration")).ToHaveValueAsync($"{least}");
            await Expect(took >= least ? page.Rows : page.Page.GetByText("No trace matches")).ToHaveCountAsync(1);
        }
    }

    [Fact]
    public async Task What_the_shop_does_later_links_to_the_customers_upload()
    {
        await using var page = await dashboard.OpenAsync("#/traces?text=/complete");
        await page.Rows.Locator(".row-link").ClickAsync();
        await page.Page.Locator(".row-link", new() { HasText = "/complete" }).Filter(new() { HasText = "shop-api" }).First.ClickAsync();
        await Expect(page.Details).ToContainTextAsync("Links (1)");

        await page.Details.Locator(".section", new() { HasText = "Links (1)" }).GetByRole(AriaRole.Link).ClickAsync();

        await Expect(page.Details.GetByRole(AriaRole.Heading, new() { Level = 2 })).ToContainTextAsync("upload-api");
        Assert.Contains($"#/traces/{dashboard.Journey.TraceId}", page.Page.Url, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_span_tells_what_happened_in_it_and_when()
    {
        await using var page = await dashboard.OpenAsync();
        var statement = (await dashboard.Journey.TraceAsync(page)).GetProperty("spans").EnumerateArray()
            .First(span => span.GetProperty("events").GetArrayLength() > 0);

        await page.GoAsync($"#/traces/{dashboard.Journey.TraceId}?span={statement.GetProperty("spanId").GetString()}");

        var happened = page.Details.Locator(".section", new() { HasText = "Events (1)" }).Locator("summary");
        await Expect(happened).ToContainTextAsync("received-first-response");
        await Expect(happened).ToContainTextAsync("+");
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
