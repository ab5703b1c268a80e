using System.Collections.Concurrent;
using System.Reflection;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CloudTab.Dashboard.Tests;

/// <summary>The dashboard in one browser tab. Whatever the browser complains of there, refused content included, fails the test.</summary>
public sealed class DashboardPage : IAsyncDisposable
{
    private static readonly string Screenshots = typeof(DashboardPage).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(metadata => metadata.Key == "Screenshots").Value!;

    private readonly ConcurrentQueue<string> _complaints = [];

    public DashboardPage(IPage page)
    {
        Page = page;
        page.SetDefaultTimeout(20_000);
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
                _complaints.Enqueue(message.Text);
        };
        page.PageError += (_, error) => _complaints.Enqueue(error);
    }

    public IPage Page { get; }

    public ILocator Heading => Page.GetByRole(AriaRole.Heading, new() { Level = 1 });

    public ILocator Details => Page.Locator("aside.details");

    public ILocator Rows => Page.Locator("main tbody tr");

    /// <summary>The row of a view's table that is called so.</summary>
    public ILocator Row(string name) => Rows.Filter(new() { Has = Page.Locator($".row-link:text-is('{name}')") });

    /// <summary>Another address within the page, as a bookmark would open it.</summary>
    public async Task GoAsync(string hash)
    {
        await Page.EvaluateAsync("hash => { location.hash = hash; }", hash);
    }

    public Task ScreenshotAsync(string name) => Page.ScreenshotAsync(new() { Path = Path.Combine(Screenshots, $"{name}.png") });

    /// <summary>No violation of any rule that axe has.</summary>
    public async Task IsAccessibleAsync()
    {
        var violations = (await Page.RunAxe()).Violations.Select(violation =>
            $"{violation.Id}: {violation.Help} at {string.Join(", ", violation.Nodes.Select(node => node.Html))}").ToList();
        Assert.True(violations.Count == 0, string.Join('\n', violations));
    }

    /// <summary>On a narrow screen a table may scroll in its own box, the page may not.</summary>
    public async Task FitsAsync() =>
        Assert.True(await Page.EvaluateAsync<bool>("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) <= innerWidth"));

    public Task ShowsAsync(string heading) => Expect(Heading).ToHaveTextAsync(heading);

    public async ValueTask DisposeAsync()
    {
        await Page.Context.DisposeAsync();
        Assert.True(_complaints.IsEmpty, string.Join('\n', _complaints));
    }

    /// <summary>What the browser says of requests that a test made fail.</summary>
    public void ForgiveNetworkErrors()
    {
        var others = _complaints.Where(complaint => !complaint.Contains("Failed to load resource", StringComparison.Ordinal)).ToList();
        _complaints.Clear();
        others.ForEach(_complaints.Enqueue);
    }
}
