using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Options;

namespace CloudTab.Relay;

/// <summary>
/// Posts signed messages to addresses that others have chosen. A name is resolved here and each of its addresses looked at before the
/// connection is opened to that very address, so that no name can lead into the relay's own network, neither at once nor later. No proxy is
/// used, which would resolve the name itself, no redirect followed, and no certificate fetched.
/// </summary>
public sealed class WebhookClient : IDisposable
{
    /// <summary>From the look-up of the name to the header of the answer.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(15);

    private const int MostHeaderKilobytes = 16;
    private const int MostBodyBytes = 65_536;

    private readonly SilentMeters _meters = new();
    private readonly HttpClient _http;
    private readonly WebhookOptions _options;
    private readonly TimeProvider _clock;

    public WebhookClient(IOptions<WebhookOptions> options, TimeProvider clock)
    {
        (_options, _clock) = (options.Value, clock);
        var handler = new SocketsHttpHandler
        {
            ConnectCallback = ConnectAsync,
            ConnectTimeout = Limit,
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            // An issuer that the receiver does not send would be fetched from wherever its certificate says, private networks included, while a
            // thread waits. RFC 8446, section 4.4.2: a server sends its whole chain.
            SslOptions = new() { CertificateChainPolicy = new() { DisableCertificateDownloads = true, RevocationMode = X509RevocationMode.NoCheck } },
            // The relay's traces are not its shops' programs'.
            ActivityHeadersPropagator = null,
            MeterFactory = _meters,
            // Nobody reads an answer's body; if it is short the connection can be used again.
            MaxResponseDrainSize = MostBodyBytes,
            ResponseDrainTimeout = TimeSpan.FromSeconds(1),
            MaxResponseHeadersLength = MostHeaderKilobytes,
            // A name may lead elsewhere meanwhile.
            PooledConnectionLifetime = TimeSpan.FromMinutes(2),
        };
        _http = new(handler) { Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("CloudTab", null));
    }

    /// <summary>Whether a webhook may have this address, as far as can be told without looking up its name.</summary>
    /// <returns>Why not, or null.</returns>
    public string? WhyRefused(string url)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme is not ("https" or "http") || address.UserInfo.Length + address.Fragment.Length > 0)
            return "The address is not of the form https://host/path";
        if (_options.ToPrivateAddresses)
            return null;
        if (address.Scheme != "https")
            return "The address is not https://";
        return IPAddress.TryParse(address.DnsSafeHost, out var host) && !PublicAddresses.Contain(host) ? "The address is not a public one" : null;
    }

    /// <summary>Posts a message once.</summary>
    /// <param name="id">Tells repeats of it apart from others; without dots.</param>
    /// <param name="secrets">Each of them signs.</param>
    /// <param name="body">JSON.</param>
    /// <returns>What came of it: whatever the receiver does is no exception.</returns>
    public async Task<WebhookAnswer> PostAsync(string url, string id, IEnumerable<byte[]> secrets, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        if (WhyRefused(url) is { } refusal)
            return new(WebhookOutcome.Blocked, refusal);
        var timestamp = _clock.Now().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new ReadOnlyMemoryContent(body) };
        request.Content.Headers.ContentType = new("application/json");
        request.Headers.Add("webhook-id", id);
        request.Headers.Add("webhook-timestamp", timestamp);
        request.Headers.Add("webhook-signature", string.Join(' ', secrets.Select(secret => WebhookSecret.Sign(secret, id, timestamp, body.Span))));

        using var limit = _clock.Limit(Limit, cancellationToken);
        try
        {
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            return new(OutcomeOf(response), $"HTTP {(int)response.StatusCode}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new(WebhookOutcome.Unanswered, string.Create(CultureInfo.InvariantCulture, $"no answer within {Limit.TotalSeconds} s"));
        }
        catch (HttpRequestException failure) when (failure.InnerException is AddressNotPublicException)
        {
            return new(WebhookOutcome.Blocked, "The name leads to no public address");
        }
        catch (HttpRequestException failure)
        {
            return new(WebhookOutcome.Unanswered, $"no answer: {failure.HttpRequestError}");
        }
        catch (Exception failure) when (failure is SocketException or IOException)
        {
            // HttpClient lets that of a connection pass which is reset while it is opened.
            return new(WebhookOutcome.Unanswered, $"no answer: {HttpRequestError.ConnectionError}");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _http.Dispose();
        _meters.Dispose();
    }

    private static WebhookOutcome OutcomeOf(HttpResponseMessage response) => response switch
    {
        { IsSuccessStatusCode: true } => WebhookOutcome.Accepted,
        { StatusCode: HttpStatusCode.Gone } => WebhookOutcome.Gone,
        _ => WebhookOutcome.Refused,
    };

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var addresses = await Dns.GetHostAddressesAsync(context.DnsEndPoint.Host, cancellationToken);
        if (!_options.ToPrivateAddresses)
            addresses = [.. addresses.Where(PublicAddresses.Contain)];
        if (addresses.Length == 0)
            throw new AddressNotPublicException();

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, context.DnsEndPoint.Port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private sealed class AddressNotPublicException : Exception;

    /// <summary>Measures under a name that nobody exports: a handler's own metrics have the host of each webhook.</summary>
    private sealed class SilentMeters : IMeterFactory
    {
        private readonly Meter _meter = new("Webhooks");

        public Meter Create(MeterOptions options) => _meter;

        public void Dispose() => _meter.Dispose();
    }
}

/// <summary>What came of a message that was posted.</summary>
/// <param name="Reason">In words for the operator, without what the receiver said.</param>
public sealed record WebhookAnswer(WebhookOutcome Outcome, string Reason);

public enum WebhookOutcome
{
    /// <summary>2xx.</summary>
    Accepted,

    /// <summary>410: the receiver wants no more.</summary>
    Gone,

    /// <summary>Any other answer.</summary>
    Refused,

    /// <summary>No answer, or none in time.</summary>
    Unanswered,

    /// <summary>It was not sent, because it may not be sent there.</summary>
    Blocked,
}
