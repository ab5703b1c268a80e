using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using CloudTab.ShopApi;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.AddDatabase();
builder.AddObjectStore();
builder.AddRelay();
builder.AddShopApi();

var app = builder.Build();
app.UseServiceDefaults();
app.MapShopApi();
return await app.RunOrExplainAsync();
