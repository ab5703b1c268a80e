using CloudTab.Migrator;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;

var builder = Host.CreateApplicationBuilder();
builder.AddServiceDefaults();

builder.AddDatabase();
builder.AddObjectStore();
builder.AddApiKeys();
builder.Services.AddSingleton<SigningKeys>();

builder.Services.AddSettings<MigratorOptions>();
builder.Services.AddSettings<DirectOptions>();
builder.Services.AddSettings<OriginOptions>();
builder.Services.AddSingleton<Schema>();
builder.Services.AddSingleton<Bucket>();
builder.Services.AddSingleton<BucketCors>();
builder.Services.AddSingleton<BucketPrivacy>();
builder.Services.AddSingleton<FirstShop>();
builder.Services.AddSingleton<Operator>();
builder.Services.AddSingleton<ShopSettings>();
builder.Services.AddSingleton<Offers>();

using var host = builder.Build();
return await host.RunOrExplainAsync(() => Verbs.Build(host.Services).Parse(args).InvokeAsync());
