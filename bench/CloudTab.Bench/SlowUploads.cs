using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace CloudTab.Bench;

/// <summary>500 phones with next to no connection, 1 KiB a second each, in the middle of an upload, beside two fast uploads at a time.</summary>
internal static class SlowUploads
{
    private const int Slow = 500;
    private const int BytesPerSecond = 1024;
    private const int FileSize = 40 << 20;
    private const int Times = 32;
    private const double LeastShare = 0.8;
    private const double MostMemory = 400;

    // Long enough for each of them to hold some memory before the others are measured.
    private static readonly TimeSpan Head = TimeSpan.FromSeconds(30);

    public static async Task RunAsync(Stack stack)
    {
        var file = Uploads.File(FileSize);
        var before = await SpeedAsync(stack, file);

        using var stop = new CancellationTokenSource();
        var ended = 0;
        var trickles = Enumerable.Range(0, Slow).Select(async _ =>
        {
            var whole = await TrickleAsync(stack, stop.Token);
            if (!whole)
                Interlocked.Increment(ref ended);
        }).ToArray();
        await Task.Delay(Head, TimeProvider.System);
        var beside = await SpeedAsync(stack, file);
        var memory = Usage.PeakMemory(stack.UploadApi.Id);
        var endedMeanwhile = Volatile.Read(ref ended);
        await stop.CancelAsync();
        await Task.WhenAll(trickles);

        // Alone is measured before and after, so that a machine that becomes slower or faster meanwhile does not count.
        var alone = (before + await SpeedAsync(stack, file)) / 2;
        Console.WriteLine();
        Console.WriteLine($"| 40 MiB uploads, concurrency 2, beside {Slow} of 1 KiB/s | measured | limit | ratio |");
        Console.WriteLine("| --- | ---: | ---: | ---: |");
        Console.WriteLine($"| MiB/s alone | {alone:F0} | | |");
        Console.WriteLine($"| MiB/s beside them | {beside:F0} | ≥ {alone * LeastShare:F0} | {beside / alone:F2} of alone |");
        Console.WriteLine($"| peak RSS, MiB | {memory:F0} | < {MostMemory:F0} | {memory / MostMemory:F2} |");
        Console.WriteLine($"| slow uploads that were ended | {endedMeanwhile} | | |");
    }

    private static async Task<double> SpeedAsync(Stack stack, byte[] file)
    {
        using var client = new HttpClient { BaseAddress = stack.UploadApi.Address, Timeout = TimeSpan.FromMinutes(5) };
        var measured = await Load.TimesAsync(Times, 2, () => Uploads.SendAsync(client, file, () => Uploads.NewSessionAsync(stack)));
        return (double)Times * file.Length / (1 << 20) / measured.Elapsed.TotalSeconds;
    }

    /// <summary>Sends a second's worth every second, until it is stopped or cut off.</summary>
    /// <returns>Whether the service let it go on to the end.</returns>
    private static async Task<bool> TrickleAsync(Stack stack, CancellationToken stopped)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(IPAddress.Loopback, stack.UploadApi.Address.Port, stopped);
            var path = await Uploads.NewSessionAsync(stack);
            var head = string.Create(CultureInfo.InvariantCulture,
                $"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: {FileSize}\r\n\r\n");
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
