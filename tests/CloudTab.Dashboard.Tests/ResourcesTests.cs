using System.Diagnostics;
using System.Globalization;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CloudTab.Dashboard.Tests;

[Collection(DashboardCollection.Name)]
public sealed class ResourcesTests(RunningDashboard dashboard)
{
    private static readonly string[] Running = ["postgres", "s3", "upload-api", "shop-api", "notifier", "janitor", "gateway"];

    [Fact]
    public async Task Every_resource_is_shown_with_its_state_its_use_and_its_address()
    {
        await using var page = await dashboard.OpenAsync();

        await page.ShowsAsync("Resources");
        foreach (var name in Running)
        {
            var row = page.Rows.Filter(new() { Has = page.Page.Locator($".row-link:text-matches('^{name}')") }).First;
            await Expect(row.Locator(".state-cell")).ToHaveTextAsync("Running");
            await Expect(row.Locator(".cpu")).ToContainTextAsync("%");
            await Expect(row.Locator(".memory")).ToContainTextAsync("MiB");
            await Expect(row.Locator(".started")).ToContainTextAsync("ago");
        }

        await Expect(page.Row("migrator").Locator(".state-cell")).ToHaveTextAsync("Finished");
        await Expect(page.Rows.Filter(new() { HasText = "2 of 2" })).ToHaveCountAsync(3);
        var gateway = page.Row("gateway").Locator(".addresses a");
        Assert.StartsWith("http://localhost:", await gateway.GetAttributeAsync("href"), StringComparison.Ordinal);
        await page.ScreenshotAsync("resources");
    }

    [Fact]
    public async Task A_filter_and_a_state_narrow_the_list_and_outlive_a_reload()
    {
        await using var page = await dashboard.OpenAsync();

        await page.Page.GetByLabel("Filter resources").FillAsync("api");
        await Expect(page.Rows).ToHaveCountAsync(4);
        await page.Page.GetByLabel("State").SelectOptionAsync("Finished");
        await Expect(page.Page.GetByText("No resource matches")).ToBeVisibleAsync();
        await page.Page.GetByLabel("Filter resources").FillAsync("");
        await Expect(page.Rows).ToHaveCountAsync(1);
        await page.Page.ReloadAsync();

        await Expect(page.Rows).ToHaveCountAsync(1);
        await Expect(page.Rows).ToContainTextAsync("migrator");
    }

    [Fact]
    public async Task Details_tell_health_relations_and_variables_and_a_secret_only_when_asked()
    {
        await using var page = await dashboard.OpenAsync();

        await page.Row("migrator").GetByRole(AriaRole.Button, new() { Name = "migrator", Exact = true }).ClickAsync();
        var details = page.Details;
        await Expect(details.GetByRole(AriaRole.Heading, new() { Level = 2 })).ToHaveTextAsync("migrator");
        await Expect(details.Locator(".relations").First).ToContainTextAsync("postgres to be healthy");
        await Expect(details).ToContainTextAsync("OTEL_SERVICE_NAME");
        await Expect(details).Not.ToContainTextAsync(dashboard.ShopKey);
        await details.GetByRole(AriaRole.Button, new() { Name = "Reveal SHOPKEEPER_API_KEY" }).ClickAsync();
        await Expect(details).ToContainTextAsync(dashboard.ShopKey);

        await page.Page.Keyboard.PressAsync("Escape");
        await Expect(details).ToBeHiddenAsync();
        await Expect(page.Row("migrator").Locator(".row-link")).ToBeFocusedAsync();

        await page.Row("gateway").Locator(".row-link").ClickAsync();
        await Expect(details.GetByRole(AriaRole.Table)).ToContainTextAsync("Healthy");
        await Expect(details.GetByRole(AriaRole.Link, new() { Name = "Structured logs" })).ToBeVisibleAsync();
        await page.ScreenshotAsync("resource-details");
    }

