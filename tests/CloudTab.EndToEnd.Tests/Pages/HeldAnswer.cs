using System.Text.RegularExpressions;
using Microsoft.Playwright;

namespace CloudTab.EndToEnd.Tests.Pages;

/// <summary>An answer that the relay has given, and that the page does not get until it is released.</summary>
internal sealed class HeldAnswer
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(15);

    private readonly TaskCompletionSource _given = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _isUsed;

    private HeldAnswer()
    {
    }

    /// <summary>Done when the relay has answered.</summary>
    public Task Given => WaitAsync(_given.Task);

    /// <summary>Holds the answer to the next call of this method whose address the pattern matches.</summary>
    public static async Task<HeldAnswer> NextAsync(IPage page, string method, string pattern)
    {
        var held = new HeldAnswer();
        await page.RouteAsync(new Regex(pattern, RegexOptions.None, matchTimeout: TimeSpan.FromSeconds(1)), async route =>
        {
            if (route.Request.Method != method || Interlocked.Exchange(ref held._isUsed, 1) == 1)
            {
                await route.FallbackAsync();
                return;
            }

            // Sent by the test's own client, which says of no page that it is the relay's.
            var headers = new Dictionary<string, string>(await route.Request.AllHeadersAsync(), StringComparer.OrdinalIgnoreCase) { ["sec-fetch-site"] = "same-origin" };
            var answer = await route.FetchAsync(new() { Headers = headers });
            held._given.SetResult();
            try
            {
                await WaitAsync(held._released.Task);
                await route.FulfillAsync(new() { Response = answer });
                held._arrived.SetResult();
            }
            catch (TimeoutException)
            {
                await route.AbortAsync(); // the test has failed before: a page with a call on its way would not close
            }
        });
        return held;
    }

    /// <summary>Lets the page have the answer.</summary>
    public Task ReleaseAsync()
    {
        _released.SetResult();
        return WaitAsync(_arrived.Task);
    }

    private static Task WaitAsync(Task task) => task.WaitAsync(Limit, TimeProvider.System, TestContext.Current.CancellationToken);
}
