using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Npgsql;

namespace CloudTab.Relay;

public static class RelayExtensions
{
    /// <summary>Adds the session state machine on <see cref="Database"/> and <see cref="ObjectStore"/>, and the pump of its wake-ups.</summary>
    public static void AddRelay(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptionsWithValidateOnStart<LifetimeOptions>().BindConfiguration("").ValidateDataAnnotations();
        builder.Services.AddSingleton(services => ActivatorUtilities.CreateInstance<DatabaseTime>(services, (Func<NpgsqlDataSource>)services.GetRequiredService<NpgsqlDataSource>, TimeProvider.System));
        builder.Services.AddSingleton<TimeProvider>(services => services.GetRequiredService<DatabaseTime>());
        builder.Services.AddHostedService<DatabaseTimeLoop>();
        builder.Services.TryAddSingleton<RelayTelemetry>();
        builder.Services.AddSingleton<Wakeups>();
        builder.Services.AddHostedService(services => services.GetRequiredService<Wakeups>());
        builder.Services.AddSingleton<Lifetimes>();
        builder.Services.AddSingleton<StateChanges>();
        builder.Services.AddSingleton<Sessions>();
        builder.Services.AddSingleton<UploadingFiles>();
        builder.Services.AddSingleton<StoredFiles>();
        builder.Services.AddSingleton<UploadCreation>();
        builder.Services.AddSingleton<Uploads>();
        builder.Services.AddSingleton<Claims>();
        builder.Services.AddSingleton<Expiry>();
        builder.Services.AddSingleton<SigningKeys>();
        builder.Services.AddSingleton<Receipts>();
        builder.Services.AddSingleton<Removal>();
        builder.Services.AddSingleton<SessionViews>();
        builder.Services.AddSingleton<QueuePlaces>();
        builder.Services.AddSingleton<Shops>();
        builder.Services.AddSingleton<ShopSettings>();
        builder.Services.AddSingleton<DaySheets>();
        builder.Services.AddSingleton<Offers>();
        builder.Services.AddSingleton<OptionChanges>();
        builder.Services.AddSingleton<Payments>();
        builder.Services.AddSingleton<Prints>();
        builder.Services.AddSingleton<Agents>();
        builder.Services.AddSingleton<WebhookDeliveries>();
        builder.AddWebhooks();
        builder.AddApiKeys();
    }

    /// <summary>Adds <see cref="Webhooks"/>, and what posts to them.</summary>
    public static void AddWebhooks(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptionsWithValidateOnStart<WebhookOptions>().BindConfiguration("").ValidateDataAnnotations();
        builder.Services.AddSingleton<Webhooks>();
        builder.Services.AddSingleton<WebhookClient>();
    }
}