    [Fact]
    public async Task A_service_that_is_restarted_on_the_page_comes_back_as_another_process()
    {
        await using var page = await dashboard.OpenAsync();
        await page.Row("janitor").Locator(".row-link").ClickAsync();
        var process = page.Details.Locator("dl div").Filter(new() { HasText = "Process id" }).Locator("dd");
        var before = await process.InnerTextAsync();

        await page.Details.GetByRole(AriaRole.Button, new() { Name = "Restart janitor", Exact = true }).ClickAsync();
        await Expect(process).Not.ToHaveTextAsync(before);
        await Expect(page.Row("janitor").Locator(".state-cell")).ToHaveTextAsync("Running");

        Assert.NotEqual(before, await process.InnerTextAsync());
    }

    [Fact]
    public async Task A_service_can_be_stopped_and_started()
    {
        await using var page = await dashboard.OpenAsync();
        var janitor = page.Row("janitor");

        await janitor.GetByRole(AriaRole.Button, new() { Name = "Stop janitor", Exact = true }).ClickAsync();
        await Expect(janitor.GetByRole(AriaRole.Button, new() { Name = "Start janitor", Exact = true })).ToBeEnabledAsync();
        await Expect(janitor.Locator(".memory")).ToHaveTextAsync("–");
        await janitor.GetByRole(AriaRole.Button, new() { Name = "Start janitor", Exact = true }).ClickAsync();

        await Expect(janitor.Locator(".state-cell")).ToHaveTextAsync("Running");
        await Expect(janitor.Locator(".memory")).ToContainTextAsync("MiB");
    }

    [Fact]
    public async Task What_was_killed_tells_its_code_and_last_lines_and_who_misses_it_says_so_until_it_is_started_again()
    {
        await using var page = await dashboard.OpenAsync("#/resources?selected=s3");
        var lastLines = page.Details.Locator(".section", new() { HasText = "Last lines" });
        var unhealthy = page.Rows.Locator(".state-cell", new() { HasText = "Unhealthy: /health/ready answers 503: Unhealthy: s3" });
        var id = await page.Details.Locator("dl div", new() { HasText = "Process id" }).Locator("dd").InnerTextAsync();
        using (var process = Process.GetProcessById(int.Parse(id, CultureInfo.InvariantCulture)))
            process.Kill();

        await Expect(page.Row("s3").Locator(".state-cell")).ToHaveTextAsync("Exited with code 137");
        await Expect(lastLines).ToContainTextAsync("CloudTab.LocalS3");
        await Expect(unhealthy).ToHaveCountAsync(7);
        await page.ScreenshotAsync("resource-exited");
        await page.Row("janitor").Locator(".row-link").ClickAsync();
        await Expect(page.Details.GetByRole(AriaRole.Table, new() { Name = "Health checks of janitor" })).ToContainTextAsync("answers 503: Unhealthy: s3");
        await page.ScreenshotAsync("resource-unhealthy");
        await page.Row("s3").GetByRole(AriaRole.Button, new() { Name = "Start s3", Exact = true }).ClickAsync();

        await Expect(page.Rows.Locator(".state-cell", new() { HasText = "Unhealthy" })).ToHaveCountAsync(0);
        await Expect(page.Row("s3").Locator(".state-cell")).ToHaveTextAsync("Running");
        await page.Row("s3").Locator(".row-link").ClickAsync();
        await Expect(lastLines).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task The_graph_draws_who_waits_for_whom_and_says_it_in_words()
    {
        await using var page = await dashboard.OpenAsync();

        await page.Page.GetByLabel("Graph", new() { Exact = true }).CheckAsync(new() { Force = true });
        await Expect(page.Page.Locator("path.edge.waits[data-from=gateway][data-to=upload-api]")).ToHaveCountAsync(1);
        await Expect(page.Page.Locator("path.edge.refers[data-from=upload-api][data-to=cloudtab]")).ToHaveCountAsync(1);
        await page.Page.GetByText("The same in words").ClickAsync();
        await Expect(page.Page.Locator(".graph-words")).ToContainTextAsync("migrator waits for postgres (to be healthy), s3 (to be healthy)");

        await page.Page.GetByRole(AriaRole.Button, new() { Name = "notifier Running" }).PressAsync("Enter");
        await Expect(page.Details.GetByRole(AriaRole.Heading, new() { Level = 2 })).ToContainTextAsync("notifier");
        await page.ScreenshotAsync("graph");
    }
}
