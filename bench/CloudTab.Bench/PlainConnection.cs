using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace CloudTab.Bench;

/// <summary>
/// A connection of HTTP/1.1 that sends the same request again and again and looks in the answers for no more than their status and their end. It
/// blocks its thread. So it takes a fraction of what HttpClient takes of the cores that it shares with what is measured.
/// </summary>
internal sealed class PlainConnection : IDisposable
{
    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = 30_000 };
    private readonly byte[] _request;
    private readonly byte[] _answer = new byte[64 << 10];

    /// <param name="server">Where it connects to.</param>
    /// <param name="start">Method and path.</param>
    /// <param name="header">A header field besides, with the end of its line.</param>
    public PlainConnection(Uri server, string start, string header = "")
    {
        _socket.Connect(server.Host, server.Port);
        _request = Encoding.ASCII.GetBytes($"{start} HTTP/1.1\r\nHost: {server.Authority}\r\n{(start.StartsWith("POST", StringComparison.Ordinal) ? "Content-Length: 0\r\n" : "")}{header}\r\n");
    }

    /// <summary>Sends the request and takes the whole answer, which has to be 200, or 304 without a body.</summary>
    public void Exchange()
    {
        _socket.Send(_request);
        for (var length = 0; ;)
        {
            length += _socket.Receive(_answer.AsSpan(length)) is > 0 and var read ? read : throw new IOException("The server has closed the connection.");
            if (IsWhole(_answer.AsSpan(0, length)))
                return;
        }
    }

    private static ReadOnlySpan<byte> EndOfHead => "\r\n\r\n"u8;

    private static ReadOnlySpan<byte> EndOfChunks => "\r\n0\r\n\r\n"u8;

    public void Dispose() => _socket.Dispose();

    private static bool IsWhole(ReadOnlySpan<byte> answer)
    {
        var head = answer.IndexOf(EndOfHead);
        if (head < 0)
            return false;
        if (answer.StartsWith("HTTP/1.1 304"u8))
            return true;
        if (!answer.StartsWith("HTTP/1.1 200"u8))
            throw new HttpRequestException(Encoding.ASCII.GetString(answer));
        const string name = "\r\nContent-Length: ";
        var text = Encoding.ASCII.GetString(answer[..(head + 2)]);
        return text.IndexOf(name, StringComparison.OrdinalIgnoreCase) is >= 0 and var at
            ? answer.Length == head + EndOfHead.Length + int.Parse(text.AsSpan((at + name.Length)..text.IndexOf('\r', at + 2)), CultureInfo.InvariantCulture)
            : answer.EndsWith(EndOfChunks);
    }
}
