using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Yarp.ReverseProxy.Forwarder;

namespace CloudTab.Gateway;

/// <summary>How the gateway connects to the services.</summary>
internal sealed class ServiceClients : ForwarderHttpClientFactory
{
    // What lies between here and a service that does not read it yet is lost with the service, and the system would take megabytes.
    private const int MostUnderWay = 256 << 10;

    protected override void ConfigureHandler(ForwarderHttpClientContext context, SocketsHttpHandler handler)
    {
        base.ConfigureHandler(context, handler);
        handler.ConnectTimeout = TimeSpan.FromSeconds(3);
        // A name may come to mean other addresses; a pooled connection would never ask again.
        handler.PooledConnectionLifetime = TimeSpan.FromMinutes(5);
        handler.ConnectCallback = ConnectAsync;
        // A download that TLS waits for would block one of the threads that wait for sockets (InlineSockets). RFC 8446, section 4.4.2: a server
        // sends its whole chain.
        handler.SslOptions.CertificateChainPolicy = new() { DisableCertificateDownloads = true, RevocationMode = X509RevocationMode.NoCheck };
        handler.RequestHeaderEncodingSelector = (_, _) => Encoding.Latin1;
        handler.ResponseHeaderEncodingSelector = (_, _) => Encoding.Latin1;
        handler.PlaintextStreamFilter = (connection, _) => ValueTask.FromResult<Stream>(new ServiceConnection(connection.PlaintextStream));
    }

    protected override HttpMessageHandler WrapHandler(ForwarderHttpClientContext context, HttpMessageHandler handler) =>
        new EarlyAnswers(base.WrapHandler(context, handler));

    private static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, SendBufferSize = MostUnderWay };
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
