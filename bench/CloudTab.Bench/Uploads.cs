using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;

namespace CloudTab.Bench;

/// <summary>
/// Multipart uploads into the local S3, beside what Kestrel needs to read the same bodies. CPU is that of the server process alone;
/// the load generator and S3 share the machine.
/// </summary>
internal static class Uploads
{
    private static readonly int[] Sizes = [1, 40];

    /// <summary>What goes for a PDF until somebody looks inside.</summary>
    public static byte[] File(int size)
    {
        var file = new byte[size];
        Random.Shared.NextBytes(file);
        "%PDF-1.7\n"u8.CopyTo(file);
        return file;
    }

    public static async Task RunAsync(Stack stack)
    {
        await using var discard = await Server.StartAsync("CloudTab.Bench", [], "/", "limit", "discard");
        await using var sha256 = await Server.StartAsync("CloudTab.Bench", [], "/", "limit", "sha256");

        Console.WriteLine();
        Console.WriteLine("| upload, concurrency 2 | MiB/s | CPU s per GiB | ÷ Kestrel with SHA-256 | peak RSS, MiB |");
        Console.WriteLine("| --- | ---: | ---: | ---: | ---: |");
        foreach (var size in Sizes)
        {
            var file = File(size << 20);
            var times = Math.Max(24, 1024 / size);

            var discarded = await MeasureAsync(discard, times, file, () => Task.FromResult("/"));
            var hashed = await MeasureAsync(sha256, times, file, () => Task.FromResult("/"));
            var s3Before = Usage.Cpu(stack.S3ProcessId);
            var ours = await MeasureAsync(stack.UploadApi, times, file, () => NewSessionAsync(stack));
            var s3 = (Usage.Cpu(stack.S3ProcessId) - s3Before).TotalSeconds / ours.GiB;

            Print($"{size} MiB: Kestrel, read and discard", discarded, hashed);
            Print($"{size} MiB: Kestrel, SHA-256", hashed, hashed);
            Print($"{size} MiB: UploadApi", ours, hashed);
            Console.WriteLine($"| {size} MiB: the S3 endpoint meanwhile | | {s3:F2} | {s3 / hashed.CpuPerGiB:F2} | {Usage.PeakMemory(stack.S3ProcessId):F0} |");
        }
    }

    private static void Print(string what, Result result, Result limit) =>
        Console.WriteLine($"| {what} | {result.MiBPerSecond:F0} | {result.CpuPerGiB:F2} | {result.CpuPerGiB / limit.CpuPerGiB:F2} | {result.PeakMemory:F0} |");

    private static async Task<Result> MeasureAsync(Server server, int times, byte[] file, Func<Task<string>> path)
    {
        using var client = new HttpClient { BaseAddress = server.Address, Timeout = TimeSpan.FromMinutes(5) };
        await Load.TimesAsync(Math.Max(4, times / 10), 2, () => SendAsync(client, file, path));
        var cpu = Usage.Cpu(server.Id);
        var measured = await Load.TimesAsync(times, 2, () => SendAsync(client, file, path));
        var gib = (double)times * file.Length / (1 << 30);
        return new(gib, gib * 1024 / measured.Elapsed.TotalSeconds, (Usage.Cpu(server.Id) - cpu).TotalSeconds / gib, Usage.PeakMemory(server.Id));
    }

    public static async Task<string> NewSessionAsync(Stack stack)
    {
        using var client = new HttpClient { BaseAddress = stack.UploadApi.Address };
        using var created = await client.PostAsync("/api/customer/sessions/create", content: null);
        var session = await created.Content.ReadFromJsonAsync<JsonElement>();
        return $"/api/customer/sessions/{session.GetProperty("sessionId").GetString()}/upload";
    }

    public static async Task SendAsync(HttpClient client, byte[] file, Func<Task<string>> path)
    {
        using var content = new ByteArrayContent(file) { Headers = { ContentType = new MediaTypeHeaderValue("application/pdf") } };
        using var form = new MultipartFormDataContent { { content, "files", "bench.pdf" } };
        using var sent = await client.PostAsync(await path(), form);
        sent.EnsureSuccessStatusCode();
    }

    private sealed record Result(double GiB, double MiBPerSecond, double CpuPerGiB, double PeakMemory);
}
