using System.Net;
using System.Text;
using CloudTab.LocalS3;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Options;

var builder = WebApplication.CreateBuilder(args);
builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);

// The host would write a stack trace before the one line that says why the start failed.
builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None);

builder.Services.AddOptionsWithValidateOnStart<LocalS3Options>().Bind(builder.Configuration).ValidateDataAnnotations();
builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(5));
builder.Services.AddSingleton(TimeProvider.System);
builder.Services.AddSingleton<IMemoryPoolFactory<byte>, BlockPool.Factory>();
builder.Services.AddSingleton<BucketStore>();
builder.Services.AddSingleton<SignatureV4>();

builder.WebHost.ConfigureKestrel(kestrel =>
{
    // S3 takes objects of 5 GiB. Kestrel's minimum data rate stays, so a stalled client is disconnected.
    kestrel.Limits.MaxRequestBodySize = null;
    kestrel.Limits.MaxRequestLineSize = 16 * 1024;
    kestrel.RequestHeaderEncodingSelector = _ => Encoding.UTF8;
    kestrel.ResponseHeaderEncodingSelector = _ => Encoding.UTF8;
    kestrel.AddServerHeader = false;
    kestrel.ConfigureEndpointDefaults(endpoint =>
    {
        if (endpoint.IPEndPoint is { } address && !IPAddress.IsLoopback(address.Address))
            throw new OptionsValidationException("", typeof(LocalS3Options), [$"{address} can be reached from other machines; LocalS3 listens on loopback only"]);
    });
});

try
{
    var app = builder.Build();
    var store = app.Services.GetRequiredService<BucketStore>();
    var signature = app.Services.GetRequiredService<SignatureV4>();

    // No bucket has this name: a bucket's name cannot begin with an underscore.
    app.MapGet("/_health", () => TypedResults.Ok());
    app.MapFallback("{**path}", context => ErrorResponses.HandleAsync(context, request => Operations.HandleAsync(request, store, signature), app.Logger));
    await app.RunAsync();
    return 0;
}
catch (Exception exception) when (exception is OptionsValidationException or IOException or UnauthorizedAccessException)
{
    await Console.Error.WriteLineAsync($"LocalS3 cannot start: {exception.Message}");
    return 1;
}
