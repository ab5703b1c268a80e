using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace CloudTab.Bench;

/// <summary>
/// Connections in the middle of an upload that send 1 KiB a second each, beside fast uploads of another address. The same uploads go to
/// another replica that has no slow ones, turn by turn, so that whatever else the machine does meanwhile counts for both. What the slow ones
/// cost in processor time, which both replicas lack, is measured on its own.
/// </summary>
/// <param name="slow">How many slow connections there are.</param>
/// <param name="addresses">From how many addresses they come.</param>
/// <param name="fileSize">Bytes of a fast upload, and what a slow one announces.</param>
/// <param name="filesInTurn">Fast uploads before the other replica has its turn.</param>
/// <param name="concurrency">Fast uploads at a time, each from an address of its own.</param>
/// <param name="turns">How often each replica has its turn.</param>
internal sealed class SlowUploads(int slow, int addresses, int fileSize, int filesInTurn, int concurrency, int turns = 10)
{
    private const int BytesPerSecond = 1024;
    private const double LeastShare = 0.8;
    private const double MostMemory = 300;

    // Of what the load has added to the memory.
    private const double MostKept = 0.25;

    // Long enough for each of them to hold some memory before anything is measured, and then to measure them alone.
    private static readonly TimeSpan Head = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Alone = TimeSpan.FromSeconds(10);

    // From the end of all uploads, until the memory is the system's again.
    private static readonly TimeSpan After = TimeSpan.FromMinutes(1);

    /// <summary>500 phones with next to no connection, beside two large files at a time.</summary>
    public static Task OfManyAddressesAsync(Stack stack) => new SlowUploads(500, 500, 40 << 20, 4, 2).RunAsync(stack);

    /// <summary>300 connections of one address, which means no good, beside the photos of another.</summary>
    public static Task OfOneAddressAsync(Stack stack) => new SlowUploads(300, 1, 4 << 20, 10, 1).RunAsync(stack);

    /// <summary>500 phones with next to no connection, beside eight of the largest files at a time.</summary>
    public static Task OfLargeFilesAsync(Stack stack) => new SlowUploads(500, 500, 256 << 20, 8, 8, turns: 3).RunAsync(stack);

    private async Task RunAsync(Stack stack)
    {
        await using var control = await stack.StartAsync("CloudTab.UploadApi");
        await using var server = await stack.StartAsync("CloudTab.UploadApi");
        var none = Usage.Memory(server.Id);
        var file = UploadClient.CreateFile(fileSize);
        using var stop = new CancellationTokenSource();
        var ended = 0;
        var trickles = Enumerable.Range(0, slow).Select(async number =>
        {
            var phone = number % addresses;
            if (!await TrickleAsync(server, new([10, 0, (byte)(phone >> 8), (byte)phone]), stop.Token))
                Interlocked.Increment(ref ended);
        }).ToArray();
        await Task.Delay(Head, TimeProvider.System);
        var cpu = Usage.Cpu(server.Id);
        await Task.Delay(Alone, TimeProvider.System);
        var cores = (Usage.Cpu(server.Id) - cpu) / Alone;

        var (without, beside) = (TimeSpan.Zero, TimeSpan.Zero);
        await SendAsync(control, file); // warm
        await SendAsync(server, file);
        for (var turn = 0; turn < turns; turn++)
        {
            without += await SendAsync(control, file);
            beside += await SendAsync(server, file);
            await stack.EmptyBucketAsync();
        }

        var memory = Usage.PeakMemory(server.Id);
        var endedMeanwhile = Volatile.Read(ref ended);
        await stop.CancelAsync();
        await Task.WhenAll(trickles);
        await Task.Delay(After, TimeProvider.System);
        var kept = Usage.Memory(server.Id);

        Console.WriteLine();
        Console.WriteLine($"| {fileSize >> 20} MiB uploads, concurrency {concurrency}, beside {slow} of 1 KiB/s from {(addresses == 1 ? "one address" : $"{addresses} addresses")} | measured | limit | ratio |");
        Console.WriteLine("| --- | ---: | ---: | ---: |");
        Console.WriteLine($"| MiB/s without them | {Speed(without):F0} | | |");
        Console.WriteLine($"| MiB/s beside them | {Speed(beside):F0} | ≥ {Speed(without) * LeastShare:F0} | {without / beside:F2} of without |");
        Console.WriteLine($"| cores that they take | {cores:F2} | | |");
        Console.WriteLine($"| resident before, MiB | {none:F0} | | |");
        Console.WriteLine($"| peak RSS, MiB | {memory:F0} | ≤ {MostMemory:F0} | {memory / MostMemory:F2} |");
        Console.WriteLine($"| resident a minute after, MiB | {kept:F0} | ≤ {none + MostKept * (memory - none):F0} | {(kept - none) / (memory - none):F2} of what was added |");
        Console.WriteLine($"| slow uploads that were ended | {endedMeanwhile} | | |");
    }

    private double Speed(TimeSpan time) => (double)turns * filesInTurn * fileSize / (1 << 20) / time.TotalSeconds;

    private async Task<TimeSpan> SendAsync(Server server, byte[] file)
    {
        var clients = new ConcurrentBag<HttpClient>(Enumerable.Range(0, concurrency).Select(number => new HttpClient
        {
            BaseAddress = server.Address,
            Timeout = TimeSpan.FromMinutes(5),
            DefaultRequestHeaders = { { "X-Forwarded-For", $"10.1.0.{number.ToString(CultureInfo.InvariantCulture)}" } },
        }));
        var began = Stopwatch.GetTimestamp();
        await Load.TimesAsync(filesInTurn, concurrency, async () =>
        {
            if (!clients.TryTake(out var client))
                throw new InvalidOperationException("There are fewer clients than uploads at a time.");
            await UploadClient.SendFormAsync(client, file);
            clients.Add(client);
        });
        var elapsed = Stopwatch.GetElapsedTime(began);
        foreach (var client in clients)
            client.Dispose();
        return elapsed;
    }

    /// <summary>Sends a second's worth every second, until it is stopped or cut off.</summary>
    /// <returns>Whether the service let it go on to the end.</returns>
    private async Task<bool> TrickleAsync(Server server, IPAddress phone, CancellationToken stopped)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(IPAddress.Loopback, server.Address.Port, stopped);
            using var client = new HttpClient { BaseAddress = server.Address };
            var path = $"{await UploadClient.CreateSessionAsync(client)}/upload";
            var head = string.Create(CultureInfo.InvariantCulture,
                $"POST {path} HTTP/1.1\r\nHost: bench\r\nX-Forwarded-For: {phone}\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: {fileSize}\r\n\r\n");
            const string opening = "--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"slow.pdf\"\r\n\r\n%PDF-1.7\n";
            await socket.SendAsync(Encoding.ASCII.GetBytes(head + opening), stopped);
            var second = new byte[BytesPerSecond];
            using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), TimeProvider.System);
            while (await timer.WaitForNextTickAsync(stopped))
                await socket.SendAsync(second, stopped);
        }
        catch (OperationCanceledException)
        {
            return true;
        }
        catch (SocketException)
        {
            return false;
        }

        return true;
    }
}
