using System.Text.RegularExpressions;

namespace CloudTab.Deploy.Tests;

/// <summary>What is different on purpose between the model, as it runs in development, and deploy/. Everything else must be the same.</summary>
internal static partial class Differences
{
    // What the AppHost or Aspire tell a service because it runs on a developer's machine.
    private static readonly HashSet<string> OfDevelopment = new(StringComparer.OrdinalIgnoreCase)
    {
        "DOTNET_ENVIRONMENT", // absent, it is Production
        "ASPNETCORE_ENVIRONMENT",
        "ASPNETCORE_URLS", // a free port; the image has ASPNETCORE_HTTP_PORTS and PORT
        "ASPNETCORE_FORWARDEDHEADERS_ENABLED",
        "HTTP_PORTS",
        "DOTNET_LAUNCH_PROFILE",
        "DOTNET_SYSTEM_CONSOLE_ALLOW_ANSI_COLOR_REDIRECTION",
        "LOGGING__CONSOLE__FORMATTERNAME",
        "LOGGING__CONSOLE__FORMATTEROPTIONS__TIMESTAMPFORMAT",
    };

    /// <summary>What a deployment says and the model leaves at its default.</summary>
    public static readonly HashSet<string> OfDeployment = new(StringComparer.Ordinal)
    {
        "ALLOWED_ORIGINS", // in development pages and APIs are one origin
        "DIRECT_UPLOADS", // off by default
        "CLAMD_ADDRESS", // none by default
        "SCAN_REQUIRED",
        "PGSSLMODE", // where the platform's database has no certificate that can be verified
        "TRUSTED_PROXIES", // loopback is the default, and development's only proxy
        "SECRETS_PATH",
        "SHUTDOWN_TIMEOUT", // where the platform leaves less or more than the default
        "UPLOAD_MEMORY", // where the platform has less or more than the default
        "PORT", // the model gives the gateway an address
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_SERVICE_NAME",
        "OTEL_RESOURCE_ATTRIBUTES",
        "POD_NAME", // Kubernetes' own, for the one above
    };

    /// <summary>The project of the relay in one process: platforms run that, the model does not.</summary>
    public const string Standalone = "CloudTab.Standalone";

    /// <summary>No secret, and useless without the one it belongs to: kept together.</summary>
    public const string KeptWithSecrets = "AWS_ACCESS_KEY_ID";

    /// <summary>Absent where the platform's blueprint means AWS itself.</summary>
    public const string OptionalOnPlatforms = "AWS_ENDPOINT_URL_S3";

    /// <summary>
    /// The gateway is ready when it runs: were it only when the whole relay is (what the model asks), one service that is away would
    /// take every gateway out of an orchestrator's routing, and nobody could tell customers so.
    /// </summary>
    public const string ReadyPath = "/health/ready";

    public const string LivePath = "/health/live";

    public static bool IsOfDevelopment(string variable) => OfDevelopment.Contains(variable) || OfDashboard().IsMatch(variable) || OfReference().IsMatch(variable);

    /// <summary>An image of others, which the model names by tag only.</summary>
    [GeneratedRegex("^[a-z./]+:[a-z0-9.-]+@sha256:[0-9a-f]{64}$", RegexOptions.None, matchTimeoutMilliseconds: 1_000)]
    public static partial Regex TagAndDigest();

    // Where the dashboard is, and who sends. Deployments set their own.
    [GeneratedRegex("^OTEL_", RegexOptions.None, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex OfDashboard();

    // Aspire gives each address under two names; the gateway reads services__upload-api__http__0, nobody UPLOAD_API_HTTP.
    [GeneratedRegex("^[A-Z0-9_]+_HTTPS?$", RegexOptions.None, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex OfReference();
}
