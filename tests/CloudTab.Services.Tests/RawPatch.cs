using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace CloudTab.Services.Tests;

/// <summary>A PATCH of tus that is not sent to its end: what no well-behaved client does, and every bad network.</summary>
internal static class RawPatch
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Begins a request that announces so many bytes, and sends these of them.</summary>
    public static async Task<Socket> SendAsync(Uri address, string upload, long offset, long length, ReadOnlyMemory<byte> bytes, string headers = "")
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, address.Port, Token);
        var head = string.Create(
            CultureInfo.InvariantCulture,
            $"PATCH {upload} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: {offset}\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: {length}\r\n{headers}\r\n");
        await socket.SendAsync(Encoding.ASCII.GetBytes(head), Token);
        for (var rest = bytes; !rest.IsEmpty;)
            rest = rest[await socket.SendAsync(rest, Token)..];
        return socket;
    }

    /// <summary>Reads until the server closes, or its answer has come.</summary>
    public static async Task<string> ReadAnswerAsync(Socket socket)
    {
        var received = new StringBuilder();
        var buffer = new byte[4096];
        try
        {
            while (!received.ToString().Contains("\r\n\r\n", StringComparison.Ordinal) && await socket.ReceiveAsync(buffer, Token) is > 0 and var count)
                received.Append(Encoding.UTF8.GetString(buffer, 0, count));
        }
        catch (SocketException)
        {
            // The end, in another form.
        }

        return received.ToString();
    }
}
