using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Playwright;

namespace CloudTab.Bench;

/// <summary>
/// The tasks of a page's main thread, as Chromium traces them. Format:
/// https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU, duration events.
/// </summary>
internal sealed class TaskTrace
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly ConcurrentQueue<JsonElement> _events = new();
    private readonly TaskCompletionSource _complete = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ICDPSession _session;

    private TaskTrace(ICDPSession session)
    {
        _session = session;
        session.Event("Tracing.dataCollected").OnEvent += (_, data) =>
        {
            foreach (var one in data!.Value.GetProperty("value").EnumerateArray())
                _events.Enqueue(one.Clone());
        };
        session.Event("Tracing.tracingComplete").OnEvent += (_, _) => _complete.TrySetResult();
    }

    public static async Task<TaskTrace> StartAsync(IPage page)
    {
        var trace = new TaskTrace(await page.Context.NewCDPSessionAsync(page));
        await trace._session.SendAsync("Tracing.start", new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["transferMode"] = "ReportEvents",
            ["traceConfig"] = new { includedCategories = (string[])["toplevel", "__metadata"] },
        });
        return trace;
    }

    /// <summary>The tasks since the start, in milliseconds.</summary>
    public async Task<IReadOnlyList<(double Cpu, double Wall)>> StopAsync()
    {
        await _session.SendAsync("Tracing.end");
        await _complete.Task.WaitAsync(Limit, TimeProvider.System);
        var threads = _events.Where(one => Name(one) == "thread_name" && one.GetProperty("args").GetProperty("name").GetString() == "CrRendererMain")
            .Select(Thread).ToHashSet();
        return [.. _events.Where(one => Name(one) == "ThreadControllerImpl::RunTask" && threads.Contains(Thread(one)) && one.TryGetProperty("tdur", out _))
            .Select(one => (one.GetProperty("tdur").GetDouble() / 1000, one.GetProperty("dur").GetDouble() / 1000))];
    }

    private static string? Name(JsonElement one) => one.GetProperty("name").GetString();

    private static (int Process, int Thread) Thread(JsonElement one) => (one.GetProperty("pid").GetInt32(), one.GetProperty("tid").GetInt32());
}
