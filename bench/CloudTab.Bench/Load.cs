using System.Diagnostics;

namespace CloudTab.Bench;

/// <summary>A closed loop: so many clients, each sending its next request when the last is answered.</summary>
internal static class Load
{
    /// <summary>Runs a request over and over for a time, after a warm-up that does not count.</summary>
    public static async Task<Measured> ForAsync(TimeSpan warmUp, TimeSpan time, int concurrency, Func<Task> request)
    {
        await Task.WhenAll(Enumerable.Range(0, concurrency).Select(_ => LoopAsync(warmUp, request)));
        var watch = Stopwatch.StartNew();
        var latencies = await Task.WhenAll(Enumerable.Range(0, concurrency).Select(_ => LoopAsync(time, request)));
        return new(watch.Elapsed, [.. latencies.SelectMany(own => own).Order()]);
    }

    /// <summary>Runs a request a number of times.</summary>
    public static async Task<Measured> TimesAsync(int times, int concurrency, Func<Task> request)
    {
        var left = times;
        var watch = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, concurrency).Select(async _ =>
        {
            while (Interlocked.Decrement(ref left) >= 0)
                await request();
        }));
        return new(watch.Elapsed, []);
    }

    private static async Task<List<TimeSpan>> LoopAsync(TimeSpan time, Func<Task> request)
    {
        var latencies = new List<TimeSpan>();
        var watch = Stopwatch.StartNew();
        while (watch.Elapsed < time)
        {
            var began = watch.Elapsed;
            await request();
            latencies.Add(watch.Elapsed - began);
        }

        return latencies;
    }
}

/// <summary>How long it took in all, and each request, shortest first.</summary>
internal sealed record Measured(TimeSpan Elapsed, TimeSpan[] Latencies)
{
    public double PerSecond => Latencies.Length / Elapsed.TotalSeconds;

    /// <summary>Milliseconds within which this share of the requests was answered.</summary>
    public double Percentile(double share) => Latencies[Math.Min(Latencies.Length - 1, (int)(Latencies.Length * share))].TotalMilliseconds;
}
