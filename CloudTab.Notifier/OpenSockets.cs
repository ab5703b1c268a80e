using System.Net;
using CloudTab.ServiceDefaults;
using Microsoft.Extensions.Options;

namespace CloudTab.Notifier;

/// <summary>
/// All sockets on this replica, authenticated or not: how many each client address has, and how many bytes wait for their peers. If too
/// many wait, the socket for which the most wait is closed, not the one that the next message is for.
/// </summary>
internal sealed class OpenSockets(IOptions<SocketOptions> options, IHostEnvironment environment)
{
    private const int DefaultPerAddress = 100;

    private readonly ConnectionLimit _limit = new(
        options.Value.MaxSocketsPerAddress ?? (environment.IsDevelopment() ? int.MaxValue : DefaultPerAddress), options.Value.MaxSockets);

    private readonly HashSet<ShopSocket> _sockets = [];
    private readonly Lock _gate = new();
    private long _waiting;

    /// <summary>How many there are.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _sockets.Count;
        }
    }

    /// <summary>Lets a client open another socket.</summary>
    /// <returns>Why not, or null.</returns>
    public CloseReason? TryOpen(IPAddress address) => _limit.TryOpen(address) switch
    {
        null => null,
        ReachedLimit.PerAddress => CloseReason.TooManyOfAddress,
        _ => CloseReason.TooManyInAll,
    };

    /// <summary>A socket of this client has ended.</summary>
    public void Closed(IPAddress address) => _limit.Close(address);

    public void Add(ShopSocket socket)
    {
        lock (_gate)
            _sockets.Add(socket);
    }

    public void Remove(ShopSocket socket)
    {
        lock (_gate)
            _sockets.Remove(socket);
    }

    /// <summary>Those for which a condition holds.</summary>
    public List<ShopSocket> Where(Func<ShopSocket, bool> condition)
    {
        lock (_gate)
            return [.. _sockets.Where(condition)];
    }

    /// <summary>Fills a list with all of them.</summary>
    public void CopyTo(List<ShopSocket> list)
    {
        list.Clear();
        lock (_gate)
            list.AddRange(_sockets);
    }

    /// <summary>Counts bytes that wait for a peer.</summary>
    public void Reserve(long bytes)
    {
        if (Interlocked.Add(ref _waiting, bytes) > options.Value.SocketMemory)
            Slowest()?.Close(CloseReason.TooSlow);
    }

    /// <summary>Bytes wait no more.</summary>
    public void Settle(long bytes) => Interlocked.Add(ref _waiting, -bytes);

    private ShopSocket? Slowest()
    {
        lock (_gate)
            return _sockets.MaxBy(socket => socket.Waiting);
    }
}
