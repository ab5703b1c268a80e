namespace CloudTab.Bench;

/// <summary>POST …/sessions/create, straight to the UploadApi.</summary>
internal static class SessionCreation
{
    private const int Concurrency = 32;
    private const double LeastPerSecond = 3_000;
    private const double MostMilliseconds = 25;

    public static async Task RunAsync(Stack stack)
    {
        using var client = new HttpClient { BaseAddress = stack.UploadApi.Address };
        var measured = await Load.ForAsync(TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(10), Concurrency, async () =>
        {
            using var created = await client.PostAsync("/api/customer/sessions/create", content: null);
            created.EnsureSuccessStatusCode();
        });

        Console.WriteLine();
        Console.WriteLine("| session creation, concurrency 32 | measured | limit | ratio |");
        Console.WriteLine("| --- | ---: | ---: | ---: |");
        Console.WriteLine($"| per second | {measured.PerSecond:F0} | ≥ {LeastPerSecond:F0} | {measured.PerSecond / LeastPerSecond:F2} |");
        Console.WriteLine($"| p50, ms | {measured.Percentile(0.5):F1} | | |");
        Console.WriteLine($"| p99, ms | {measured.Percentile(0.99):F1} | < {MostMilliseconds:F0} | {measured.Percentile(0.99) / MostMilliseconds:F2} |");
    }
}
