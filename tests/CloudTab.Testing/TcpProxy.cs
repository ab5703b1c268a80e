using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace CloudTab.Testing;

/// <summary>A bad network between a client and a server on loopback: passes bytes on until it is told to cut.</summary>
public sealed class TcpProxy : IAsyncDisposable
{
    private readonly ConcurrentDictionary<Socket, bool> _open = [];
    private readonly LoopbackListener _listener;
    private long _allowance = long.MaxValue;
    private long _held;
    private int _heldConnections;
    private volatile TaskCompletionSource? _hold;
    private TaskCompletionSource _holdOfSome = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TcpProxy(int targetPort)
    {
        Target = targetPort;
        _listener = new(PassAsync);
    }

    /// <summary>The server's port; another one is for connections that are opened from now on.</summary>
    public int Target { get; set; }

    public int Port => _listener.EndPoint.Port;

    /// <summary>Cuts every connection once the server has sent this many more bytes over all of them.</summary>
    public void CutAfter(long bytes) => Interlocked.Exchange(ref _allowance, bytes);

    /// <summary>Cuts what is open, and what is opened from now on at once.</summary>
    public void Cut()
    {
        CutAfter(0);
        foreach (var socket in _open.Keys)
            Reset(socket);
    }

    /// <summary>Lets everything pass again.</summary>
    public void Restore() => CutAfter(long.MaxValue);

    /// <summary>Bytes that clients have sent and that are held.</summary>
    public long Held => Interlocked.Read(ref _held);

    /// <summary>
    /// What the requests begin with that are held, each with all that its client sends over the same connection after it; null: no more
    /// connections are held.
    /// </summary>
    public string? HoldFrom { get; set; }

    /// <summary>Connections that were held for <see cref="HoldFrom"/>.</summary>
    public int HeldConnections => Volatile.Read(ref _heldConnections);

    /// <summary>Holds what clients send from now on.</summary>
    public void Hold() => _hold = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Sends what was held.</summary>
    public void Release()
    {
        var hold = _hold;
        _hold = null;
        hold?.TrySetResult();
        Interlocked.Exchange(ref _holdOfSome, new(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();
    }

    public ValueTask DisposeAsync() => _listener.DisposeAsync();

    private static void Reset(Socket socket)
    {
        try
        {
            socket.LingerState = new LingerOption(enable: true, seconds: 0);
            socket.Close();
        }
        catch (SocketException)
        {
            // It is gone already.
        }
        catch (ObjectDisposedException)
        {
            // It is gone already.
        }
    }

    private async Task PassAsync(Socket client, CancellationToken cancellationToken)
    {
        using var server = new Socket(SocketType.Stream, ProtocolType.Tcp);
        _open[client] = _open[server] = true;
        try
        {
            if (Interlocked.Read(ref _allowance) <= 0)
                return;
            await server.ConnectAsync(new IPEndPoint(IPAddress.Loopback, Target), cancellationToken);
            await Task.WhenAny(SendAsync(client, server, cancellationToken), CopyAsync(server, client, cancellationToken));
        }
        catch (Exception cut) when (cut is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // As told.
        }
        finally
        {
            Reset(client);
            Reset(server);
            _open.TryRemove(client, out _);
            _open.TryRemove(server, out _);
        }
    }

    private async Task SendAsync(Socket client, Socket server, CancellationToken cancellationToken)
    {
        var (buffer, kept) = (new byte[16 * 1024], new MemoryStream());
        TaskCompletionSource? ofThis = null;
        try
        {
            for (var receiving = ReceiveAsync(); ;)
            {
                if ((_hold ?? ofThis) is { } hold && await Task.WhenAny(receiving, hold.Task) == receiving && await receiving is > 0 and var held)
                {
                    kept.Write(buffer, 0, held);
                    Interlocked.Add(ref _held, held);
                    receiving = ReceiveAsync();
                    continue;
                }

                if (ofThis is { Task.IsCompleted: true })
                    ofThis = null;
                if (_hold is null && ofThis is null)
                {
                    await SendAllAsync(server, kept.ToArray(), cancellationToken);
                    kept.SetLength(0);
                }

                if (await receiving is not (> 0 and var count))
                    return;
                if (HoldFrom is { } text && buffer.AsSpan(0, count).StartsWith(Encoding.ASCII.GetBytes(text)))
                {
                    ofThis = Volatile.Read(ref _holdOfSome);
                    kept.Write(buffer, 0, count);
                    Interlocked.Increment(ref _heldConnections);
                }
                else
                {
                    await SendAllAsync(server, buffer.AsMemory(0, count), cancellationToken);
                }

                receiving = ReceiveAsync();
            }
        }
        catch (Exception cut) when (cut is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The other end is cut too.
        }

        Task<int> ReceiveAsync() => client.ReceiveAsync(buffer, SocketFlags.None, cancellationToken).AsTask();
    }

    private static async Task SendAllAsync(Socket to, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        for (var sent = 0; sent < bytes.Length;)
            sent += await to.SendAsync(bytes[sent..], SocketFlags.None, cancellationToken);
    }

    private async Task CopyAsync(Socket from, Socket to, CancellationToken cancellationToken)
    {
        var buffer = new byte[16 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer, SocketFlags.None, cancellationToken) is > 0 and var count)
            {
                if (Interlocked.Add(ref _allowance, -count) < 0)
                    return;
                await SendAllAsync(to, buffer.AsMemory(0, count), cancellationToken);
            }
        }
        catch (Exception cut) when (cut is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The other end is cut too.
        }
    }
}
