using CloudTab.Migrator;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;

var builder = Host.CreateApplicationBuilder();
builder.AddServiceDefaults();
builder.AddDatabase();
builder.AddObjectStore();
builder.AddApiKeys();
builder.AddWebhooks();
builder.Services.AddSingleton<SigningKeys>();
builder.Services.AddSingleton<ShopSettings>();
builder.Services.AddSingleton<Offers>();
builder.AddMigrator();

using var host = builder.Build();
return await host.RunOrExplainAsync(() => host.RunMigratorAsync(args));
