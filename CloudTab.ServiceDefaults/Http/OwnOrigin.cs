using Microsoft.AspNetCore.Http;

namespace CloudTab.ServiceDefaults;

/// <summary>Tells requests of our own pages from those that a browser sends for others.</summary>
public static class OwnOrigin
{
    /// <summary>
    /// Whether a page of this origin sent the request: what the browser says in Sec-Fetch-Site (https://www.w3.org/TR/fetch-metadata/), or if
    /// it is too old for that its Origin. Pages of other hosts below the same domain ("same-site") are not ours. A client that sends neither
    /// is no page.
    /// </summary>
    public static bool IsFromOwnPage(this HttpRequest request) => request.Headers["Sec-Fetch-Site"] is [{ Length: > 0 } site]
        ? site.Equals("same-origin", StringComparison.OrdinalIgnoreCase)
        : request.Headers.Origin is [{ Length: > 0 } origin] && request.IsOfOrigin(origin);

    /// <summary>
    /// Whether an origin is the one that the request was sent to. The scheme is not compared: a service does not know it if TLS ends at a
    /// proxy that TRUSTED_PROXIES does not name.
    /// </summary>
    public static bool IsOfOrigin(this HttpRequest request, string origin) =>
        Uri.TryCreate(origin, UriKind.Absolute, out var uri)
        && uri.Host.Equals(request.Host.Host, StringComparison.OrdinalIgnoreCase)
        && (request.Host.Port ?? (uri.IsDefaultPort ? uri.Port : null)) == uri.Port;
}
