using CloudTab.ServiceDefaults;
using Microsoft.Extensions.Options;

namespace CloudTab.Notifier;

/// <summary>What the Notifier is made of, for a host that has the defaults, the database, the object store and the relay.</summary>
public static class NotifierModule
{
    public static void AddNotifier(this WebApplicationBuilder builder)
    {
        builder.Services.AddSettings<SocketOptions>();
        builder.Services.ConfigureHttpJsonOptions(json => json.SerializerOptions.TypeInfoResolverChain.Insert(0, JsonContext.Default));
        builder.Services.AddOptions<WebSocketOptions>().Configure<IOptions<SocketOptions>>((webSockets, sockets) => sockets.Value.Apply(webSockets));

        builder.Services.AddSingleton<Telemetry>();
        builder.Services.AddSingleton<OpenSockets>();
        builder.Services.AddSingleton<ShopDirectory>();
        builder.Services.AddSingleton<PendingLists>();
        builder.Services.AddSingleton<Commands>();
        builder.Services.AddSingleton<ShopSockets>();
        builder.Services.AddHostedService(services => services.GetRequiredService<ShopSockets>());
        builder.Services.AddSingleton<WebhookSender>();
        builder.Services.AddHostedService(services => services.GetRequiredService<WebhookSender>());
        builder.Services.AddSingleton<DatabaseListener>();
        builder.Services.AddHostedService(services => services.GetRequiredService<DatabaseListener>());
        builder.Services.AddHostedService<Presence>();
        builder.Services.AddSingleton<ConnectedSockets>();
        builder.Services.AddHostedService<RevokedKeys>();
    }

    public static void MapNotifier(this WebApplication app)
    {
        app.UseIncomingFrames();
        app.UseWebSockets();
        app.MapShopSockets();
    }
}
