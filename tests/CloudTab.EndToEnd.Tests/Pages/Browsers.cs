using CloudTab.Testing;
using Deque.AxeCore.Commons;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CloudTab.EndToEnd.Tests.Pages;

/// <summary>One Chromium for the pages' tests, and in it a session for each person. Pictures of all states are kept in artifacts/test-results.</summary>
public sealed class Browsers : IAsyncLifetime
{
    private static readonly string Screenshots = Path.Combine(Path.GetDirectoryName(Repository.PathOf("CloudTab.sln"))!, "artifacts", "test-results", "screenshots");

    private static readonly (string Name, int Width, int Height)[] Screens = [("laptop", 1366, 800), ("phone", 390, 844)];

    private static readonly (int Width, int Height) Narrowest = (320, 640);

    private static readonly string Axe = new BundledAxeScriptProvider().GetScript();

    private static readonly string[] Rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public async ValueTask InitializeAsync()
    {
        if (Chromium.Path is null)
            return;
        SetDefaultExpectTimeout(15_000);
        Directory.CreateDirectory(Screenshots);
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = Chromium.Path, Args = Chromium.Arguments });
    }

    /// <summary>Somebody's first page, with cookies and storage of its own.</summary>
    public async Task<IPage> OpenAsync(Uri origin, BrowserNewContextOptions? options = null)
    {
        Chromium.Require();
        options ??= new();
        options.BaseURL = origin.ToString();
        options.ViewportSize ??= new() { Width = Screens[0].Width, Height = Screens[0].Height };
        options.Locale ??= "en-IN";
        options.TimezoneId ??= "Asia/Kolkata";
        var page = await (await _browser!.NewContextAsync(options)).NewPageAsync();
        page.SetDefaultTimeout(15_000);
        return page;
    }

    /// <summary>
    /// What is on the page now, on a laptop and on a phone, light and dark: a picture of each, nothing wider than the screen, also not than the
    /// narrowest (WCAG 2.2, 1.4.10: 320 pixels), and no violation that axe finds.
    /// </summary>
    public static async Task RecordAsync(IPage page, string state)
    {
        await page.SetViewportSizeAsync(Narrowest.Width, Narrowest.Height);
        Assert.True(await FitsAsync(page), $"{state}: wider than {Narrowest.Width} pixels");
        foreach (var (name, width, height) in Screens.Reverse())
        {
            await page.SetViewportSizeAsync(width, height);
            await page.EvaluateAsync("scrollTo(0, 0)"); // else the bar at the top is in the middle of the picture
            foreach (var scheme in (ColorScheme[])[ColorScheme.Dark, ColorScheme.Light])
            {
                await page.EmulateMediaAsync(new() { ColorScheme = scheme });
                await page.ScreenshotAsync(new() { Path = Path.Combine(Screenshots, $"{state}-{name}-{Name(scheme)}.png"), FullPage = true, Animations = ScreenshotAnimations.Disabled });
                foreach (var frame in page.Frames)
                {
                    var violations = await ViolationsAsync(frame);
                    Assert.True(violations.Length == 0, $"{state}, {name}, {Name(scheme)}: {string.Join('\n', violations)}");
                }
            }

            Assert.True(await FitsAsync(page), $"{state}: wider than the {name}");
        }
    }

    /// <summary>Closes every page of a test: what stays open goes on working.</summary>
    public async ValueTask CloseAsync()
    {
        foreach (var session in _browser?.Contexts.ToList() ?? [])
            await session.CloseAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
            await _browser.DisposeAsync();
        _playwright?.Dispose();
    }

    private static Task<bool> FitsAsync(IPage page) => page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= innerWidth");

    private static string Name(ColorScheme scheme) => scheme == ColorScheme.Dark ? "dark" : "light";

    // By axe itself, which stays in the page: Deque's own runner loads it for each run, and into a page more. A page has a first heading, not each frame.
    private static async Task<string[]> ViolationsAsync(IFrame frame)
    {
        if (!await frame.EvaluateAsync<bool>("() => 'axe' in window"))
            await frame.EvaluateAsync(Axe);
        return await frame.EvaluateAsync<string[]>("""
            async rules => (await axe.run(document, { iframes: false, resultTypes: ['violations'], runOnly: rules, rules: { 'page-has-heading-one': { enabled: self === top } } })).violations.map(({ id, help, nodes }) =>
              `${id}: ${help}: ${nodes.map(({ html, any }) => `${html} (${any.map(check => check.message).join('; ')})`).join(' | ')}`)
            """, Rules);
    }
}
