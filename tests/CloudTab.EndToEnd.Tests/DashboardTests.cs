using System.Text.RegularExpressions;
using CloudTab.Testing;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CloudTab.EndToEnd.Tests;

/// <summary>What a developer sees of the running application in Aspire's dashboard. Screenshots are kept beside the results.</summary>
[Collection(OneRelay.Collection)]
public sealed partial class DashboardTests : IAsyncLifetime
{
    private static readonly string Screenshots = Path.Combine(Path.GetDirectoryName(Repository.PathOf("CloudTab.sln"))!, "artifacts", "test-results", "screenshots");

    private readonly AppHostProcess _appHost = new();
    private IPlaywright? _playwright;
    private IBrowser? _browser;
    private IPage? _page;

    private IPage Page => _page!;

    public async ValueTask InitializeAsync()
    {
        Chromium.Require();
        SetDefaultExpectTimeout(30_000);
        await _appHost.StartAsync(Token);
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = Chromium.Path, Args = Chromium.Arguments });
        _page = await _browser.NewPageAsync(new() { ViewportSize = new() { Width = 1440, Height = 900 } });
        await Page.GotoAsync(_appHost.DashboardLink);
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
            await _browser.DisposeAsync();
        _playwright?.Dispose();
        await _appHost.DisposeAsync();
    }

    [Fact]
    public async Task A_sample_job_is_sent_its_trace_is_found_and_a_stopped_service_starts_again()
    {
        await Expect(Row("migrator")).ToContainTextAsync("Finished");
        foreach (var service in (string[])["postgres", "s3", "upload-api", "shop-api", "notifier", "janitor", "gateway"])
            await Expect(Row(service)).ToContainTextAsync("Running");
        await Expect(Page.GetByText("development certificate")).ToHaveCountAsync(0);

        await Row("gateway").GetByRole(AriaRole.Button, new() { Name = "Send a sample job" }).ClickAsync();
        await UntilSentAsync();
        await ShotAsync("resources");

        await OpenTraceAsync();
        await StopAndStartAsync();
    }

    /// <summary>The upload's trace is found among all by its services, and opened: it leads from the gateway to the Notifier.</summary>
    private async Task OpenTraceAsync()
    {
        await Page.GotoAsync(new Uri(new Uri(_appHost.DashboardLink), "/traces/resource/upload-api").AbsoluteUri);
        var upload = Page.GetByRole(AriaRole.Row).Filter(new() { HasText = "POST /api/customer/" }).Filter(new() { HasText = "notifier" });
        await Expect(upload).ToHaveCountAsync(1);
        await ShotAsync("traces");
        await upload.GetByText("POST /api/customer/").ClickAsync();

        foreach (var span in (string[])["gateway", "/upload", "receive file", "notifier"])
            await Expect(Page.GetByRole(AriaRole.Row).Filter(new() { HasText = span }).First).ToBeVisibleAsync();
        await ShotAsync("trace");
    }

    private async Task UntilSentAsync()
    {
        using var shop = new HttpClient { BaseAddress = _appHost.Origin, DefaultRequestHeaders = { { "X-API-Key", _appHost.Key } } };
        await Eventually.HoldsAsync(
            async () => (await shop.GetStringAsync(new Uri("/api/shopkeeper/sessions/pending", UriKind.Relative), Token)).Contains("\"count\":1,", StringComparison.Ordinal),
            "the sample job waits at the shop", TimeSpan.FromMinutes(1), Token);
    }

    private async Task StopAndStartAsync()
    {
        await Page.GotoAsync(new Uri(_appHost.DashboardLink).GetLeftPart(UriPartial.Authority));
        await Row("shop-api").GetByRole(AriaRole.Button, new() { Name = "Stop" }).ClickAsync();
        await Expect(Row("shop-api")).ToContainTextAsync(Ended());
        await ShotAsync("stopped");
        await Row("shop-api").GetByRole(AriaRole.Button, new() { Name = "Start" }).ClickAsync();
        await Expect(Row("shop-api")).ToContainTextAsync("Running");
    }

    private ILocator Row(string resource) => Page.GetByRole(AriaRole.Row).Filter(new() { Has = Page.GetByText(resource, new() { Exact = true }) });

    private Task<byte[]> ShotAsync(string name) => Page.ScreenshotAsync(new() { Path = Path.Combine(Screenshots, $"dashboard-{name}.png") });

    [GeneratedRegex("Finished|Exited", RegexOptions.None, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Ended();
}
