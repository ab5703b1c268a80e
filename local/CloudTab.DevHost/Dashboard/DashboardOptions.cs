using System.Globalization;
using System.Security.Cryptography;
using Aspire.Hosting;
using Microsoft.Extensions.Configuration;

namespace CloudTab.DevHost.Dashboard;

/// <summary>Whether there is a dashboard, where it listens, and who may come in; the settings have Aspire's names.</summary>
internal sealed record DashboardOptions
{
    /// <summary>An argument of the AppHost: runs without the dashboard.</summary>
    public const string OffArgument = "--no-dashboard";

    /// <summary>An argument that a test gives to have one, on free ports.</summary>
    public const string OnArgument = "--dashboard";

    public const string DefaultGrpcUrl = "http://localhost:18889";

    private const string DefaultUrl = "http://localhost:18888";
    private const string UrlSetting = "ASPNETCORE_URLS";
    private const string GrpcUrlSetting = "ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL";

    public required bool IsEnabled { get; init; }

    /// <summary>Page, API and OTLP over HTTP: the port of the first address in <c>ASPNETCORE_URLS</c>; 0: a free one.</summary>
    public required int Port { get; init; }

    /// <summary>OTLP over gRPC: the port of <c>ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL</c>; 0: a free one.</summary>
    public required int GrpcPort { get; init; }

    /// <summary><c>AppHost:BrowserToken</c>; a new one in each run unless set.</summary>
    public required string BrowserToken { get; init; }

    /// <summary><c>AppHost:OtlpApiKey</c>; a new one in each run unless set.</summary>
    public required string OtlpApiKey { get; init; }

    public required TelemetryLimits Limits { get; init; }

    /// <exception cref="DistributedApplicationException">A setting makes no sense.</exception>
    public static DashboardOptions From(IConfiguration configuration, IReadOnlyCollection<string> arguments, bool isTest) => new()
    {
        IsEnabled = isTest ? arguments.Contains(OnArgument, StringComparer.Ordinal) : !arguments.Contains(OffArgument, StringComparer.Ordinal),
        Port = isTest ? 0 : PortOf(configuration, UrlSetting, DefaultUrl),
        GrpcPort = isTest ? 0 : PortOf(configuration, GrpcUrlSetting, DefaultGrpcUrl),
        BrowserToken = configuration["AppHost:BrowserToken"] ?? RandomNumberGenerator.GetHexString(32, lowercase: true),
        OtlpApiKey = configuration["AppHost:OtlpApiKey"] ?? RandomNumberGenerator.GetHexString(32, lowercase: true),
        Limits = TelemetryLimits.From(configuration),
    };

    /// <summary>One line that says what to do about a port that another program has.</summary>
    public string Taken(bool isGrpc) => isGrpc
        ? Text(GrpcPort, "which the dashboard takes telemetry over gRPC on", GrpcUrlSetting)
        : Text(Port, "which the dashboard listens on", UrlSetting);

    private static string Text(int port, string use, string setting) =>
        $"Port {port.ToString(CultureInfo.InvariantCulture)}, {use}, is taken by another program: end that, set {setting} to another address, or run with {OffArgument}.";

    /// <summary>The dashboard is for this machine only, so of an address just the port counts.</summary>
    private static int PortOf(IConfiguration configuration, string setting, string otherwise)
    {
        var text = configuration[setting] is { Length: > 0 } set ? set.Split(';')[0] : otherwise;
        return Uri.TryCreate(text, UriKind.Absolute, out var url) && url is { Scheme: "http", IsLoopback: true }
            ? url.Port
            : throw new DistributedApplicationException($"{setting} ({text}) must be an http address of this machine, like {otherwise}.");
    }
}
