using System.Net;

namespace CloudTab.ServiceDefaults;

/// <summary>Counts what is open on this replica for long, such as sockets: how much of it each client address has, and all together.</summary>
/// <param name="perAddress">Most of one address, inclusive.</param>
/// <param name="inAll">Most in all, inclusive.</param>
public sealed class ConnectionLimit(int perAddress, int inAll)
{
    private readonly Dictionary<IPAddress, int> _addresses = [];
    private readonly Lock _gate = new();
    private int _count;

    /// <summary>Lets a client open another one.</summary>
    /// <returns>Which limit forbids it, or null. Only if it is null must <see cref="Close"/> follow.</returns>
    public ReachedLimit? TryOpen(IPAddress address)
    {
        lock (_gate)
        {
            var ofAddress = _addresses.GetValueOrDefault(address);
            if (ofAddress >= perAddress)
                return ReachedLimit.PerAddress;
            if (_count >= inAll)
                return ReachedLimit.InAll;
            _addresses[address] = ofAddress + 1;
            _count++;
            return null;
        }
    }

    /// <summary>One of this client has ended.</summary>
    public void Close(IPAddress address)
    {
        lock (_gate)
        {
            _count--;
            if (--_addresses[address] == 0)
                _addresses.Remove(address);
        }
    }
}

/// <summary>Which of the two limits forbids another connection.</summary>
public enum ReachedLimit
{
    PerAddress,
    InAll,
}
