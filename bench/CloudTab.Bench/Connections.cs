using System.Net.Sockets;
using System.Text;

namespace CloudTab.Bench;

/// <summary>
/// What Kestrel's memory pools cost with many connections at once: resident memory when all have begun an upload and fallen silent in
/// its middle, and the most while all of them send at the same time.
/// </summary>
internal static class Connections
{
    private const int Count = 2_000;
    private const int Piece = 16 << 10;

    public static async Task RunAsync()
    {
        Console.WriteLine();
        Console.WriteLine($"| {Count} connections in the middle of an upload | resident, MiB: none yet | all silent | peak while all send |");
        Console.WriteLine("| --- | ---: | ---: | ---: |");
        foreach (var pool in (string[])["default", "64k"])
        {
            await using var server = await Server.StartAsync("CloudTab.Bench", [], "/", "limit", "discard", pool);
            Usage.ForgetPeakMemory(server.Id);
            var none = Usage.PeakMemory(server.Id);
            var sockets = await Task.WhenAll(Enumerable.Range(0, Count).Select(_ => BeginAsync(server)));
            await Task.Delay(TimeSpan.FromSeconds(2), TimeProvider.System);
            Usage.ForgetPeakMemory(server.Id);
            var silent = Usage.PeakMemory(server.Id);
            for (var round = 0; round < 20; round++)
                await Task.WhenAll(sockets.Select(socket => socket.SendAsync(new byte[Piece])));
            Console.WriteLine($"| {pool} pool | {none:F0} | {silent:F0} | {Usage.PeakMemory(server.Id):F0} |");
            foreach (var socket in sockets)
                socket.Dispose();
        }
    }

    private static async Task<Socket> BeginAsync(Server server)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(server.Address.Host, server.Address.Port);
        await socket.SendAsync(Encoding.ASCII.GetBytes($"POST / HTTP/1.1\r\nHost: {server.Address.Authority}\r\nContent-Length: 1000000000\r\n\r\n"));
        await socket.SendAsync(new byte[Piece]);
        return socket;
    }
}
