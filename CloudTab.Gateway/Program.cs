using CloudTab.Gateway;
using CloudTab.Pages;
using CloudTab.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();

builder.Services.AddSettings<GatewayOptions>();
builder.Services.ConfigureHttpJsonOptions(json => json.SerializerOptions.TypeInfoResolverChain.Insert(0, JsonContext.Default));
builder.Services.AddHttpClient();
builder.Services.AddSingleton<Health>();
builder.Services.AddSingleton<Departures>();
builder.Services.AddPages();
builder.AddListener();
builder.AddRoutes();
builder.AddSampling();

var app = builder.Build();
return await app.RunOrExplainAsync(async () =>
{
    // Not before the settings are known to be right: the routes are made of them.
    app.UseListener();
    app.UseServiceDefaults();
    app.MapWhen(ServiceCard.IsAskedFor, card => card.Run(ServiceCard.WriteAsync));
    app.MapGet("/health", Health.GetAsync);
    app.MapReverseProxy(proxy =>
    {
        proxy.UseEventStreams();
        proxy.UseEarlyAnswers();
        proxy.UseFailureLog();
        proxy.UseFailover();
        proxy.UseLoadBalancing();
    });
    await app.RunAsync();
    return 0;
});
