using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CloudTab.EndToEnd.Tests.Pages;

/// <summary>A shopkeeper at the shop's page.</summary>
internal sealed class Counter(IPage page)
{
    // Counts what is played: a browser without a loudspeaker plays it all the same.
    private const string CountTones = """
        window.tones = 0;
        const start = OscillatorNode.prototype.start;
        OscillatorNode.prototype.start = function (...when) { window.tones++; return start.apply(this, when); };
        """;

    // A print dialog would wait for somebody. The frame has no origin, so what it did is told by the page's console.
    private const string NotePrinting = "window.print = () => console.log('printed ' + document.querySelectorAll('#print img').length + ' ' + [...document.adoptedStyleSheets].flatMap((one) => [...one.cssRules]).map((rule) => rule.cssText).join(' '));";

    public IPage Page => page;

    public ILocator Rows => page.Locator("li.job");

    public ILocator Sheet => page.Locator(".job-sheet");

    public ILocator Notices => page.Locator(".notice");

    public ILocator Link => page.Locator(".link");

    /// <summary>A browser that signs in with a key, and shows the queue.</summary>
    public static async Task<Counter> SignInAsync(Browsers browsers, PageShop shop, string key, BrowserNewContextOptions? options = null)
    {
        var page = await browsers.OpenAsync(shop.Origin, options);
        await page.AddInitScriptAsync(CountTones);
        await page.AddInitScriptAsync(NotePrinting);
        await page.GotoAsync("/shop");
        await page.Locator("input[name=apiKey]").FillAsync(key);
        await page.Locator("input[name=apiKey]").PressAsync("Enter");
        var counter = new Counter(page);
        await counter.IsLiveAsync();
        return counter;
    }

    public Task IsLiveAsync() => Expect(Link).ToHaveAttributeAsync("data-state", "live");

    public ILocator Row(SentJob job) => page.Locator($"li.job[data-session='{job.SessionId}']");

    /// <summary>The heading above a job in the list.</summary>
    public ILocator Section(SentJob job) => page.Locator(".job-group", new() { Has = page.Locator($"li[data-session='{job.SessionId}']") }).Locator(".list-head");

    public Task TakeAsync(SentJob job) => Row(job).GetByRole(AriaRole.Button, new() { Name = $"Take {job.PickupCode}" }).ClickAsync();

    public Task OpenAsync(SentJob job) => Row(job).Locator(".job-open").ClickAsync();

    public ILocator Button(string name) => page.GetByRole(AriaRole.Button, new() { Name = name, Exact = true });

    /// <summary>Presses a button that prints, and waits for the page to know that it was printed.</summary>
    /// <param name="button">That of the job's only file, if none is given.</param>
    /// <returns>"printed", how many pages, and the rules of the paper.</returns>
    public async Task<string> PrintAsync(ILocator? button = null)
    {
        button ??= page.Locator(".file").GetByRole(AriaRole.Button, new() { Name = "Print" });
        var printed = page.WaitForConsoleMessageAsync(new() { Predicate = message => message.Text.StartsWith("printed", StringComparison.Ordinal) });
        await button.ClickAsync();
        var told = (await printed).Text;
        await Expect(page.Locator("dialog.viewer .primary")).ToBeEnabledAsync();
        return told;
    }

    public Task<int> TonesAsync() => page.EvaluateAsync<int>("window.tones");
}
