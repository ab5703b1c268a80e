using CloudTab.Testing;
using Microsoft.Playwright;

namespace CloudTab.Clients.Tests;

/// <summary>The relay, and a customer's browser.</summary>
public sealed class RunningBrowser : IAsyncLifetime
{
    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public async ValueTask InitializeAsync()
    {
        if (Chromium.Path is null)
            return;
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = Chromium.Path, Args = Chromium.Arguments });
    }

    /// <summary>Somebody's page with the clients from npm, in a new browser session.</summary>
    public async Task<IPage> OpenAsync(TestPage page)
    {
        Chromium.Require();
        var opened = await (await _browser!.NewContextAsync()).NewPageAsync();
        await opened.GotoAsync(page.Origin);
        return opened;
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
            await _browser.DisposeAsync();
        _playwright?.Dispose();
    }
}
