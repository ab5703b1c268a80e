using CloudTab.ServiceDefaults;
using Microsoft.Extensions.Options;

namespace CloudTab.PrintAgent;

/// <summary>The program's host: settings from the file in its folder and from the environment, and everything that prints.</summary>
internal static class AgentHost
{
    private const string FolderSetting = "CLOUDTAB_AGENT_DATA";

    /// <summary>The file with settings, a line `NAME=value` each, that <c>print-agent setup</c> writes. The environment wins.</summary>
    public static string SettingsFile => Path.Combine(Environment.GetEnvironmentVariable(FolderSetting) ?? AgentOptions.DefaultFolder, "settings");

    public static IHost Build()
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Configuration.AddInMemoryCollection(SettingsIn(SettingsFile));
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
        builder.Services.AddSingleton(services => new PrintReady(services.GetRequiredService<IOptions<AgentOptions>>().Value.Files, services.GetRequiredService<Qpdf>()));
        builder.Services.AddSingleton<Telemetry>();
        builder.Services.AddSingleton<PrintReports>();
        builder.Services.AddSingleton<FilePrinting>();
        builder.Services.AddSingleton<SessionPrinting>();
        builder.Services.AddHostedService<Agent>();
        builder.Services.AddHostedService<Presence>();
        return builder.Build();
    }

    private static IEnumerable<KeyValuePair<string, string?>> SettingsIn(string file) => File.Exists(file)
        ? File.ReadLines(file).Select(line => line.Split('=', 2)).Where(parts => parts is [not [] and not ['#', ..], _]).Select(parts => KeyValuePair.Create(parts[0].Trim(), (string?)parts[1].Trim()))
        : [];
}
