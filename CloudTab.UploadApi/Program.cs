using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using CloudTab.UploadApi;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.UseLargeSocketBlocks();
builder.WebHost.LimitReadAhead();

builder.AddDatabase();
builder.AddObjectStore();
builder.AddRelay();

builder.Services.AddSettings<UploadOptions>();
builder.Services.ConfigureHttpJsonOptions(json => json.SerializerOptions.TypeInfoResolverChain.Insert(0, JsonContext.Default));
builder.Services.AddRazorComponents();
builder.Services.AddSessionRateLimit();
builder.Services.AddSingleton<ByteQuota>();

builder.Services.AddSingleton<Telemetry>();
builder.Services.AddSingleton<FileTypes>();
builder.Services.AddSingleton<UploadLeases>();
builder.Services.AddHostedService(services => services.GetRequiredService<UploadLeases>());
builder.Services.AddScoped<IncomingFiles>();
builder.Services.AddScoped<Submission>();
builder.Services.AddSingleton<CustomerViews>();

var app = builder.Build();
app.UseServiceDefaults();
app.UseRateLimiter();

app.MapGroup("/api/customer").MapSessions().MapFiles();
app.MapGroup("/s/{shop}/api/customer").MapSessions().MapFiles();
app.MapPages();
app.MapAssets();

return await app.RunOrExplainAsync();
