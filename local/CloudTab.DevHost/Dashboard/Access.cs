using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace CloudTab.DevHost.Dashboard;

/// <summary>
/// Who may look and command: whoever has the link that was printed at start. A page of another origin that the same browser shows may not,
/// though it can reach a port of this machine: not by a name that it makes point here (Host, checked by the framework's host filter), not
/// with the cookie (SameSite, and for other ports of localhost, which are the same site, Origin).
/// </summary>
internal sealed class Access(BrowserToken token)
{
    public void Use(WebApplication app)
    {
        app.Use((context, next) =>
        {
            AddHeaders(context.Response.Headers);
            return context.Request.Path.StartsWithSegments("/api", StringComparison.OrdinalIgnoreCase) ? AdmitAsync(context, next) : next(context);
        });
        app.MapGet("/login", LogIn);
    }

    private Task AdmitAsync(HttpContext context, RequestDelegate next)
    {
        if (!Knows(context.Request.Cookies[CookieOf(context)]))
            return RefuseAsync(context, StatusCodes.Status401Unauthorized, "Open the link that the AppHost printed at its start.");
        if (!HttpMethods.IsGet(context.Request.Method) && IsOfAnotherOrigin(context.Request))
            return RefuseAsync(context, StatusCodes.Status403Forbidden, "Another page may not do that.");
        return next(context);
    }

    private IResult LogIn(HttpContext context, string? t)
    {
        if (!Knows(t))
            return Results.Text("This link is not, or no longer, valid: open the one that the AppHost printed at its last start.", statusCode: StatusCodes.Status401Unauthorized);
        context.Response.Cookies.Append(CookieOf(context), token.Value, new CookieOptions { HttpOnly = true, SameSite = SameSiteMode.Strict, IsEssential = true });
        return Results.LocalRedirect("/");
    }

    /// <summary>Cookies do not tell ports apart: two AppHosts on one machine must not take each other's.</summary>
    private static string CookieOf(HttpContext context) => $"cloudtab-dashboard-{context.Connection.LocalPort}";

    private bool Knows(string? given) => CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(given ?? ""), Encoding.UTF8.GetBytes(token.Value));

    /// <summary>Browsers send Origin with everything that is not GET or HEAD; a program that sends none has the token by other means.</summary>
    private static bool IsOfAnotherOrigin(HttpRequest request) =>
        request.Headers.Origin is { Count: > 0 } origin && origin != $"{request.Scheme}://{request.Host}";

    private static void AddHeaders(IHeaderDictionary headers)
    {
        headers.CacheControl = "no-store";
        headers.ContentSecurityPolicy = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";
        headers.XContentTypeOptions = "nosniff";

        // The link has the token in its query.
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
    }

    private static Task RefuseAsync(HttpContext context, int status, string why) =>
        Results.Problem(why, statusCode: status).ExecuteAsync(context);
}

/// <summary>What lets a browser in: part of the link that is printed at start.</summary>
internal sealed record BrowserToken(string Value);
