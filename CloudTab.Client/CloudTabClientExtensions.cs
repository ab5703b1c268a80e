using CloudTab.Client;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers the client.</summary>
public static class CloudTabClientExtensions
{
    /// <summary>Adds <see cref="CloudTabClient"/> as a singleton, whose <see cref="CloudTabClientOptions"/> are configured elsewhere.</summary>
    /// <returns>The builder of its HTTP client, for proxies, certificates or handlers of your own.</returns>
    public static IHttpClientBuilder AddCloudTabClient(this IServiceCollection services) => services.AddCloudTabClient(_ => { });

    /// <summary>
    /// Adds <see cref="CloudTabClient"/> as a singleton. Options that cannot work stop the application when it starts.
    /// </summary>
    /// <returns>The builder of its HTTP client, for proxies, certificates or handlers of your own.</returns>
    public static IHttpClientBuilder AddCloudTabClient(this IServiceCollection services, Action<CloudTabClientOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        services.AddOptions<CloudTabClientOptions>().Configure(configure).ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<CloudTabClientOptions>, CloudTabClientOptions.Validator>());
        services.TryAddSingleton(provider => new CloudTabClient(
            provider.GetRequiredService<IHttpClientFactory>(),
            provider.GetRequiredService<IOptions<CloudTabClientOptions>>().Value,
            provider.GetRequiredService<ILogger<CloudTabClient>>(),
            provider.GetService<TimeProvider>() ?? TimeProvider.System));
        // The client has limits of its own, which leave long transfers their time.
        return services.AddHttpClient(nameof(CloudTabClient), http => http.Timeout = Timeout.InfiniteTimeSpan)
            .ConfigurePrimaryHttpMessageHandler(CloudTabClient.Connections)
            // They write every address, and session ids with it.
            .RemoveAllLoggers();
    }
}
