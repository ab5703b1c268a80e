using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using CloudTab.UploadApi;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.WebHost.ConfigureLastBytes();

builder.AddDatabase();
builder.AddObjectStore();
builder.AddRelay();

builder.Services.AddSettings<UploadOptions>();
builder.Services.AddSettings<DirectOptions>();
builder.Services.ConfigureHttpJsonOptions(json => json.SerializerOptions.TypeInfoResolverChain.Insert(0, JsonContext.Default));
builder.Services.AddRazorComponents();
builder.Services.AddSessionRateLimit();

builder.Services.AddSingleton<Telemetry>();
builder.Services.AddSingleton<FileTypes>();
builder.Services.AddSingleton<UploadLeases>();
builder.Services.AddHostedService(services => services.GetRequiredService<UploadLeases>());
builder.Services.AddScoped<IncomingFiles>();
builder.Services.AddScoped<Submission>();
builder.Services.AddSingleton<UploadHolds>();
builder.Services.AddHostedService(services => services.GetRequiredService<UploadHolds>());
builder.Services.AddSingleton<Completion>();
builder.Services.AddSingleton<Continuation>();
builder.Services.AddSingleton<UploadStorage>();
builder.Services.AddSingleton<DirectParts>();
builder.Services.AddSingleton<DirectStorage>();
builder.Services.AddSingleton<MatcherPolicy, OfNoOtherProtocol.Policy>();
builder.Services.AddSingleton<CustomerViews>();

var app = builder.Build();
app.UseServiceDefaults();
app.UseMethodOverride();
app.UseRouting();
app.UseRateLimiter();

app.MapGroup("/api/customer").MapSessions().MapFiles().MapTus().MapDirectUploads();
app.MapGroup("/s/{shop}/api/customer").MapSessions().MapFiles().MapTus().MapDirectUploads();
app.MapPages();
app.MapAssets();

return await app.RunOrExplainAsync();
