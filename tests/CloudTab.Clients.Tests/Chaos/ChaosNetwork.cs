using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using CloudTab.Testing;

namespace CloudTab.Clients.Tests.Chaos;

/// <summary>
/// A bad network between customers and a relay on loopback: each connection at the pace of a phone, and to some requests, at some
/// byte, something happens. The seed decides what happens to the n-th request.
/// </summary>
internal sealed class ChaosNetwork : IAsyncDisposable
{
    /// <summary>Bytes that a connection's end takes before they are read.</summary>
    public const int UnderWay = 64 << 10;

    private readonly ConcurrentDictionary<Fault, int> _faults = new();
    private readonly IPEndPoint _relay;
    private readonly int _seed;
    private readonly LoopbackListener _listener;
    private int _requests;

    public ChaosNetwork(int relayPort, int seed)
    {
        _relay = new IPEndPoint(IPAddress.Loopback, relayPort);
        _seed = seed;
        // A mobile network has few bytes in flight: loopback would buffer megabytes before anybody reads them.
        _listener = new(PassAsync, UnderWay);
    }

    public Uri Address => new($"http://{_listener.EndPoint}");

    public Traffic Traffic { get; } = new();

    /// <summary>How often each fault happened.</summary>
    public IReadOnlyDictionary<Fault, int> Faults => _faults;

    /// <summary>The dice for what is next.</summary>
    public Random NextChance() => new(unchecked((_seed * 1_000_003) + Interlocked.Increment(ref _requests)));

    public void Count(Fault fault) => _faults.AddOrUpdate(fault, 1, (_, before) => before + 1);

    public ValueTask DisposeAsync() => _listener.DisposeAsync();

    private async Task PassAsync(Socket client, CancellationToken cancellationToken)
    {
        await using var link = new ChaosLink(this, client, _relay, cancellationToken);
        try
        {
            await link.RunAsync();
        }
        catch (Exception broken) when (broken is SocketException or IOException or ObjectDisposedException or OperationCanceledException)
        {
            // One of the ends closed the connection.
        }
    }
}
