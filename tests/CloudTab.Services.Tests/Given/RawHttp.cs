using System.Net;
using System.Net.Sockets;
using System.Text;

namespace CloudTab.Services.Tests;

/// <summary>HTTP/1.1 byte by byte: for requests that are not sent completely, and answers that HttpClient does not expose.</summary>
internal static class RawHttp
{
    /// <summary>Connects, and sends a request's first line and headers, and these bytes of its body.</summary>
    /// <param name="head">First line and headers without Host, each ended by CR LF.</param>
    public static async Task<Socket> SendAsync(Uri address, string head, ReadOnlyMemory<byte> bytes = default)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, address.Port, Token);
        await socket.SendAsync(Encoding.ASCII.GetBytes($"{head}Host: localhost\r\n\r\n"), Token);
        for (var rest = bytes; !rest.IsEmpty;)
            rest = rest[await socket.SendAsync(rest, Token)..];
        return socket;
    }

    /// <summary>Reads until the server closes, or enough has come: without a condition, the headers of one answer.</summary>
    public static async Task<string> ReadAsync(Socket socket, Func<string, bool>? isEnough = null)
    {
        isEnough ??= text => text.Contains("\r\n\r\n", StringComparison.Ordinal);
        var received = new StringBuilder();
        var buffer = new byte[4096];
        try
        {
            while (!isEnough(received.ToString()) && await socket.ReceiveAsync(buffer, Token) is > 0 and var count)
                received.Append(Encoding.UTF8.GetString(buffer, 0, count));
        }
        catch (SocketException)
        {
            // A reset ends the answer too.
        }

        return received.ToString();
    }
}
