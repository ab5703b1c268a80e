using System.Net;
using System.Net.Sockets;

namespace CloudTab.Clients.Tests.Chaos;

/// <summary>The relay's end of a connection: what it answers goes to the client, until it is forgotten.</summary>
internal sealed class Upstream : IAsyncDisposable
{
    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, SendBufferSize = ChaosNetwork.UnderWay / 4 };
    private readonly ChaosNetwork _network;
    private readonly Socket _client;
    private readonly MemoryStream _head = new();
    private MessageHead? _request;
    private Task _answering = Task.CompletedTask;
    private volatile bool _losesAnswer;
    private volatile bool _isForgotten;

    private Upstream(ChaosNetwork network, Socket client) => (_network, _client) = (network, client);

    public static async Task<Upstream> ConnectAsync(ChaosNetwork network, Socket client, IPEndPoint relay, CancellationToken ending)
    {
        var upstream = new Upstream(network, client);
        await upstream._socket.ConnectAsync(relay, ending);
        upstream._answering = upstream.PassAnswersAsync(ending);
        return upstream;
    }

    /// <summary>The next answer is this request's.</summary>
    public void Expect(MessageHead request, bool losesAnswer)
    {
        lock (_head)
        {
            _head.SetLength(0);
            _request = request;
            _losesAnswer = losesAnswer;
        }
    }

    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0)
            bytes = bytes[await _socket.SendAsync(bytes, SocketFlags.None)..];
    }

    /// <summary>FIN: all that was sent arrives.</summary>
    public void Close() => _socket.Shutdown(SocketShutdown.Send);

    /// <summary>RST.</summary>
    public void Reset() => _socket.Close(0);

    /// <summary>Answers are discarded from now on.</summary>
    public void Forget() => _isForgotten = true;

    public async ValueTask DisposeAsync()
    {
        _socket.Dispose();
        await _answering;
        await _head.DisposeAsync();
    }

    private async Task PassAnswersAsync(CancellationToken ending)
    {
        var buffer = new byte[16 << 10];
        try
        {
            while (await _socket.ReceiveAsync(buffer, SocketFlags.None, ending) is > 0 and var count)
            {
                if (_isForgotten)
                    continue;
                if (_losesAnswer)
                    break;
                Note(buffer.AsSpan(0, count));
                for (var sent = 0; sent < count;)
                    sent += await _client.SendAsync(buffer.AsMemory(sent, count - sent), SocketFlags.None, ending);
            }

            if (!_isForgotten)
                _client.Close(_losesAnswer ? 0 : -1);
        }
        catch (Exception broken) when (broken is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            if (!_isForgotten)
                _client.Close(0);
        }
    }

    // The offset that an answer reports to the client.
    private void Note(ReadOnlySpan<byte> received)
    {
        lock (_head)
        {
            if (_request is null)
                return;
            _head.Write(received);
            if (MessageHead.Read(_head.GetBuffer().AsSpan(0, (int)_head.Length)) is not { } answer)
                return;
            if (answer.Status is "200" or "204" && answer.UploadOffset is { } offset)
                _network.Traffic.HaveAcknowledged(_request.Path, offset);
            if (_request.Method == "HEAD" && answer.Status is not ("200" or "423"))
                _network.Traffic.HaveRefused(_request.Path, answer.Status);
            _request = null;
        }
    }
}
