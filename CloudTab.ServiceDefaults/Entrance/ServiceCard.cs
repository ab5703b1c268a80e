using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Headers;
using Microsoft.Net.Http.Headers;

namespace CloudTab.ServiceDefaults;

/// <summary>
/// GET / for programs: who answers here, and where. A browser names text/html and gets the customer's page; a client that does not, or
/// that likes JSON as much, gets this.
/// </summary>
internal static class ServiceCard
{
    private static readonly CardView Card = new(
        "CloudTab Relay Server",
        Extensions.Version.Split('+')[0],
        "running",
        new("/health", "/api/customer", "/api/shopkeeper", "/ws"));

    /// <summary>Whether a request asks for the card rather than for the page.</summary>
    public static bool IsAskedFor(HttpContext context)
    {
        var request = context.Request;
        if (request.Path != "/" || !(HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method)))
            return false;
        var accepted = new RequestHeaders(request.Headers).Accept;
        return QualityOf("text/html", accepted) is not { } html || QualityOf("application/json", accepted) >= html;
    }

    public static Task WriteAsync(HttpContext context)
    {
        context.Response.Headers.Vary = HeaderNames.Accept;
        return context.Response.WriteAsJsonAsync(Card, EntranceContext.Default.CardView, cancellationToken: context.RequestAborted);
    }

    // Only types that are named count: every browser ends its list with */*, and curl sends nothing else.
    private static double? QualityOf(string type, IList<MediaTypeHeaderValue> accepted) =>
        accepted.FirstOrDefault(range => range.MediaType.Equals(type, StringComparison.OrdinalIgnoreCase)) is { } named ? named.Quality ?? 1 : null;
}

/// <summary>What answers here.</summary>
internal sealed record CardView(string Service, string Version, string Status, CardEndpoints Endpoints);

/// <summary>Where its parts are, as paths.</summary>
internal sealed record CardEndpoints(string Health, string Customer, string Shopkeeper, string Websocket);
