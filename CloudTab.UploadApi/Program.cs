using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using CloudTab.UploadApi;

if (UploadApiModule.RunPdfProgram(args) is { } exitCode)
    return exitCode;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.AddDatabase();
builder.AddObjectStore();
builder.AddRelay();
builder.AddUploadApi();

var app = builder.Build();
app.UseServiceDefaults();
app.MapUploadApi();
return await app.RunOrExplainAsync();
