using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;

namespace CloudTab.DevHost;

/// <summary>
/// Gives every endpoint its ports before anything starts, so that each resource can be told of every other, and holds them until the
/// process that is to listen there starts.
/// </summary>
internal sealed class PortAllocation(TimeProvider time, bool randomize) : IDisposable
{
    /// <summary>A predecessor that was killed a moment ago may still be letting go of its port.</summary>
    private static readonly TimeSpan TakenPortPatience = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Where free ports are looked for: below those that systems give to outgoing connections (Linux from 32768, others from 49152), any
    /// of which could take a port in the moment between its release and its process's start.
    /// </summary>
    private const int FirstFreePort = 20_000;

    private const int FirstOutgoingPort = 32_768;

    private readonly Dictionary<int, Socket> _held = [];
    private readonly List<ReplicaProxy> _proxies = [];

    /// <exception cref="DistributedApplicationException">A port that the model names is taken.</exception>
    public async Task AllocateAsync(ProjectResource resource, int replicas, CancellationToken cancellationToken)
    {
        foreach (var endpoint in resource.Annotations.OfType<EndpointAnnotation>())
        {
            var port = randomize ? null : endpoint.Port;
            if (replicas == 1 && (port is null || endpoint.TargetPort is null || port == endpoint.TargetPort))
            {
                // One process can have the port itself: no proxy, no copy of every byte.
                var direct = await HoldAsync(resource, port ?? endpoint.TargetPort, cancellationToken);
                endpoint.Allocated = new AllocatedPorts(direct, [direct]);
                continue;
            }

            var targets = new int[replicas];
            for (var i = 0; i < replicas; i++)
                targets[i] = await HoldAsync(resource, i == 0 && replicas == 1 ? endpoint.TargetPort : null, cancellationToken);
            var shared = await HoldAsync(resource, port, cancellationToken);
            Release(shared);
            _proxies.Add(new ReplicaProxy(shared, targets));
            endpoint.Allocated = new AllocatedPorts(shared, targets);
        }
    }

    /// <summary>Lets go of the port, for the process that is about to listen there.</summary>
    public void Release(int port)
    {
        lock (_held)
        {
            if (_held.Remove(port, out var socket))
                socket.Dispose();
        }
    }

    public void Dispose()
    {
        foreach (var proxy in _proxies)
            proxy.Dispose();
        _proxies.Clear();
        lock (_held)
        {
            foreach (var socket in _held.Values)
                socket.Dispose();
            _held.Clear();
        }
    }

    private async Task<int> HoldAsync(ProjectResource resource, int? port, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        while (true)
        {
            var held = port ?? RandomNumberGenerator.GetInt32(FirstFreePort, FirstOutgoingPort);
            var listener = new TcpListener(IPAddress.Loopback, held);
            try
            {
                listener.Start();
                listener.Dispose();

                // Held, but not listened on: until its process is there, a client is to be refused, not kept waiting.
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                socket.Bind(new IPEndPoint(IPAddress.Loopback, held));
                lock (_held)
                    _held.Add(held, socket);
                return held;
            }
            catch (SocketException e)
            {
                listener.Dispose();
                if (e.SocketErrorCode != SocketError.AddressAlreadyInUse)
                    throw new DistributedApplicationException($"{resource.Name} cannot listen on port {held}: {e.Message}.", e);
                if (time.GetElapsedTime(started) > TakenPortPatience)
                {
                    throw new DistributedApplicationException(
                        $"Port {held}, which {resource.Name} listens on, is taken by another program: end that, or choose another port.", e);
                }
            }

            await Task.Delay(TimeSpan.FromMilliseconds(100), time, cancellationToken);
        }
    }
}
