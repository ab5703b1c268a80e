using System.Net;
using System.Net.Sockets;

namespace CloudTab.DevHost;

/// <summary>
/// One address for several replicas: each connection goes to the next replica in turn, and to the one after it where that one refuses.
/// It looks at no byte, so WebSockets, uploads and half-closed connections pass as they are.
/// </summary>
internal sealed class ReplicaProxy : IDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly List<TcpListener> _listeners = [];
    private readonly IReadOnlyList<int> _targets;
    private uint _next;

    public ReplicaProxy(int port, IReadOnlyList<int> targets)
    {
        _targets = targets;
        Listen(IPAddress.Loopback, port);

        // "localhost" is both; a client that tries IPv6 first need not be refused first.
        if (Socket.OSSupportsIPv6)
            Listen(IPAddress.IPv6Loopback, port);
    }

    public void Dispose()
    {
        _stopping.Cancel();
        foreach (var listener in _listeners)
            listener.Dispose();
        _stopping.Dispose();
    }

    private void Listen(IPAddress address, int port)
    {
        var listener = new TcpListener(address, port);
        try
        {
            listener.Start();
        }
        catch (SocketException) when (address.AddressFamily == AddressFamily.InterNetworkV6)
        {
            listener.Dispose();
            return;
        }

        _listeners.Add(listener);
        _ = AcceptAsync(listener, _stopping.Token);
    }

    private async Task AcceptAsync(TcpListener listener, CancellationToken stopping)
    {
        try
        {
            while (true)
                _ = RelayAsync(await listener.AcceptSocketAsync(stopping), stopping);
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The application ends.
        }
    }

    private async Task RelayAsync(Socket client, CancellationToken stopping)
    {
        using (client)
        using (var replica = await ConnectAsync(stopping))
        {
            if (replica is null)
                return;

            client.NoDelay = true;
            var answers = CopyAsync(replica, client, stopping);
            var requests = CopyAsync(client, replica, stopping);

            // A client that has finished sending may still wait for its answer; a replica that has finished has nothing more to say.
            if (await Task.WhenAny(answers, requests) == requests && await requests)
                await answers;
        }
    }

    /// <returns>Whether the sender finished in good order, which the other side has then been told.</returns>
    private static async Task<bool> CopyAsync(Socket from, Socket to, CancellationToken stopping)
    {
        try
        {
            using var source = new NetworkStream(from);
            using var destination = new NetworkStream(to);
            await source.CopyToAsync(destination, 64 * 1024, stopping);
            to.Shutdown(SocketShutdown.Send);
            return true;
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or OperationCanceledException)
        {
            return false;
        }
    }

    private async Task<Socket?> ConnectAsync(CancellationToken stopping)
    {
        var first = Interlocked.Increment(ref _next);
        for (var i = 0u; i < _targets.Count; i++)
        {
            var target = _targets[(int)((first + i) % (uint)_targets.Count)];
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(IPAddress.Loopback, target, stopping);
                return socket;
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException)
            {
                socket.Dispose();
            }
        }

        return null;
    }
}
