using CloudTab.ServiceDefaults;
using Microsoft.Extensions.Options;

namespace CloudTab.PrintAgent;

/// <summary>The program's host: settings from the file in its folder and from the environment, and everything that prints.</summary>
internal static class AgentHost
{
    /// <summary>The settings that there are, right or wrong.</summary>
    /// <exception cref="InvalidOperationException">One of them cannot be read.</exception>
    public static AgentOptions ReadSettings() => new ConfigurationBuilder().AddInMemoryCollection(SettingsFile.Read()).AddEnvironmentVariables().Build().Get<AgentOptions>() ?? new();

    public static IHost Build()
    {
        // Otherwise the host reads appsettings.json of the folder that it is started in, which may be anybody's, and watches all below it: a service of systemd is started in /.
        var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.AddInMemoryCollection(SettingsFile.Read());
        builder.Configuration.AddEnvironmentVariables();
        builder.AddServiceDefaults();
        builder.Services.AddSystemd();
        builder.Services.AddWindowsService(service => service.ServiceName = "CloudTab Print Agent");

        builder.Services.AddSettings<AgentOptions>();
        builder.Services.AddCloudTabClient();
        builder.Services.AddOptions<CloudTab.Client.CloudTabClientOptions>().Configure<IOptions<AgentOptions>>((client, agent) =>
        {
            client.Address = agent.Value.Url;
            client.ApiKey = agent.Value.ApiKey;
        });

        builder.Services.AddSingleton(services => new Ledger(services.GetRequiredService<IOptions<AgentOptions>>().Value.LedgerFile));
        builder.Services.AddSingleton<ShopPrinters>();
        builder.Services.AddSingleton(services => new Qpdf(services.GetRequiredService<IOptions<AgentOptions>>().Value.Files, TimeProvider.System));
        builder.Services.AddSingleton(services => new Converter(
            Path.GetFullPath(services.GetRequiredService<IOptions<AgentOptions>>().Value.Folder), Environment.GetEnvironmentVariable("PATH"), TimeProvider.System,
            services.GetRequiredService<ILogger<Converter>>()));
        builder.Services.AddSingleton(services => new PrintReady(
            services.GetRequiredService<IOptions<AgentOptions>>().Value.Files, services.GetRequiredService<Qpdf>(), services.GetRequiredService<Converter>()));
        builder.Services.AddSingleton<Telemetry>();
        builder.Services.AddSingleton<PrintReports>();
        builder.Services.AddSingleton<FilePrinting>();
        builder.Services.AddSingleton<OtherAgents>();
        builder.Services.AddSingleton<SessionPrinting>();
        builder.Services.AddHostedService<Agent>();
        builder.Services.AddHostedService<Presence>();
        builder.Services.AddHostedService<IdleMemory>();
        return builder.Build();
    }
}
