using CloudTab.Notifier;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.Extensions.Options;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();

builder.AddDatabase();
builder.AddObjectStore();
builder.AddRelay();

builder.Services.AddSettings<SocketOptions>();
builder.Services.ConfigureHttpJsonOptions(json => json.SerializerOptions.TypeInfoResolverChain.Insert(0, JsonContext.Default));
builder.Services.AddOptions<WebSocketOptions>().Configure<IOptions<SocketOptions>>((webSockets, sockets) => sockets.Value.Apply(webSockets));

builder.Services.AddSingleton<Telemetry>();
builder.Services.AddSingleton<OpenSockets>();
builder.Services.AddSingleton<ShopDirectory>();
builder.Services.AddSingleton<Commands>();
builder.Services.AddSingleton<ShopSockets>();
builder.Services.AddSingleton<DatabaseListener>();
builder.Services.AddHostedService(services => services.GetRequiredService<DatabaseListener>());
builder.Services.AddHostedService<Presence>();
builder.Services.AddHostedService<RevokedKeys>();

var app = builder.Build();
app.UseServiceDefaults();
app.UseIncomingFrames();
app.UseWebSockets();

app.MapShopSockets();
app.MapPresence();

return await app.RunOrExplainAsync();
