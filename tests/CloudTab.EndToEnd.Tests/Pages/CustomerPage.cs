using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using CloudTab.Testing;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CloudTab.EndToEnd.Tests.Pages;

/// <summary>A customer's phone at a shop's address. What it can be asked is the same with script and without.</summary>
internal sealed partial class CustomerPage
{
    private readonly Browsers _browsers;
    private readonly PageShop _shop;
    private readonly bool _script;
    private ICDPSession? _network;

    private CustomerPage(Browsers browsers, IPage page, PageShop shop, bool script) => (_browsers, Page, _shop, _script) = (browsers, page, shop, script);

    public IPage Page { get; }

    public ILocator Files => Page.Locator("ct-send .file");

    /// <param name="network">What stands between the phone and the shop, if that is not to be the loopback alone.</param>
    public static async Task<CustomerPage> OpenAsync(Browsers browsers, PageShop shop, bool script = true, string locale = "en-IN", TcpProxy? network = null)
    {
        var origin = network is null ? shop.Origin : new UriBuilder(Uri.UriSchemeHttp, "127.0.0.1", network.Port).Uri;
        var page = await browsers.OpenAsync(origin, new()
        {
            JavaScriptEnabled = script,
            Locale = locale,
            HasTouch = true,
            ViewportSize = new() { Width = 390, Height = 844 },
        });
        page.Dialog += (_, dialog) => _ = dialog.AcceptAsync(); // "Withdraw all files?"
        await page.GotoAsync($"/s/{shop.Id}");
        var phone = new CustomerPage(browsers, page, shop, script);
        if (script)
            await Expect(page.Locator(".chooser, [role=alert]")).ToBeVisibleAsync();
        return phone;
    }

    /// <summary>Chooses files, sends them, and waits for the code.</summary>
    public async Task<SentJob> SendAsync(params FilePayload[] files)
    {
        await ChooseAsync(files);
        await PressSendAsync();
        return await ArrivedAsync();
    }

    public async Task ChooseAsync(params FilePayload[] files)
    {
        if (!_script)
        {
            await Page.Locator("input[type=file]").SetInputFilesAsync(files);
            return;
        }

        var before = await Files.CountAsync();
        await Page.Locator(".chooser input[type=file]").First.SetInputFilesAsync(files);
        await Expect(Files).ToHaveCountAsync(before + files.Length);
        await Expect(Page.Locator(".file.examining")).ToHaveCountAsync(0);
    }

    /// <summary>Files are dragged from the device, and dropped beside the list.</summary>
    /// <param name="folder">Where they are on the device.</param>
    /// <param name="before">What is seen before they are dropped.</param>
    public async Task DropAsync(DirectoryInfo folder, IReadOnlyCollection<FilePayload> dropped, Func<Task>? before = null)
    {
        var files = dropped.Select(file => Path.Combine(folder.FullName, file.Name)).ToArray();
        foreach (var (path, file) in files.Zip(dropped))
            await File.WriteAllBytesAsync(path, file.Buffer, Token);
        var mouse = await Page.Context.NewCDPSessionAsync(Page);
        async Task DragAsync(string type) => await mouse.SendAsync("Input.dispatchDragEvent", new()
        {
            ["type"] = type,
            ["x"] = 20,
            ["y"] = 700,
            ["data"] = new { items = Array.Empty<object>(), files, dragOperationsMask = 1 },
        });
        var rows = await Files.CountAsync();
        await DragAsync("dragEnter");
        await DragAsync("dragOver");
        if (before is not null)
            await before();
        await DragAsync("drop");
        await Expect(Files).ToHaveCountAsync(rows + files.Length);
        await Expect(Page.Locator(".file.examining")).ToHaveCountAsync(0);
    }

    public Task PressSendAsync() => Page.Locator("ct-send button[type=submit]").ClickAsync();

    /// <summary>Waits until the page shows the code.</summary>
    public async Task<SentJob> ArrivedAsync()
    {
        await Page.WaitForURLAsync(SessionAddress());
        if (_script)
            await Expect(Page.Locator("ct-session:defined")).ToHaveCountAsync(1);
        var code = await Page.Locator(".code").TextContentAsync();
        return new(new Uri(Page.Url).Segments[^1].TrimEnd('/'), code!.Trim());
    }

    /// <summary>Reads the page until it says so: with script it does by itself, without it the browser does in its own time, and here at once.</summary>
    public async Task SaysAsync(string heading)
    {
        for (var tries = 0; !_script && tries < 40 && await Page.Locator("h1").TextContentAsync() != heading; tries++)
            await Page.ReloadAsync();
        await Expect(Page.Locator("h1")).ToHaveTextAsync(heading);
    }

