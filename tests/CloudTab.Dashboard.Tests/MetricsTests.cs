using System.Globalization;
using System.Text.Json;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CloudTab.Dashboard.Tests;

[Collection(DashboardCollection.Name)]
public sealed class MetricsTests(RunningDashboard dashboard)
{
    private static readonly TimeSpan StepOfAnHour = TimeSpan.FromSeconds(15);

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

    [Fact]
    public async Task A_counters_rate_adds_up_to_what_was_done()
    {
        await using var page = await dashboard.OpenAsync(
            "#/metrics?resource=shop-api&meter=CloudTab.Relay&name=cloudtab.session.transitions&by=cloudtab.session.transition&minutes=60");
        var completed = page.Page.GetByRole(AriaRole.Table, new() { Name = "Values" }).Locator("tr[data-key=completed]");

        // A step is shown once it is over.
        var rates = await ReadAsync(page, "completed");
        for (var read = 0; read < 10 && SessionsOf(rates) < 0.99; read++)
            rates = await ReadAsync(page, "completed");

        Assert.Equal(1, SessionsOf(rates), 0.01);
        await Expect(completed.Locator("td").Last).ToHaveTextAsync(string.Create(CultureInfo.InvariantCulture, $"{rates.DefaultIfEmpty().Max():0.###}/s"));

        static double SessionsOf(double[] rates) => rates.Sum() * StepOfAnHour.TotalSeconds;
    }

    /// <summary>The next values that the page gets of one of a chart's lines.</summary>
    private static async Task<double[]> ReadAsync(DashboardPage page, string line)
    {
        var response = await page.Page.WaitForResponseAsync(response => response.Url.Contains("/api/metrics/series", StringComparison.Ordinal));
        var lines = (await response.JsonAsync())!.Value.GetProperty("series").EnumerateArray();
        return [.. lines.Where(one => one.GetProperty("label").GetString() == line)
            .SelectMany(one => one.GetProperty("values").EnumerateArray())
            .Where(value => value.ValueKind == JsonValueKind.Number).Select(value => value.GetDouble())];
    }
}
