using Microsoft.Extensions.Options;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.LoadBalancing;

namespace CloudTab.Gateway;

/// <summary>
/// Which path goes to which service. What is not listed here is not reachable from outside: the services' own health and presence are
/// for orchestrators and for this gateway.
/// </summary>
internal static class Routes
{
    public const string UploadApi = "upload-api";
    public const string ShopApi = "shop-api";
    public const string Notifier = "notifier";
    public const string Janitor = "janitor";

    /// <summary>
    /// How long nothing may move in either direction before the gateway gives a request up. Every byte starts it anew, so it limits no
    /// transfer; sockets ping every 30 s, event streams have a comment every 15 s, and a client that stalls is cut by Kestrel's minimum
    /// data rate. What may be silent for long is an upload that waits for its turn at the UploadApi's memory, and a document that waits to be
    /// looked into and is then scanned, which takes four and a half minutes at most by default: they get more than YARP's 100 s.
    /// </summary>
    internal static readonly TimeSpan LongestSilence = TimeSpan.FromMinutes(5);

    private static readonly (string Path, string Service)[] Table =
    [
        // Pages
        ("/", UploadApi),
        ("/send", UploadApi),
        ("/share", UploadApi),
        ("/manifest.webmanifest", UploadApi),
        ("/sw.js", UploadApi),
        ("/sessions/{**rest}", UploadApi),
        ("/assets/{**rest}", UploadApi),
        ("/s/{shop}", UploadApi),
        ("/s/{shop}/send", UploadApi),
        ("/s/{shop}/share", UploadApi),
        ("/s/{shop}/sessions/{**rest}", UploadApi),
        ("/receipt/{**rest}", UploadApi),
        ("/.well-known/jwks.json", UploadApi),
        ("/shop", ShopApi),
        ("/shop/{**rest}", ShopApi),

        // APIs
        ($"/api/customer{LongRequests.Events}", UploadApi),
        ("/api/customer/{**rest}", UploadApi),
        ($"/s/{{shop}}/api/customer{LongRequests.Events}", UploadApi),
        ("/s/{shop}/api/customer/{**rest}", UploadApi),
        ("/api/shopkeeper/{**rest}", ShopApi),
        (LongRequests.Sockets, Notifier),
    ];

    // Outside Development the services do not answer these.
    private static readonly (string Path, string Service)[] Documentation =
    [
        ("/docs/{**rest}", UploadApi),
        ("/openapi/customer.json", UploadApi),
        ("/openapi/shopkeeper.json", ShopApi),
    ];

    public static void AddRoutes(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<IProxyConfigProvider>(services =>
            new InMemoryConfigProvider(Proxied(builder.Environment.IsDevelopment() ? Documentation : []), Clusters(services.GetRequiredService<IOptions<GatewayOptions>>().Value)));
        builder.Services.AddSingleton<IForwarderHttpClientFactory, ServiceClients>();
        builder.Services.AddReverseProxy();
        // Failover logs what fails.
        builder.Logging.AddFilter("Yarp.ReverseProxy.Forwarder.HttpForwarder", LogLevel.None);
    }

    private static RouteConfig[] Proxied(IEnumerable<(string Path, string Service)> more) =>
        [.. Table.Concat(more).Select(route => new RouteConfig { RouteId = route.Path, ClusterId = route.Service, Match = new() { Path = route.Path } })];

    private static ClusterConfig[] Clusters(GatewayOptions options) =>
        [.. options.Services.Where(service => service.Name != Janitor).Select(service => Cluster(service.Name, service.Addresses))];

    private static ClusterConfig Cluster(string name, string[] addresses) => new()
    {
        ClusterId = name,
        Destinations = addresses.ToDictionary(address => address, address => new DestinationConfig { Address = address }, StringComparer.Ordinal),
        LoadBalancingPolicy = LoadBalancingPolicies.RoundRobin,
        HttpRequest = new ForwarderRequestConfig { ActivityTimeout = LongestSilence },
        HealthCheck = new()
        {
            // Alive, not ready: where Postgres is away no replica is ready, and their own 503 says more than the gateway's.
            Active = new() { Enabled = true, Path = "/health/live", Interval = TimeSpan.FromSeconds(2), Timeout = TimeSpan.FromSeconds(2) },
            // If all are unhealthy, all are tried: the last word is the connection's, not the check's.
            AvailableDestinationsPolicy = "HealthyOrPanic",
        },
    };
}
