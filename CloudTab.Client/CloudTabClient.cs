using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace CloudTab.Client;

/// <summary>
/// A client of a CloudTab relay. One instance serves a whole application, and all threads at once. Refusals are
/// <see cref="CloudTabException"/>.
/// </summary>
public sealed class CloudTabClient : IDisposable
{
    private readonly HttpClient? _own;

    /// <summary>A client without dependency injection; dispose it when the application ends.</summary>
    /// <param name="options">Where the relay is, and for whom the client speaks.</param>
    /// <param name="handler">What sends the requests, with a proxy or certificates, say; the client disposes it. Null: a usual one.</param>
    /// <param name="logger">Gets retries and what becomes of the socket.</param>
    /// <param name="clock">The time of pauses and limits; null: the system's.</param>
    /// <exception cref="OptionsValidationException">The options cannot work.</exception>
    public CloudTabClient(CloudTabClientOptions options, HttpMessageHandler? handler = null, ILogger<CloudTabClient>? logger = null, TimeProvider? clock = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Fault() is { } fault)
            throw new OptionsValidationException(Options.DefaultName, typeof(CloudTabClientOptions), [fault]);
        var own = _own = new HttpClient(handler ?? Connections()) { Timeout = Timeout.InfiniteTimeSpan };
        (Customer, Shop) = ClientsOf(() => own, options, logger ?? NullLogger<CloudTabClient>.Instance, clock ?? TimeProvider.System);
    }

    // A client of the factory for each request: an application's whole life is too long for the connections of one.
    internal CloudTabClient(IHttpClientFactory http, CloudTabClientOptions options, ILogger<CloudTabClient> logger, TimeProvider clock) =>
        (Customer, Shop) = ClientsOf(() => http.CreateClient(nameof(CloudTabClient)), options, logger, clock);

    /// <summary>What a customer does: open a session, send files, watch them. Needs no key.</summary>
    public CustomerClient Customer { get; }

    /// <summary>What a shop does: its queue and its events, downloads, settings. Needs <see cref="CloudTabClientOptions.ApiKey"/>.</summary>
    public ShopClient Shop { get; }

    /// <inheritdoc/>
    public void Dispose() => _own?.Dispose();

    /// <summary>
    /// Connections that follow no redirect: with the request its key would go wherever an answer says. They end after two minutes, so that
    /// a relay that moves to another address is found there.
    /// </summary>
    internal static SocketsHttpHandler Connections() => new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        PooledConnectionLifetime = TimeSpan.FromMinutes(2),
        ConnectTimeout = TimeSpan.FromSeconds(15),
    };

    private static (CustomerClient, ShopClient) ClientsOf(Func<HttpClient> http, CloudTabClientOptions options, ILogger logger, TimeProvider clock)
    {
        var calls = new Calls(http, options, logger, clock);
        return (new CustomerClient(calls, options.Shop), new ShopClient(calls));
    }
}
