using CloudTab.Testing;
using static Microsoft.Playwright.Assertions;

namespace CloudTab.EndToEnd.Tests.Pages;

/// <summary>The list under load: that it stays right. How smooth it is, the part `queue` of the bench measures.</summary>
[Collection(RunningStandalone.Collection)]
public sealed class QueueLoadTests(RunningStandalone relay, Browsers browsers) : IAsyncDisposable
{
    private const int Jobs = 500;
    private const int Events = 500;

    // A claim and a release each: 100 events a second.
    private static readonly TimeSpan BetweenPairs = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task Five_hundred_jobs_are_all_there_after_five_hundred_events_and_scrolling()
    {
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        bound.CancelAfter(Limit);
        await using var shop = await PageShop.CreateAsync(relay);
        var jobs = new SentJob[Jobs];
        await Parallel.ForAsync(0, Jobs, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = bound.Token }, async (index, _) =>
            jobs[index] = await shop.SendAsync(FormattableString.Invariant($"Customer {index}"), ("note.txt", "Print me.\n"u8.ToArray())));
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        var arrived = 0;
        counter.Page.WebSocket += (_, socket) => socket.FrameReceived += (_, frame) =>
        {
            if (frame.Text?.Contains("session_updated", StringComparison.Ordinal) == true)
                Interlocked.Increment(ref arrived);
        };
        // A part of the list is lost on its way: the page asks for the list again.
        await counter.Page.RouteAsync(address => address.Contains("&after=", StringComparison.Ordinal), route => route.AbortAsync(), new() { Times = 1 });
        await counter.Page.ReloadAsync();
        await counter.IsLiveAsync();
        await Expect(counter.Rows).ToHaveCountAsync(Jobs);

        using var program = shop.Program(await shop.AddKeyAsync("Counter 2"));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(bound.Token);
        var load = OtherCounter.ClaimAndReleaseAsync(program, [.. jobs.Select(job => job.SessionId)], BetweenPairs, stop.Token);
        await counter.Page.Mouse.MoveAsync(250, 500);
        for (var turn = 0; Volatile.Read(ref arrived) < Events; turn++)
        {
            bound.Token.ThrowIfCancellationRequested();
            await counter.Page.Mouse.WheelAsync(0, turn / 20 % 2 == 0 ? 700 : -700);
        }

        await stop.CancelAsync();
        await load;
        await Expect(counter.Rows).ToHaveCountAsync(Jobs);
    }

    public ValueTask DisposeAsync() => browsers.CloseAsync();
}
