using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Cors.Infrastructure;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace CloudTab.ServiceDefaults;

/// <summary>Origins whose pages may call the APIs (CORS), and proxies whose word on the client's address counts.</summary>
public sealed class OriginOptions : IValidatableObject
{
    /// <summary>
    /// Origins whose pages may call the APIs (ALLOWED_ORIGINS, comma-separated, e.g. `https://shop.example`; default none). `*`
    /// lets all in, without credentials.
    /// </summary>
    [ConfigurationKeyName("ALLOWED_ORIGINS")]
    public string AllowedOrigins { get; set; } = "";

    /// <summary>
    /// Networks whose X-Forwarded-For and X-Forwarded-Proto are believed (TRUSTED_PROXIES, comma-separated CIDR; default
    /// loopback). Too wide, and a client can choose the address that rate limits count it under.
    /// </summary>
    [ConfigurationKeyName("TRUSTED_PROXIES")]
    public string TrustedProxies { get; set; } = "127.0.0.0/8,::1/128";

    /// <summary>The origins of ALLOWED_ORIGINS.</summary>
    public IReadOnlyList<string> Origins => AllowedOrigins.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    internal string[] Proxies => TrustedProxies.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var origin in Origins)
        {
            if (origin != "*" && !(Uri.TryCreate(origin, UriKind.Absolute, out var uri) && uri.GetLeftPart(UriPartial.Authority) == origin))
                yield return new($"ALLOWED_ORIGINS: '{origin}' is not an origin such as https://shop.example");
        }

        foreach (var proxy in Proxies)
        {
            if (!System.Net.IPNetwork.TryParse(proxy, out _))
                yield return new($"TRUSTED_PROXIES: '{proxy}' is not a network such as 10.0.0.0/8");
        }
    }
}

internal static class OriginExtensions
{
    // What a page of another origin may read; from the second line on, what clients of resumable uploads look at. The gateway's list is the one that counts.
    private static readonly string[] ExposedHeaders =
    [
        "Location", "ETag", "Content-Disposition", "Retry-After",
        "Upload-Offset", "Upload-Length", "Upload-Defer-Length", "Upload-Metadata", "Upload-Expires", "Upload-Concat", "Tus-Resumable",
        "Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm", "Upload-Complete", "Upload-Limit", "Repr-Digest", "Accept-Patch",
    ];

    /// <summary>
    /// Answers pages of other origins, if they may call. The framework's middleware makes a scope of services for every request, which a socket keeps
    /// for as long as it is open; but without an Origin it has nothing to say, and of sockets neither. (Proxies offer other upgrades, such as h2c.)
    /// </summary>
    internal static void UseAllowedOrigins(this IApplicationBuilder app) =>
        app.UseWhen(context => context.Request.Headers.Origin.Count > 0 && !AsksForSocket(context.Request), pages => pages.UseCors());

    private static bool AsksForSocket(HttpRequest request) => "websocket".Equals(request.Headers.Upgrade, StringComparison.OrdinalIgnoreCase);

    internal static void AddOrigins(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSettings<OriginOptions>();
        builder.Services.AddCors();
        builder.Services.AddOptions<CorsOptions>().Configure<IOptions<OriginOptions>>((cors, origins) =>
            cors.AddDefaultPolicy(policy => policy
                .WithOrigins([.. origins.Value.Origins])
                .AllowAnyHeader()
                .AllowAnyMethod()
                .WithExposedHeaders(ExposedHeaders)));
        builder.Services.AddOptions<ForwardedHeadersOptions>().Configure<IOptions<OriginOptions>>((forwarded, origins) =>
        {
            forwarded.ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto | ForwardedHeaders.XForwardedHost;
            forwarded.ForwardLimit = null;
            forwarded.KnownIPNetworks.Clear();
            forwarded.KnownProxies.Clear();
            foreach (var proxy in origins.Value.Proxies)
                forwarded.KnownIPNetworks.Add(System.Net.IPNetwork.Parse(proxy));
        });
    }
}
