using CloudTab.Janitor;
using CloudTab.Migrator;
using CloudTab.Notifier;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using CloudTab.ShopApi;
using CloudTab.Standalone;
using CloudTab.UploadApi;

if (UploadApiModule.RunPdfProgram(args) is { } exitCode)
    return exitCode;

// With a verb it is the operator's tool, as the Migrator is. Settings on the command line begin with a hyphen.
var hasVerb = args is [not ['-', ..], ..];
var builder = WebApplication.CreateBuilder(hasVerb ? [] : args);
builder.AddServiceDefaults();
builder.AddEntrance<OwnHealth>();
builder.AddDatabase();
builder.AddObjectStore();
builder.AddRelay();
builder.AddMigrator();
builder.AddUploadApi();
builder.AddShopApi();
builder.AddNotifier();
builder.AddJanitor();

await using var app = builder.Build();
return await app.RunOrExplainAsync(async () =>
{
    if (hasVerb)
        return await app.RunMigratorAsync(args);
    if (await app.RunMigratorAsync() is not 0 and var failed)
        return failed;

    app.UseServiceDefaults();
    app.UseEntrance();
    app.MapUploadApi();
    app.MapShopApi();
    app.MapNotifier();
    await app.RunAsync();
    return 0;
});
