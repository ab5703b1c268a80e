using System.Diagnostics;
using CloudTab.Testing;
using Dapper;
using Npgsql;

namespace CloudTab.Bench;

/// <summary>GET …/status again and again, straight to one UploadApi, as customers' programs do that wait for their prints.</summary>
internal static class StatusPolling
{
    private const int Concurrency = 16;
    private const int Queue = 100;
    private const double LeastPerSecond = 3_000;

    // Until the compiler has optimized what runs.
    private static readonly TimeSpan TimeToWarmUp = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Time = TimeSpan.FromSeconds(8);

    public static async Task RunAsync(Stack stack)
    {
        await using var connection = new NpgsqlConnection(stack.ConnectionString);
        await connection.OpenAsync();
        var shops = await StagedSessions.AddShopsAsync(connection, 1, CancellationToken.None);
        var sessions = await StagedSessions.AddAsync(connection, shops, Queue + 2, CancellationToken.None);
        var (last, open) = (sessions[^2], sessions[^1]);
        foreach (var session in sessions[..^1])
            await connection.ExecuteAsync("UPDATE sessions SET status = 'pending', submitted_at = now() WHERE session_id = @SessionId", session);
        await connection.ExecuteAsync("ANALYZE sessions, files");

        Console.WriteLine();
        Console.WriteLine($"| status calls, concurrency {Concurrency} | a second | limit | ratio | µs of CPU | Postgres, µs |");
        Console.WriteLine("| --- | ---: | ---: | ---: | ---: | ---: |");
        await MeasureAsync(stack, "unchanged (304), open", open.StatusPath, isKnown: true);
        await MeasureAsync(stack, $"unchanged (304), {Queue} before it in the queue", last.StatusPath, isKnown: true);
        await MeasureAsync(stack, "the same, but all of it is answered (200)", last.StatusPath, isKnown: false);
    }

    private static async Task MeasureAsync(Stack stack, string name, string path, bool isKnown)
    {
        using var client = new HttpClient { BaseAddress = stack.UploadApi.Address };
        using var first = await client.GetAsync(path);
        var header = isKnown ? $"If-None-Match: {first.EnsureSuccessStatusCode().Headers.ETag}\r\n" : "";
        await SendAsync(stack, path, header, TimeToWarmUp);
        var (server, postgres, began) = (Usage.Cpu(stack.UploadApi.Id), stack.PostgresCpu(), Stopwatch.GetTimestamp());
        var sent = await SendAsync(stack, path, header, Time);
        var perSecond = sent / Stopwatch.GetElapsedTime(began).TotalSeconds;
        Console.WriteLine(
            $"| {name} | {perSecond:F0} | ≥ {LeastPerSecond:F0} | {perSecond / LeastPerSecond:F2} | {(Usage.Cpu(stack.UploadApi.Id) - server).TotalMicroseconds / sent:F0} | {(stack.PostgresCpu() - postgres).TotalMicroseconds / sent:F0} |");
    }

    private static async Task<int> SendAsync(Stack stack, string path, string header, TimeSpan time) =>
        (await Task.WhenAll(Enumerable.Range(0, Concurrency).Select(_ => Task.Factory.StartNew(
            () => Send(stack.UploadApi.Address, path, header, time), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)))).Sum();

    private static int Send(Uri server, string path, string header, TimeSpan time)
    {
        using var connection = new PlainConnection(server, $"GET {path}", header);
        var watch = Stopwatch.StartNew();
        var sent = 0;
        for (; watch.Elapsed < time; sent++)
            connection.Exchange();
        return sent;
    }
}
