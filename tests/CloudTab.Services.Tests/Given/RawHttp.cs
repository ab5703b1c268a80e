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
        await socket.SendAsync(Encoding.Latin1.GetBytes($"{head}Host: localhost\r\n\r\n"), Token);
        for (var rest = bytes; !rest.IsEmpty;)
            rest = rest[await socket.SendAsync(rest, Token)..];
        return socket;
    }

    /// <summary>Reads an answer up to a text, by default the end of its headers, or to the end.</summary>
    public static async Task<string> ReadAsync(Socket socket, string? until = "\r\n\r\n")
    {
        using var bounded = Bounded();
        var received = new StringBuilder();
        var buffer = new byte[4096];
        try
        {
            while ((until is null || !received.ToString().Contains(until, StringComparison.Ordinal)) && await socket.ReceiveAsync(buffer, bounded.Token) is > 0 and var count)
                received.Append(Encoding.UTF8.GetString(buffer, 0, count));
        }
        catch (SocketException)
        {
            // A reset ends the answer too.
        }

        return received.ToString();
    }
}
