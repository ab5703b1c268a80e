using System.ComponentModel.DataAnnotations;
using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace CloudTab.ServiceDefaults;

/// <summary>
/// What the one public origin of a relay has besides the defaults, be it the gateway or the only process: it listens on PORT, answers
/// GET / for programs and GET /health, and decides which traces are recorded.
/// </summary>
public static class EntranceExtensions
{
    /// <typeparam name="THealth">Finds out how the relay is.</typeparam>
    public static void AddEntrance<THealth>(this WebApplicationBuilder builder)
        where THealth : class, IRelayHealth
    {
        builder.Services.AddSettings<EntranceOptions>();
        builder.Services.ConfigureHttpJsonOptions(json => json.SerializerOptions.TypeInfoResolverChain.Insert(0, EntranceContext.Default));
        builder.Services.AddSingleton<IRelayHealth, THealth>();
        builder.Services.AddSingleton<HealthCard>();
        builder.LimitReadAhead();
        builder.AddSampling();
    }

    /// <summary>After the defaults' middleware, and not before the settings are known to be right.</summary>
    public static void UseEntrance(this WebApplication app)
    {
        if (string.IsNullOrEmpty(app.Configuration[WebHostDefaults.ServerUrlsKey]))
            app.Urls.Add($"http://*:{app.Services.GetRequiredService<IOptions<EntranceOptions>>().Value.Port.ToString(CultureInfo.InvariantCulture)}");
        app.MapWhen(ServiceCard.IsAskedFor, card => card.Run(ServiceCard.WriteAsync));
        app.MapGet("/health", HealthCard.GetAsync).ExcludeFromDescription();
    }
}

/// <summary>Where the entrance listens.</summary>
internal sealed class EntranceOptions
{
    /// <summary>Port that it listens on where ASPNETCORE_URLS names no address (PORT, default 5000).</summary>
    [ConfigurationKeyName("PORT")]
    [Range(0, 65_535)]
    public int Port { get; set; } = 5_000;
}
