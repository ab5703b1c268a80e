using System.Net;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using CloudTab.DevHost.Dashboard.Logs;
using CloudTab.DevHost.Dashboard.Metrics;
using CloudTab.DevHost.Dashboard.Otlp;
using CloudTab.DevHost.Dashboard.Resources;
using CloudTab.DevHost.Dashboard.Traces;
using Grpc.AspNetCore.Server.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace CloudTab.DevHost.Dashboard;

/// <summary>The dashboard's web server, inside the AppHost and on loopback only: page, API, streams, and OTLP in.</summary>
public sealed class DashboardServer : IAsyncDisposable
{
    private readonly IServiceProvider _application;
    private readonly Lazy<DashboardOptions> _options;
    private WebApplication? _server;

    internal DashboardServer(IServiceProvider application, Lazy<DashboardOptions> options)
    {
        _application = application;
        _options = options;
    }

    /// <summary>Read at the start and no sooner: a mistake in the settings is to be one line, as everything else that the start finds.</summary>
    private DashboardOptions Options => _options.Value;

    /// <summary>Null where there is no dashboard, or before the application has started.</summary>
    public Uri? Address { get; private set; }

    /// <summary>Where OTLP over gRPC is taken.</summary>
    public Uri? GrpcAddress { get; private set; }

    /// <summary>The address with the token that lets a browser in.</summary>
    public Uri? Link => Address is null ? null : new Uri(Address, $"/login?t={Options.BrowserToken}");

    /// <exception cref="DistributedApplicationException">A port is taken.</exception>
    internal async Task StartAsync(CancellationToken cancellationToken)
    {
        if (!Options.IsEnabled)
            return;

        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(Listen);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(1));
        await AddServicesAsync(builder.Services, cancellationToken);
        _server = builder.Build();
        Map(_server);
        try
        {
            await _server.StartAsync(cancellationToken);
        }
        catch (IOException e) when (e.InnerException is AddressInUseException)
        {
            var isGrpc = e.Message.Contains($":{Options.GrpcPort}:", StringComparison.Ordinal);
            throw new DistributedApplicationException(Options.Taken(isGrpc), e);
        }

        var ports = _server.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>()
            .Addresses.Select(address => new Uri(address).Port).Distinct().ToList();
        Address = new Uri($"http://localhost:{ports[0]}");
        GrpcAddress = new Uri($"http://localhost:{ports[1]}");
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is null)
            return;
        await _server.StopAsync();
        await _server.DisposeAsync();
        _server = null;
    }

    private void Listen(KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;
        Listen(Options.Port, HttpProtocols.Http1);

        // Without TLS nothing can be negotiated: gRPC, which is HTTP/2, needs a port of its own.
        Listen(Options.GrpcPort, HttpProtocols.Http2);

        void Listen(int port, HttpProtocols protocols)
        {
            if (port == 0)
                kestrel.Listen(IPAddress.Loopback, port, listen => listen.Protocols = protocols);
            else
                kestrel.ListenLocalhost(port, listen => listen.Protocols = protocols);
        }
    }

    private async Task AddServicesAsync(IServiceCollection services, CancellationToken cancellationToken)
    {
        var model = Of<DistributedApplicationModel>();
        services.AddSingleton(Of<TimeProvider>()).AddSingleton(model).AddSingleton(Of<Orchestrator>()).AddSingleton(Of<ResourceNotificationService>())
            .AddSingleton(Of<ResourceLoggerService>()).AddSingleton(Of<ResourceCommandService>());
        services.AddSingleton(Options.Limits).AddSingleton(new OtlpKey(Options.OtlpApiKey)).AddSingleton(new BrowserToken(Options.BrowserToken));
        services.AddSingleton<SpanStore>().AddSingleton<LogStore>().AddSingleton<MetricStore>();
        services.AddSingleton<TagReader>().AddSingleton<SpanReader>().AddSingleton<LogReader>().AddSingleton<MetricReader>().AddSingleton<OtlpReceiver>();
        var references = await References.OfAsync(model, cancellationToken);
        services.AddSingleton<ProcessUsage>().AddSingleton<Variables>().AddSingleton<LiveUpdates>().AddSingleton<Access>()
            .AddSingleton(provider => ActivatorUtilities.CreateInstance<ResourceViews>(provider, references, Of<IHostEnvironment>().ApplicationName));

        services.AddRoutingCore();
        services.AddHostFiltering(filter => filter.AllowedHosts = ["localhost", "127.0.0.1", "[::1]"]);
        services.ConfigureHttpJsonOptions(json => DashboardJson.Configure(json.SerializerOptions));
        services.AddGrpc(grpc => grpc.MaxReceiveMessageSize = Options.Limits.MaxRequestSize);
        services.AddSingleton<IServiceMethodProvider<OtlpGrpc>, OtlpGrpc.Methods>();

        T Of<T>()
            where T : notnull => _application.GetRequiredService<T>();
    }

    private static void Map(WebApplication server)
    {
        server.UseHostFiltering();
        server.Services.GetRequiredService<Access>().Use(server);
        var api = server.MapGroup("/api");
        api.MapResources();
        api.MapConsole();
        api.MapLogs();
        api.MapTraces();
        api.MapMetrics();
        server.MapOtlp();
        server.MapGrpcService<OtlpGrpc>();
        server.MapPage();
    }
}
