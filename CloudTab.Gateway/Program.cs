using CloudTab.Gateway;
using CloudTab.Pages;
using CloudTab.ServiceDefaults;

InlineSockets.Enable();
var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.AddEntrance<ServicesHealth>();
builder.UseLargeSocketBlocks();
builder.KeepSocketThreadsFree();
// The services know how large a body may be, and tell so in their own words. Kestrel's minimum data rate stays.
builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = null);

builder.Services.AddSettings<GatewayOptions>();
builder.Services.AddHttpClient();
builder.Services.AddSingleton<Departures>();
builder.Services.AddPages();
builder.AddRoutes();

var app = builder.Build();
return await app.RunOrExplainAsync(async () =>
{
    // Not before the settings are known to be right: the routes are made of them.
    app.UseServiceDefaults();
    app.UseEntrance();
    app.MapReverseProxy(proxy =>
    {
        proxy.UseLongRequests();
        proxy.UseEarlyAnswers();
        proxy.UseFailover();
        proxy.UseLoadBalancing();
    });
    await app.RunAsync();
    return 0;
});