    /// <summary>
    /// Keeps pictures of what is on the page, and looks for mistakes in it. Axe is a script: where there is none, it looks at the same page in a
    /// browser that loads none of ours.
    /// </summary>
    public async Task RecordAsync(string state)
    {
        if (_script)
        {
            await Browsers.RecordAsync(Page, state);
            return;
        }

        var copy = await _browsers.OpenAsync(_shop.Origin, new() { ServiceWorkers = ServiceWorkerPolicy.Block });
        await copy.RouteAsync("**/assets/*.js", route => route.AbortAsync());
        await copy.GotoAsync($"/s/{_shop.Id}");
        await copy.SetContentAsync(await Page.ContentAsync());
        await Browsers.RecordAsync(copy, $"{state}-without-script");
    }

    /// <summary>How many bytes leave the phone in a second; null: as many as can.</summary>
    public async Task SendAtMostAsync(int? bytesPerSecond, string connection = "none")
    {
        if (_network is null)
        {
            _network = await Page.Context.NewCDPSessionAsync(Page);
            await _network.SendAsync("Network.enable");
        }

        await _network.SendAsync("Network.emulateNetworkConditions", new()
        {
            ["offline"] = false,
            ["latency"] = 0,
            ["downloadThroughput"] = -1,
            ["uploadThroughput"] = bytesPerSecond ?? -1,
            ["connectionType"] = connection,
        });
    }

    /// <summary>Waits until so much of all files has been sent.</summary>
    public async Task UntilPercentAsync(int percent) =>
        await Page.WaitForFunctionAsync("(percent) => document.querySelector('.upload progress')?.value >= percent", percent);

    /// <summary>Waits until the service worker keeps the page.</summary>
    public async Task UntilShellKeptAsync() => await Page.EvaluateAsync("""
        () => new Promise((resolve, reject) => {
          setTimeout(() => reject(new Error('No service worker controls the page.')), 15_000)
          if (navigator.serviceWorker.controller) resolve()
          navigator.serviceWorker.addEventListener('controllerchange', resolve, { once: true })
        })
        """);

    /// <summary>The phone is locked, or open again: what the page is told of it. Chromium has no screen here that could be dark.</summary>
    public async Task SetVisibleAsync(bool visible) => await Page.EvaluateAsync("""
        (visible) => {
          Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => (visible ? 'visible' : 'hidden') })
          document.dispatchEvent(new Event('visibilitychange'))
        }
        """, visible);

    /// <summary>A picture's size, and how red it is at its top left and at its bottom right: 0 to 255.</summary>
    public async Task<(int Width, int Height, int First, int Last)> LookAtAsync(byte[] picture)
    {
        var seen = await Picture.AskAsync<int[]>(
            Page, picture, "return [width, height, context.getImageData(1, 1, 1, 1).data[0], context.getImageData(width - 2, height - 2, 1, 1).data[0]]");
        return (seen[0], seen[1], seen[2], seen[3]);
    }

    /// <summary>A picture's size, and of what colour it is at some points: `#f00` if it is red, without shades.</summary>
    public async Task<(int Width, int Height, string[] Colours)> ColoursOfAsync(byte[] picture, params (int X, int Y)[] points)
    {
        var seen = await Picture.AskAsync<JsonElement>(
            Page,
            picture,
            """
            const colours = argument.map(([x, y]) => '#' + [...context.getImageData(x, y, 1, 1).data].slice(0, 3).map((shade) => (shade < 128 ? '0' : 'f')).join(''))
            return { width, height, colours }
            """,
            points.Select(point => new[] { point.X, point.Y }).ToArray());
        return (seen.GetProperty("width").GetInt32(), seen.GetProperty("height").GetInt32(), [.. seen.GetProperty("colours").EnumerateArray().Select(colour => colour.GetString()!)]);
    }

    /// <summary>The session as a program sees it.</summary>
    public async Task<JsonElement> StatusAsync(SentJob job)
    {
        using var client = new HttpClient { BaseAddress = _shop.Origin };
        var answer = await client.GetFromJsonAsync<JsonElement>($"/s/{_shop.Id}/api/customer/sessions/{job.SessionId}/status", Token);
        return answer.GetProperty("session");
    }

    [GeneratedRegex("/sessions/[0-9a-z]{26}$", RegexOptions.None, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex SessionAddress();
}
