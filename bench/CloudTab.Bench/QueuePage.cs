using System.Net.Http.Json;
using System.Text.Json;
using CloudTab.Testing;
using Microsoft.Playwright;

namespace CloudTab.Bench;

/// <summary>
/// The shop's page with 500 jobs, while another counter claims and releases them and somebody scrolls without a pause: how long the tasks of the
/// page's main thread take. The browser has to share the machine with the relay, which is one process here, so the processor's time of a task is told
/// beside the clock's.
/// </summary>
internal static class QueuePage
{
    private const int Jobs = 500;
    private const int Events = 2_000;
    private const int LeastEvents = 100;
    private const double MostMilliseconds = 50;
    private const int WheelStep = 700;

    // There and back through the first dozen screens.
    private const int TurnsOneWay = 20;

    private static readonly TimeSpan BetweenPairs = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    public static async Task RunAsync()
    {
        using var bound = new CancellationTokenSource(Limit, TimeProvider.System);
        await using var relay = await RelayProcesses.StartStandaloneAsync(new Dictionary<string, string>(StringComparer.Ordinal), bound.Token);
        using var customer = new HttpClient { BaseAddress = relay.Origin };
        var jobs = new string[Jobs];
        await Parallel.ForAsync(0, Jobs, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = bound.Token }, async (index, _) =>
        {
            var session = await UploadClient.CreateSessionAsync(customer);
            await UploadClient.SendFormAsync(customer, session, UploadClient.CreateFile(1_000));
            jobs[index] = session.Split('/')[^1];
        });

        using var playwright = await Playwright.CreateAsync();
        await using var browser = await playwright.Chromium.LaunchAsync(new() { ExecutablePath = Chromium.Path, Args = Chromium.Arguments });
        var page = await browser.NewPageAsync(new() { BaseURL = relay.Origin.ToString(), ViewportSize = new() { Width = 1366, Height = 800 } });
        var arrived = 0;
        page.WebSocket += (_, socket) => socket.FrameReceived += (_, frame) =>
        {
            if (frame.Text?.Contains("session_updated", StringComparison.Ordinal) == true)
                Interlocked.Increment(ref arrived);
        };
        await page.GotoAsync("/shop");
        await page.Locator("input[name=apiKey]").FillAsync(relay.Key);
        await page.Locator("input[name=apiKey]").PressAsync("Enter");
        await Assertions.Expect(page.Locator(".link")).ToHaveAttributeAsync("data-state", "live");
        await Assertions.Expect(page.Locator("li.job")).ToHaveCountAsync(Jobs);

        using var counter = await OtherCounterAsync(relay);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(bound.Token);
        var trace = await TaskTrace.StartAsync(page);
        var began = TimeProvider.System.GetTimestamp();
        var load = OtherCounter.ClaimAndReleaseAsync(counter, jobs, BetweenPairs, stop.Token);
        await page.Mouse.MoveAsync(250, 500);
        for (var turn = 0; Volatile.Read(ref arrived) < Events; turn++)
        {
            bound.Token.ThrowIfCancellationRequested();
            await page.Mouse.WheelAsync(0, turn / TurnsOneWay % 2 == 0 ? WheelStep : -WheelStep);
        }

        var elapsed = TimeProvider.System.GetElapsedTime(began);
        var tasks = await trace.StopAsync();
        await stop.CancelAsync();
        await load;

        Console.WriteLine();
        Console.WriteLine($"| {Jobs} jobs, scrolling, {Events} events | measured | limit |");
        Console.WriteLine("| --- | ---: | ---: |");
        Console.WriteLine($"| events a second | {arrived / elapsed.TotalSeconds:F0} | ≥ {LeastEvents} |");
        Console.WriteLine($"| longest task of the page, ms | {tasks.Max(task => task.Wall):F1} | < {MostMilliseconds:F0} |");
        Console.WriteLine($"| the same, ms of processor | {tasks.Max(task => task.Cpu):F1} | |");
        Console.WriteLine($"| tasks longer than {MostMilliseconds:F0} ms, of {tasks.Count} | {tasks.Count(task => task.Wall > MostMilliseconds)} | 0 |");
    }

    private static async Task<HttpClient> OtherCounterAsync(RelayProcesses relay)
    {
        using var owner = new HttpClient { BaseAddress = relay.Origin, DefaultRequestHeaders = { { "X-API-Key", relay.Key } } };
        using var added = await owner.PostAsJsonAsync("/api/shopkeeper/keys", new { name = "Counter 2" });
        var key = (await added.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>()).GetProperty("key").GetString()!;
        return new HttpClient { BaseAddress = relay.Origin, DefaultRequestHeaders = { { "X-API-Key", key } } };
    }
}
