using CloudTab.Notifier;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.AddDatabase();
builder.AddObjectStore();
builder.AddRelay();
builder.AddNotifier();

var app = builder.Build();
app.UseServiceDefaults();
app.MapNotifier();
app.MapPresence();
return await app.RunOrExplainAsync();
