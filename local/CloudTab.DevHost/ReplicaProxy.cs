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
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                _ = RelayAsync(await listener.AcceptSocketAsync(stopping), stopping);
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // The application ends, or a client left before it was accepted.
            }
        }
    }

    private async Task RelayAsync(Socket client, CancellationToken stopping)
    {
        using (client)
        using (var replica = await ConnectAsync(stopping))
        {
            if (replica is null)
            {
                Reset(client);
                return;
            }

            // Both directions to their own end: a client that has finished sending still waits for its answer, and a replica that has
            // answered early (413, say) may still read what is under way, or the client would lose that answer to a reset.
            client.NoDelay = true;
            using var broken = CancellationTokenSource.CreateLinkedTokenSource(stopping);

            // Both streams before either copy: one that ends at once has shut down half of a socket, which then passes for unconnected.
            using var ofClient = new NetworkStream(client);
            using var ofReplica = new NetworkStream(replica);
            await Task.WhenAll(CopyAsync(ofClient, ofReplica, broken), CopyAsync(ofReplica, ofClient, broken));
        }
    }

    /// <summary>Passes on bytes as they come, then the end of them; a connection that breaks on one side is broken on the other.</summary>
    private static async Task CopyAsync(NetworkStream from, NetworkStream to, CancellationTokenSource broken)
    {
        try
        {
            await from.CopyToAsync(to, 64 * 1024, broken.Token);
            to.Socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            Reset(from.Socket);
            Reset(to.Socket);
            await broken.CancelAsync();
        }
    }

    /// <summary>Makes the socket's disposal a reset: what was cut off must not look like an orderly end.</summary>
    private static void Reset(Socket socket) => socket.LingerState = new LingerOption(enable: true, seconds: 0);

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
