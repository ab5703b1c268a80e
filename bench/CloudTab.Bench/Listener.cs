using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace CloudTab.Bench;

/// <summary>
/// A client that connects, listens, and comes back when it is told to. It works on bare bytes: ten thousand of them share the machine with what they
/// measure.
/// </summary>
/// <param name="crowd">The others.</param>
/// <param name="address">What the limits of an address count it by.</param>
internal abstract class Listener(Crowd crowd, IPAddress address)
{
    private byte[] _buffer = new byte[2048];
    private int _length;

    protected Crowd Crowd { get; } = crowd;

    /// <summary>How long it waits before it connects again: a second or two, unless the server has told when.</summary>
    protected TimeSpan Pause { get; set; }

    /// <summary>Path and headers of its request.</summary>
    protected abstract string Head { get; }

    public async Task RunAsync(CancellationToken stopped)
    {
        try
        {
            while (true)
            {
                Pause = TimeSpan.FromSeconds(1 + Random.Shared.NextDouble());
                await ListenAsync(stopped);
                if (IsRefused)
                    return;
                await Task.Delay(Pause, TimeProvider.System, stopped);
            }
        }
        catch (OperationCanceledException) when (stopped.IsCancellationRequested)
        {
        }
    }

    /// <summary>What it sends once it is connected.</summary>
    protected abstract byte[] First { get; }

    /// <summary>Reads one message of what has come.</summary>
    /// <returns>Its bytes, 0 if it has not come whole, and what to answer.</returns>
    protected abstract (int Length, byte[]? Answer) Read(ReadOnlySpan<byte> come);

    /// <summary>Whether it must not come back.</summary>
    protected bool IsRefused { get; set; }

    private async Task ListenAsync(CancellationToken stopped)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(IPAddress.Loopback, Crowd.Server.Address.Port, stopped);
            await socket.SendAsync(Encoding.ASCII.GetBytes($"GET {Head}Host: bench\r\nX-Forwarded-For: {address}\r\n\r\n"), stopped);
            _length = 0;
            int head;
            while ((head = _buffer.AsSpan(0, _length).IndexOf("\r\n\r\n"u8)) < 0)
            {
                if (!await ReceiveAsync(socket, stopped))
                    return;
            }

            var status = Encoding.ASCII.GetString(_buffer, 0, head).Split(' ')[1];
            if (status is not ("101" or "200"))
            {
                Crowd.Closed(int.Parse(status, CultureInfo.InvariantCulture));
                return;
            }

            Drop(head + 4);
            await socket.SendAsync(First, stopped);
            do
            {
                while (Read(_buffer.AsSpan(0, _length)) is { Length: > 0 } message)
                {
                    Drop(message.Length);
                    if (message.Answer is not null)
                        await socket.SendAsync(message.Answer, stopped);
                }
            }
            while (await ReceiveAsync(socket, stopped));
        }
        catch (SocketException)
        {
            // It tries again.
        }
    }

    private async Task<bool> ReceiveAsync(Socket socket, CancellationToken stopped)
    {
        if (_length == _buffer.Length)
            Array.Resize(ref _buffer, 2 * _length);
        var count = await socket.ReceiveAsync(_buffer.AsMemory(_length), stopped);
        _length += count;
        return count > 0;
    }

    private void Drop(int bytes)
    {
        _buffer.AsSpan(bytes, _length - bytes).CopyTo(_buffer);
        _length -= bytes;
    }
}

/// <summary>A shop's PC on its socket (RFC 6455).</summary>
internal sealed class ShopListener(Crowd crowd, IPAddress address, string key) : Listener(crowd, address)
{
    private const int Text = 0x1;
    private const int CloseOpcode = 0x8;
    private const int Ping = 0x9;
    private const int Pong = 0xA;
    private const int BadKey = 4401;

    protected override string Head =>
        "/ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

    protected override byte[] First => Frame(Text, Encoding.ASCII.GetBytes($$"""{"type":"authenticate","apiKey":"{{key}}"}"""));

    protected override (int Length, byte[]? Answer) Read(ReadOnlySpan<byte> come)
    {
        if (come.Length < 2)
            return default;
        var (head, length) = come[1] switch
        {
            126 => (4, come.Length < 4 ? int.MaxValue : BinaryPrimitives.ReadUInt16BigEndian(come[2..])),
            127 => (10, come.Length < 10 ? int.MaxValue : (int)BinaryPrimitives.ReadUInt64BigEndian(come[2..])),
            var less => (2, less),
        };
        if (come.Length - head < length)
            return default;
        return (head + length, Answer(come[0] & 0xF, come.Slice(head, length)));
    }

    private byte[]? Answer(int opcode, ReadOnlySpan<byte> payload)
    {
        if (opcode == Ping)
            return Frame(Pong, payload);
        if (opcode == CloseOpcode)
        {
            var code = BinaryPrimitives.ReadUInt16BigEndian(payload);
            Crowd.Closed(code);
            IsRefused = code == BadKey;
            return Frame(CloseOpcode, payload[..2]);
        }

        if (payload.StartsWith("{\"type\":\"pending_sessions\""u8))
            Crowd.Ready();
        else if (payload.StartsWith("{\"type\":\"new_session\""u8))
            Crowd.Told();
        else if (payload.StartsWith("{\"type\":\"error\""u8))
            return Frame(CloseOpcode, []); // It cannot be authenticated now.
        else if (payload.StartsWith("{\"type\":\"going_away\""u8))
            Pause = TimeSpan.FromMilliseconds(JsonDocument.Parse(payload.ToArray()).RootElement.GetProperty("retryAfterMs").GetInt32());
        return null;
    }

    /// <summary>A short one, with a mask of zeros.</summary>
    private static byte[] Frame(int opcode, ReadOnlySpan<byte> payload) => [(byte)(0x80 | opcode), (byte)(0x80 | payload.Length), 0, 0, 0, 0, .. payload];
}

/// <summary>A customer with a stream of events (https://html.spec.whatwg.org/multipage/server-sent-events.html).</summary>
/// <param name="path">Of the session.</param>
internal sealed class CustomerListener(Crowd crowd, IPAddress address, string path) : Listener(crowd, address)
{
    private string? _lastEventId;

    protected override string Head =>
        $"{path}/events HTTP/1.1\r\nAccept: text/event-stream\r\n{(_lastEventId is null ? "" : $"Last-Event-ID: {_lastEventId}\r\n")}";

    protected override byte[] First => [];

    protected override (int Length, byte[]? Answer) Read(ReadOnlySpan<byte> come)
    {
        // Between the lines are those of the chunks, which look like none of these.
        var end = come.IndexOf("\n"u8);
        if (end < 0)
            return default;
        var line = Encoding.ASCII.GetString(come[..end]);
        if (line.StartsWith("retry: ", StringComparison.Ordinal))
        {
            Pause = TimeSpan.FromMilliseconds(int.Parse(line[7..], CultureInfo.InvariantCulture));
            Crowd.Ready();
        }
        else if (line.StartsWith("id: ", StringComparison.Ordinal))
        {
            _lastEventId = line[4..];
        }
        else if (line == "event: status")
        {
            Crowd.Told();
        }

        return (end + 1, null);
    }
}
