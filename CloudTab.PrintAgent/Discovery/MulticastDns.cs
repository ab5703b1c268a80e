using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace CloudTab.PrintAgent;

/// <summary>
/// Asks the local network by multicast DNS (RFC 6762), from a port of its own, so that answers come to this program alone (section 5.1). Only
/// neighbours are listened to, and only for a while. IPv4 alone: every printer has that.
/// </summary>
internal static class MulticastDns
{
    private const int Port = 5353;
    private const int LongestMessage = 9_000; // RFC 6762, section 17
    private const int MostMessages = 200;

    private static readonly IPEndPoint Group = new(IPAddress.Parse("224.0.0.251"), Port);

    // Of a name that one host alone has.
    private static readonly TimeSpan ResolveTime = TimeSpan.FromSeconds(1);

    /// <summary>Asks on every network of this PC, and on its loopback, where printers that hang on USB are announced.</summary>
    /// <param name="heard">Told of the records of each answer; returns whether that is all that was wanted.</param>
    /// <param name="time">How long answers are waited for.</param>
    public static async Task AskAsync(
        IReadOnlyCollection<(string Name, DnsType Type)> questions, Func<IReadOnlyList<DnsRecord>, bool> heard, TimeSpan time, TimeProvider clock, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(time, clock);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        var gate = new Lock();
        await Task.WhenAll(Networks().Select(one => AskAsync(one.Address, one.Network, DnsMessage.Query(questions), records =>
        {
            lock (gate)
            {
                if (heard(records))
                    enough.Cancel();
            }
        }, enough.Token)));
        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <summary>The addresses of a host whose name ends with `.local`; none if nobody answers within a second.</summary>
    public static async Task<IPAddress[]> ResolveAsync(string host, TimeProvider clock, CancellationToken cancellationToken)
    {
        var addresses = new List<IPAddress>();
        await AskAsync([(host, DnsType.A)], records =>
        {
            addresses.AddRange(records.Where(record => record.Type == DnsType.A && IsSame(record.Name, host)).Select(record => record.Address!));
            return addresses.Count > 0;
        }, ResolveTime, clock, cancellationToken);
        return [.. addresses];
    }

    public static bool IsSame(string name, string other) => name.TrimEnd('.').Equals(other.TrimEnd('.'), StringComparison.OrdinalIgnoreCase);

    private static IEnumerable<(IPAddress Address, IPNetwork Network)> Networks() => NetworkInterface.GetAllNetworkInterfaces()
        .Where(network => network.OperationalStatus == OperationalStatus.Up || network.NetworkInterfaceType == NetworkInterfaceType.Loopback)
        .SelectMany(network => network.GetIPProperties().UnicastAddresses)
        .Where(address => address.Address.AddressFamily == AddressFamily.InterNetwork)
        .Select(address => (address.Address, new IPNetwork(address.Address, address.PrefixLength)));

    private static async Task AskAsync(IPAddress own, IPNetwork network, byte[] query, Action<IReadOnlyList<DnsRecord>> heard, CancellationToken cancellationToken)
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(own, 0));
            socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastInterface, own.GetAddressBytes());
            socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastTimeToLive, 255);
            await socket.SendToAsync(query, Group, cancellationToken);
            var buffer = new byte[LongestMessage];
            var messages = 0;
            while (messages < MostMessages)
            {
                var received = await socket.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), cancellationToken);
                if (received.RemoteEndPoint is not IPEndPoint { Port: Port } sender || !network.Contains(sender.Address))
                    continue;
                Hear(network, buffer.AsSpan(0, received.ReceivedBytes), heard);
                messages++;
            }
        }
        catch (Exception over) when (over is SocketException || over is OperationCanceledException && cancellationToken.IsCancellationRequested)
        {
            // Nothing goes out on this network, or the time is over.
        }
    }

    // A neighbour can speak for the addresses of its network only: not for those of this PC, nor for the world's.
    private static void Hear(IPNetwork network, ReadOnlySpan<byte> message, Action<IReadOnlyList<DnsRecord>> heard)
    {
        try
        {
            heard([.. DnsMessage.Read(message).Where(record => record.Type switch
            {
                DnsType.A => network.Contains(record.Address!),
                DnsType.Srv => IPAddress.IsLoopback(network.BaseAddress) || !IsSame(record.Target!, "localhost"),
                _ => true,
            })]);
        }
        catch (FormatException)
        {
            // Its sender does not speak DNS.
        }
    }
}
