using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace CloudTab.ServiceDefaults;

/// <summary>What every service has in common: secrets from files, one clock, telemetry, health, problem details, a bounded shutdown.</summary>
public static class Extensions
{
    /// <summary>Adds the defaults to a service that answers HTTP.</summary>
    public static WebApplicationBuilder AddServiceDefaults(this WebApplicationBuilder builder)
    {
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);
        builder.TakeHeadersAsBytes();
        AddServiceDefaults<WebApplicationBuilder>(builder);
        builder.AddHealth();
        builder.AddFailures();
        builder.AddOrigins();
        builder.Services.AddHostedService<IdleMemory>();
        return builder;
    }

    /// <summary>Adds the defaults to a program without HTTP.</summary>
    public static TBuilder AddServiceDefaults<TBuilder>(this TBuilder builder)
        where TBuilder : IHostApplicationBuilder
    {
        // First: whatever follows may read settings.
        builder.AddSecrets();
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.AddTelemetry();
        builder.Services.AddSettings<ShutdownOptions>();
        builder.Services.AddOptions<HostOptions>().Configure<IOptions<ShutdownOptions>>(
            (host, shutdown) => host.ShutdownTimeout = TimeSpan.FromMilliseconds(shutdown.Value.ShutdownTimeout));
        return builder;
    }

    /// <summary>
    /// The middleware of every service, outermost first: what comes of a body after the answer is read, failures become problem details,
    /// answers carry the security headers, the origins that ALLOWED_ORIGINS names may call.
    /// </summary>
    public static WebApplication UseServiceDefaults(this WebApplication app)
    {
        app.UseRestOfBody();
        app.UseForwardedHeaders();
        app.UseRetryAfter();
        app.UseExceptionHandler();
        app.UseStatusCodePages();
        app.UseSecurityHeaders();
        app.UseAllowedOrigins();
        app.MapHealth();
        return app;
    }

    /// <summary>Binds an options class to the settings in the environment that its properties name, checked before the start.</summary>
    public static IServiceCollection AddSettings<TOptions>(this IServiceCollection services)
        where TOptions : class
    {
        services.AddOptionsWithValidateOnStart<TOptions>().BindConfiguration("").ValidateDataAnnotations();
        return services;
    }

    /// <summary>The version that the entry assembly was built as.</summary>
    internal static string Version { get; } =
        Assembly.GetEntryAssembly()?.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0.0.0";
}
