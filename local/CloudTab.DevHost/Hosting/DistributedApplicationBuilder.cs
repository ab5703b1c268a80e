using System.Reflection;
using Aspire.Hosting.ApplicationModel;
using CloudTab.DevHost;
using CloudTab.DevHost.Dashboard;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting;

/// <summary>What the app model is written with.</summary>
public interface IDistributedApplicationBuilder
{
    ConfigurationManager Configuration { get; }

    /// <summary>The folder of the AppHost's project.</summary>
    string AppHostDirectory { get; }

    IHostEnvironment Environment { get; }

    DistributedApplicationExecutionContext ExecutionContext { get; }

    IServiceCollection Services { get; }

    IResourceCollection Resources { get; }

    IResourceBuilder<T> AddResource<T>(T resource)
        where T : IResource;

    IResourceBuilder<T> CreateResourceBuilder<T>(T resource)
        where T : IResource;

    DistributedApplication Build();
}

/// <summary>What the model is made for: DevHost only ever runs it.</summary>
public class DistributedApplicationExecutionContext
{
    internal DistributedApplicationExecutionContext()
    {
    }

    public bool IsRunMode { get; } = true;

    public bool IsPublishMode { get; }
}

/// <summary>The app model on top of .NET's generic host: configuration, environment and services are the host's.</summary>
public class DistributedApplicationBuilder : IDistributedApplicationBuilder
{
    private readonly HostApplicationBuilder _host;
    private readonly AppHostEntryPoint? _entryPoint = AppHostEntryPoint.Current;

    internal DistributedApplicationBuilder(string[] args, Assembly appHost, bool isTest)
    {
        AppHostDirectory = appHost.GetCustomAttributes<AssemblyMetadataAttribute>()
            .FirstOrDefault(metadata => metadata.Key == "AppHostProjectPath")?.Value ?? AppContext.BaseDirectory;
        var configuration = new ConfigurationManager();
        configuration.AddInMemoryCollection([new("Containers", "false")]); // unless somebody asks for what DevHost then refuses
        if (isTest)
            configuration.AddInMemoryCollection(LaunchSettings.EnvironmentOf(AppHostDirectory));
        _host = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings
        {
            // A flag without a value would take the next argument for its own.
            Args = [.. args.Except([DashboardOptions.OffArgument, DashboardOptions.OnArgument], StringComparer.Ordinal)],
            Configuration = configuration,
            ApplicationName = appHost.GetName().Name,
            ContentRootPath = AppHostDirectory,
        });

        // The terminal belongs to the resources; the host itself has nothing to say there.
        _host.Logging.ClearProviders();
        _host.Services.Configure<HostOptions>(options => options.ShutdownTimeout = WaitGraph.StopLimit);

        Services.TryAddSingleton(TimeProvider.System);
        Services.AddSingleton(new DistributedApplicationModel(Resources));
        Services.AddSingleton(DataFolder.Of(this));
        Services.AddSingleton(new Terminal(isTest ? TextWriter.Null : Console.Out));
        var dashboard = new Lazy<DashboardOptions>(() => DashboardOptions.From(Configuration, args, isTest));
        Services.AddSingleton(services => new DashboardServer(services, dashboard));
        Services.AddSingleton(services => new OtlpTarget(Configuration, dashboard, services.GetRequiredService<DashboardServer>()));
        Services.AddSingleton(services => new PortAllocation(services.GetRequiredService<TimeProvider>(), randomize: isTest));
        Services.AddSingleton(services => new ResourceLoggerService(services.GetRequiredService<TimeProvider>()));
        Services.AddSingleton(services => new ResourceNotificationService(services.GetRequiredService<ResourceLoggerService>()));
        Services.AddSingleton(services => new ResourceCommandService(services.GetRequiredService<Orchestrator>()));
        Services.AddSingleton<Orchestrator>();
        Services.AddHostedService(services => services.GetRequiredService<Orchestrator>());
    }

    public ConfigurationManager Configuration => _host.Configuration;

    public string AppHostDirectory { get; }

    public IHostEnvironment Environment => _host.Environment;

    public DistributedApplicationExecutionContext ExecutionContext { get; } = new();

    public IServiceCollection Services => _host.Services;

    public IResourceCollection Resources { get; } = new ResourceCollection();

    public IResourceBuilder<T> AddResource<T>(T resource)
        where T : IResource
    {
        Resources.Add(resource);
        return CreateResourceBuilder(resource);
    }

    public IResourceBuilder<T> CreateResourceBuilder<T>(T resource)
        where T : IResource => new ResourceBuilder<T>(this, resource);

    public DistributedApplication Build()
    {
        _entryPoint?.WaitUntilTestBuilds(this);
        var application = new DistributedApplication(_host.Build());
        _entryPoint?.Built(application);
        return application;
    }
}
