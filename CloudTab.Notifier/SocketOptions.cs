using System.ComponentModel.DataAnnotations;

namespace CloudTab.Notifier;

/// <summary>What a shop's sockets may do, and for how long.</summary>
public sealed class SocketOptions
{
    /// <summary>
    /// Milliseconds between the server's pings (WS_HEARTBEAT_INTERVAL, default 30,000). A peer that has missed two is dropped. Too
    /// long, and proxies in between drop idle sockets first.
    /// </summary>
    [ConfigurationKeyName("WS_HEARTBEAT_INTERVAL")]
    [Range(100, 600_000)]
    public int HeartbeatInterval { get; set; } = 30_000;

    /// <summary>Milliseconds that a socket has to authenticate in (AUTHENTICATION_TIMEOUT, default 10,000).</summary>
    [ConfigurationKeyName("AUTHENTICATION_TIMEOUT")]
    [Range(100, 600_000)]
    public int AuthenticationTimeout { get; set; } = 10_000;

    /// <summary>
    /// Authenticated sockets that a shop may have on one replica (MAX_SOCKETS_PER_SHOP, default 50). Every event of the shop goes
    /// to each of them.
    /// </summary>
    [ConfigurationKeyName("MAX_SOCKETS_PER_SHOP")]
    [Range(1, 10_000)]
    public int MaxSocketsPerShop { get; set; } = 50;

    /// <summary>
    /// Sockets that one client address may have open on one replica (MAX_SOCKETS_PER_ADDRESS, default 100, in Development no limit). Too
    /// few, and shops behind one address exclude each other.
    /// </summary>
    [ConfigurationKeyName("MAX_SOCKETS_PER_ADDRESS")]
    [Range(1, 1_000_000)]
    public int? MaxSocketsPerAddress { get; set; }

    /// <summary>
    /// Sockets that may be open on one replica (MAX_SOCKETS, default 10,000). An idle one takes 13 to 16 KiB, and up to 31 while thousands come
    /// at once: too many, and the process runs out of memory.
    /// </summary>
    [ConfigurationKeyName("MAX_SOCKETS")]
    [Range(1, 1_000_000)]
    public int MaxSockets { get; set; } = 10_000;

    /// <summary>
    /// Bytes that may wait for the peers of all sockets of one replica (SOCKET_MEMORY, default 67,108,864 = 64 MiB). If they are more, the
    /// socket for which the most wait is closed.
    /// </summary>
    [ConfigurationKeyName("SOCKET_MEMORY")]
    [Range(1_048_576, 1L << 40)]
    public long SocketMemory { get; set; } = 67_108_864;

    /// <summary>The time between two pings.</summary>
    internal TimeSpan Heartbeat => TimeSpan.FromMilliseconds(HeartbeatInterval);

    internal void Apply(WebSocketOptions webSockets)
    {
        webSockets.KeepAliveInterval = Heartbeat;
        webSockets.KeepAliveTimeout = 2 * Heartbeat;
    }
}
