using CloudTab.Janitor;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.AddDatabase();
builder.AddObjectStore();
builder.AddRelay();
builder.AddJanitor();

var app = builder.Build();
app.UseServiceDefaults();
return await app.RunOrExplainAsync();
