using System.Net;
using System.Net.Sockets;

namespace CloudTab.Testing;

/// <summary>A free port on loopback whose connections go to one handler each. Disposing it cancels the handlers and waits for them.</summary>
public sealed class LoopbackListener : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _ending = new();
    private readonly Task _accepting;

    /// <param name="serve">Told of each connection; it throws nothing.</param>
    /// <param name="receiveBuffer">Bytes that a connection takes before they are read, or null for what the system gives.</param>
    public LoopbackListener(Func<Socket, CancellationToken, Task> serve, int? receiveBuffer = null)
    {
        if (receiveBuffer is { } size)
            _listener.Server.ReceiveBufferSize = size;
        _listener.Start();
        _accepting = AcceptAsync(serve);
    }

    public IPEndPoint EndPoint => (IPEndPoint)_listener.LocalEndpoint;

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        _listener.Stop();
        await _accepting;
        _ending.Dispose();
    }

    private async Task AcceptAsync(Func<Socket, CancellationToken, Task> serve)
    {
        var running = new List<Task>();
        try
        {
            while (!_ending.IsCancellationRequested)
                running.Add(serve(await _listener.AcceptSocketAsync(_ending.Token), _ending.Token));
        }
        catch (Exception ended) when (ended is OperationCanceledException or SocketException or InvalidOperationException)
        {
            // It was stopped before, in the middle of, or after an accept.
        }

        await Task.WhenAll(running);
    }
}
