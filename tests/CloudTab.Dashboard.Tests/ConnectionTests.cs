using CloudTab.Testing;
using static Microsoft.Playwright.Assertions;

namespace CloudTab.Dashboard.Tests;

[Collection(DashboardCollection.Name)]
public sealed class ConnectionTests(RunningDashboard dashboard)
{
    [Fact]
    public async Task A_page_that_has_lost_the_AppHost_says_so_and_comes_back_by_itself()
    {
        Chromium.Require();
        await using var network = new TcpProxy(dashboard.Address.Port);
        await using var page = await dashboard.OpenAsync(proxyPort: network.Port);
        await Expect(page.Rows.First).ToBeVisibleAsync();

        network.Cut();
        await Expect(page.Page.GetByText("The AppHost is gone")).ToBeVisibleAsync();
        await Expect(page.Rows.First).ToBeVisibleAsync();
        await page.ScreenshotAsync("disconnected");
        network.Restore();

        await Expect(page.Page.GetByText("The AppHost is gone")).ToBeHiddenAsync();
        page.ForgiveNetworkErrors();
    }

    [Fact]
    public async Task Without_the_token_nothing_is_shown_but_how_to_come_in()
    {
        await using var page = await dashboard.OpenAsync();
        await page.ShowsAsync("Resources");
        await page.Page.Context.ClearCookiesAsync();
        await page.Page.ReloadAsync();

        await Expect(page.Page.GetByLabel("paste its token")).ToBeVisibleAsync();
        await Expect(page.Rows).ToHaveCountAsync(0);
        await page.IsAccessibleAsync();
        page.ForgiveNetworkErrors();
    }
}
