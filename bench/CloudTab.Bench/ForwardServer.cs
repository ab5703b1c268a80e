using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Yarp.ReverseProxy.Forwarder;

namespace CloudTab.Bench;

/// <summary>
/// YARP's forwarder alone before one service, with the gateway's blocks and threads: no routes, no replicas, no health checks, no failover. A gateway in .NET can
/// hardly take less.
/// </summary>
internal static class ForwardServer
{
    /// <param name="service">Where everything is sent.</param>
    public static async Task<int> RunAsync(string service)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.UseLargeSocketBlocks();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = null);
        builder.Services.AddHttpForwarder();
        await using var app = builder.Build();
        var forwarder = app.Services.GetRequiredService<IHttpForwarder>();
        using var client = new HttpMessageInvoker(new SocketsHttpHandler
        {
            ActivityHeadersPropagator = null,
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
        });
        app.Run(async context => await forwarder.SendAsync(context, service, client));
        await app.RunAsync();
        return 0;
    }
}
