using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace CloudTab.ServiceDefaults;

/// <summary>
/// The headers of every answer. Nothing is ever framed, sniffed or kept by a cache: answers hold secrets and private files. They are
/// added last, unless an endpoint, or the service behind the gateway, has said otherwise.
/// </summary>
internal static class SecurityHeaders
{
    private static readonly (string Name, string Value)[] Always =
    [
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Content-Security-Policy", "default-src 'self'; script-src 'self'; connect-src 'self'; worker-src 'self'; img-src 'self' blob: data:; "
            + "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"),
        ("Cache-Control", "no-store"),
    ];

    internal static void UseSecurityHeaders(this WebApplication app) => app.Use((context, next) =>
    {
        context.Response.OnStarting(Add, context);
        return next(context);
    });

    private static Task Add(object state)
    {
        var context = (HttpContext)state;
        // An open socket shows nothing, and would keep them for as long as it is open.
        if (context.Response.StatusCode == StatusCodes.Status101SwitchingProtocols)
            return Task.CompletedTask;
        foreach (var (name, value) in Always)
            context.Response.Headers.TryAdd(name, value);
        // RFC 6797, section 7.2: not over plain HTTP.
        if (context.Request.IsHttps)
            context.Response.Headers.TryAdd("Strict-Transport-Security", "max-age=31536000; includeSubDomains");
        return Task.CompletedTask;
    }
}
