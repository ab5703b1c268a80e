using System.Net;

namespace CloudTab.ShopApi;

/// <summary>
/// The cookie that holds a sign-in's secret. Only our own pages' requests carry it (SameSite=Strict), no script reads it, and with the prefix
/// `__Host-` no other host below the same domain can set it (RFC 6265bis, section 4.1.3). On a development machine there is no TLS, and not
/// every browser takes such a cookie from there.
/// </summary>
internal static class SignInCookie
{
    public const string Name = "__Host-shop";
    private const string LoopbackName = "shop";

    // As long as a browser keeps one. When a sign-in ends is for SignIns to say.
    private static readonly TimeSpan Longest = TimeSpan.FromDays(400);

    /// <summary>The secret, or null if the request has none.</summary>
    public static string? Read(HttpRequest request) =>
        request.Cookies[NameFor(request)] is { Length: > 0 } secret ? secret : null;

    public static void Write(HttpContext context, string secret) =>
        context.Response.Cookies.Append(NameFor(context.Request), secret, Options(context.Request, Longest));

    public static void Delete(HttpContext context) =>
        context.Response.Cookies.Append(NameFor(context.Request), "", Options(context.Request, TimeSpan.Zero));

    /// <summary>
    /// Whether the browser would discard the cookie without a word: its page came over plain HTTP, and not from its own machine. The page's own
    /// Origin tells, since TLS may end at a proxy that TRUSTED_PROXIES does not name.
    /// </summary>
    public static bool IsDiscarded(HttpRequest request) =>
        !request.IsHttps && !IsPlainLoopback(request) && request.Headers.Origin is [{ } origin] && origin.StartsWith("http:", StringComparison.OrdinalIgnoreCase);

    private static string NameFor(HttpRequest request) => IsPlainLoopback(request) ? LoopbackName : Name;

    private static CookieOptions Options(HttpRequest request, TimeSpan lifetime) => new()
    {
        HttpOnly = true,
        IsEssential = true,
        MaxAge = lifetime,
        Path = "/",
        SameSite = SameSiteMode.Strict,
        Secure = !IsPlainLoopback(request),
    };

    private static bool IsPlainLoopback(HttpRequest request)
    {
        // Names below localhost are loopback too (RFC 6761, section 6.3).
        var host = request.Host.Host;
        return !request.IsHttps
            && (host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase)
                || IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));
    }
}
