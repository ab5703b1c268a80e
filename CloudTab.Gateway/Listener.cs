using System.Globalization;
using CloudTab.ServiceDefaults;
using Microsoft.Extensions.Options;

namespace CloudTab.Gateway;

/// <summary>Where the gateway listens, and what Kestrel lets through.</summary>
internal static class Listener
{
    /// <summary>The services know how large a body may be, and tell so in their own words. Kestrel's minimum data rate stays.</summary>
    public static void AddListener(this WebApplicationBuilder builder)
    {
        builder.LimitReadAhead();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = null);
    }

    /// <summary>Listens on PORT where ASPNETCORE_URLS names no address.</summary>
    public static void UseListener(this WebApplication app)
    {
        if (string.IsNullOrEmpty(app.Configuration[WebHostDefaults.ServerUrlsKey]))
            app.Urls.Add($"http://*:{app.Services.GetRequiredService<IOptions<GatewayOptions>>().Value.Port.ToString(CultureInfo.InvariantCulture)}");
    }
}
