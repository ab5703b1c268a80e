using System.Collections.Immutable;
using System.Threading.Channels;
using Microsoft.Extensions.Options;

namespace CloudTab.Notifier;

/// <summary>The authenticated sockets on this replica, by shop: events are routed to them.</summary>
internal sealed class ShopDirectory(IOptions<SocketOptions> options, Telemetry telemetry)
{
    private readonly Dictionary<string, ImmutableArray<ShopSocket>> _shops = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();

    // Capacity one: any number of changes before somebody looks are one.
    private readonly Channel<bool> _changes = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Tells that sockets have come or gone.</summary>
    public ChannelReader<bool> Changes => _changes.Reader;

    /// <summary>Adds a socket; false if the shop has as many as it may.</summary>
    public bool TryAdd(string shop, ShopSocket socket)
    {
        lock (_gate)
        {
            var sockets = _shops.GetValueOrDefault(shop, []);
            if (sockets.Length >= options.Value.MaxSocketsPerShop)
                return false;
            _shops[shop] = sockets.Add(socket);
        }

        telemetry.SocketsChanged(1);
        _changes.Writer.TryWrite(true);
        return true;
    }

    public void Remove(string shop, ShopSocket socket)
    {
        lock (_gate)
        {
            var sockets = _shops[shop].Remove(socket);
            if (sockets.IsEmpty)
                _shops.Remove(shop);
            else
                _shops[shop] = sockets;
        }

        telemetry.SocketsChanged(-1);
        _changes.Writer.TryWrite(true);
    }

    /// <summary>The sockets of a shop as they are now.</summary>
    public ImmutableArray<ShopSocket> SocketsOf(string shop)
    {
        lock (_gate)
            return _shops.GetValueOrDefault(shop, []);
    }

    /// <summary>All authenticated sockets, by shop.</summary>
    public ImmutableArray<KeyValuePair<string, ImmutableArray<ShopSocket>>> Snapshot()
    {
        lock (_gate)
            return [.. _shops];
    }
}
