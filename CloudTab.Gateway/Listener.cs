using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;

namespace CloudTab.Gateway;

/// <summary>Where the gateway listens, and what Kestrel lets through.</summary>
internal static class Listener
{
    public static void AddListener(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<KestrelServerOptions>().Configure<IOptions<GatewayOptions>>((kestrel, options) =>
        {
            // The services know how large a body may be, and tell so in their own words. Kestrel's minimum data rate stays.
            kestrel.Limits.MaxRequestBodySize = null;
            if (string.IsNullOrEmpty(builder.Configuration[WebHostDefaults.ServerUrlsKey]))
                kestrel.ListenAnyIP(options.Value.Port);
        });
    }
}
