using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;

namespace CloudTab.ServiceDefaults;

/// <summary>What limits per client address count by.</summary>
public static class ClientNetwork
{
    private const int NetworkBytesOfIpv6 = 8;

    /// <summary>What a request's client counts as.</summary>
    public static IPAddress Of(HttpContext context) => Of(context.Connection.RemoteIpAddress);

    /// <summary>
    /// The address; of IPv6 the network, since a single connection has a whole /64 and may take a new address for every request.
    /// </summary>
    public static IPAddress Of(IPAddress? address)
    {
        if (address is null)
            return IPAddress.None;
        if (address.IsIPv4MappedToIPv6)
            return address.MapToIPv4();
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
            return address;
        var network = address.GetAddressBytes();
        network.AsSpan(NetworkBytesOfIpv6).Clear();
        return new IPAddress(network);
    }
}
