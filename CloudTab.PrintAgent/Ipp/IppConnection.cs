using System.Net;
using System.Net.Sockets;

namespace CloudTab.PrintAgent;

/// <summary>Sends requests to one printer. Several callers may use it at once.</summary>
internal sealed class IppConnection : IDisposable
{
    // The longest answers of printers are media databases, of some 60 KB.
    private const int LongestAnswer = 1 << 20;

    // One that is switched off must not keep the jobs of others waiting.
    private static readonly TimeSpan LongestConnect = TimeSpan.FromSeconds(3);

    private readonly HttpClient _http;
    private readonly PrinterAddress _address;
    private readonly string _user;
    private readonly TimeProvider _clock;
    private int _requests;

    // Each printer is asked for its abilities first. One that refuses that because of the version hears the older one from then on.
    private short _version = IppMessage.Version20;

    /// <param name="user">The jobs' owner. On its socket CUPS checks that it is the user of this process.</param>
    /// <param name="limit">Time for the printer to answer.</param>
    /// <param name="certificates">Decides about the certificates of ipps printers.</param>
    public IppConnection(PrinterAddress address, string user, TimeSpan limit, PrinterCertificates certificates, TimeProvider clock)
    {
        (_address, _user, Limit, _clock) = (address, user, limit, clock);
        var handler = new SocketsHttpHandler
        {
            ConnectTimeout = limit < LongestConnect ? limit : LongestConnect,
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ActivityHeadersPropagator = null,
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(5), // printers close sooner than servers
        };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, errors) => certificates.Accept(address.Http, certificate, errors);
        if (address.Socket is { } path)
            handler.ConnectCallback = (_, token) => ConnectAsync(new UnixDomainSocketEndPoint(path), token);
        else if (address.Http.IdnHost.EndsWith(".local", StringComparison.OrdinalIgnoreCase))
            handler.ConnectCallback = (_, token) => ConnectLocalAsync(address.Http, token);
        _http = new(handler) { Timeout = Timeout.InfiniteTimeSpan, MaxResponseContentBufferSize = LongestAnswer };
        if (address.Socket is not null)
            _http.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", $"PeerCred {user}");
    }

    /// <summary>Time for the printer to answer a request without a document.</summary>
    public TimeSpan Limit { get; }

    /// <summary>Sends a request. One with a document has no limit: without paper a printer may stop reading for hours.</summary>
    /// <param name="jobId">The job that is the target, or null if it is the printer.</param>
    /// <param name="attributes">Of the operation, beside those that every request has.</param>
    /// <param name="job">The job's attributes.</param>
    /// <param name="document">Sent behind the message; null: none.</param>
    /// <returns>What the printer answered, whatever its status.</returns>
    /// <exception cref="PrinterOfflineException">The printer cannot be reached, or did not answer.</exception>
    /// <exception cref="IppFormatException">The answer is no IPP.</exception>
    public async Task<IppMessage> SendAsync(
        IppOperation operation, int? jobId, IEnumerable<IppAttribute> attributes, IReadOnlyList<IppAttribute>? job, Stream? document, CancellationToken cancellationToken)
    {
        IEnumerable<IppAttribute> all = [new("requesting-user-name", IppValue.Characters(IppTag.Name, _user)), .. attributes];
        if (jobId is { } id)
            all = all.Prepend(new("job-id", IppValue.Integer(id)));

        using var limit = new CancellationTokenSource(document is null ? Limit : Timeout.InfiniteTimeSpan, _clock);
        using var limitOrCancellation = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            var version = _version;
            var answer = await AskAsync(version);
            if (answer.Status != IppStatus.VersionNotSupported || document is not null || version == IppMessage.Version11)
                return answer;
            _version = IppMessage.Version11;
            return await AskAsync(IppMessage.Version11);
        }
        catch (Exception failed) when (failed is HttpRequestException or SocketException)
        {
            throw new PrinterOfflineException(failed.GetBaseException().Message, failed);
        }
        catch (OperationCanceledException late) when (!cancellationToken.IsCancellationRequested)
        {
            throw new PrinterOfflineException($"The printer did not answer within {Limit}.", late);
        }

        async Task<IppMessage> AskAsync(short version)
        {
            var message = IppMessage.Request(operation, Interlocked.Increment(ref _requests), _address.PrinterUri, all, job, version);
            var answer = await PostAsync(IppEncoder.Encode(message), document, limitOrCancellation.Token);
            return answer.RequestId == message.RequestId ? answer : throw new IppFormatException("The answer is that of another request.");
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<IppMessage> PostAsync(byte[] message, Stream? document, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, _address.Http) { Content = new IppContent(message, document) };
        using var response = await _http.SendAsync(request, cancellationToken);
        if (!response.IsSuccessStatusCode)
            throw new PrinterOfflineException($"The printer answered {(int)response.StatusCode} over HTTP.");
        return IppDecoder.Decode(await response.Content.ReadAsByteArrayAsync(cancellationToken));
    }

    // Not every system asks the network for such names.
    private async ValueTask<Stream> ConnectLocalAsync(Uri printer, CancellationToken cancellationToken)
    {
        var addresses = await MulticastDns.ResolveAsync(printer.IdnHost, _clock, cancellationToken);
        EndPoint there = addresses is [var first, ..] ? new IPEndPoint(first, printer.Port) : new DnsEndPoint(printer.IdnHost, printer.Port);
        return await ConnectAsync(there, cancellationToken);
    }

    private static async ValueTask<Stream> ConnectAsync(EndPoint address, CancellationToken cancellationToken)
    {
        var socket = address is UnixDomainSocketEndPoint
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(address, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
