using System.Globalization;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.HttpOverrides;

namespace CloudTab.UploadApi;

/// <summary>What the protocols of resumable uploads have in common.</summary>
internal static class UploadHeaders
{
    public const string Offset = "Upload-Offset";
    public const string Length = "Upload-Length";

    /// <summary>Writes a number.</summary>
    public static void Set(this IHeaderDictionary headers, string name, long value) =>
        headers[name] = value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Whether a request has a body that is not known to be empty.</summary>
    public static bool HasBody(HttpRequest request) =>
        request.ContentLength is { } length
            ? length > 0
            : request.HttpContext.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == true;

    /// <summary>
    /// Whether a request came through a proxy (the gateway with YARP, nginx): most pass on neither trailers nor interim responses. The
    /// middleware renames the header of a proxy that is trusted.
    /// </summary>
    public static bool IsForwarded(HttpRequest request) =>
        request.Headers.ContainsKey(ForwardedHeadersDefaults.XForwardedForHeaderName)
        || request.Headers.ContainsKey(ForwardedHeadersDefaults.XOriginalForHeaderName);
}
