
namespace CloudTab.UploadApi;

/// <summary>The one version of tus that is spoken, and the two headers that change how a request is read.</summary>
internal static class TusVersion
{
    public const string Supported = "1.0.0";

    /// <summary>
    /// "If the version specified by the Client is not supported by the Server, it MUST respond with the 412 Precondition Failed status
    /// and MUST include the Tus-Version header into the response. In addition, the Server MUST NOT process the request."
    /// </summary>
    public static async ValueTask<object?> Filter(EndpointFilterInvocationContext invocation, EndpointFilterDelegate next)
    {
        var response = invocation.HttpContext.Response;
        // "The Tus-Resumable header MUST be included in every request and response", even if an exception has cleared the headers.
        // tus clients start over on any failure of HEAD except 423, which they retry; an outage is no reason to start over.
        response.OnStarting(
            static state =>
            {
                var response = (HttpResponse)state;
                response.Headers[TusHeaders.Resumable] = Supported;
                if (HttpMethods.IsHead(response.HttpContext.Request.Method) && response.StatusCode == StatusCodes.Status503ServiceUnavailable)
                    response.StatusCode = StatusCodes.Status423Locked;
                return Task.CompletedTask;
            },
            response);
        if (invocation.HttpContext.Request.Headers[TusHeaders.Resumable] == Supported)
            return await next(invocation);
        response.Headers[TusHeaders.Version] = Supported;
        return Problems.OtherTusVersion;
    }

    /// <summary>
    /// "The X-HTTP-Method-Override request header MUST be a string which MUST be interpreted as the request's method by the Server, if
    /// the header is presented. The actual method of the request MUST be ignored." Before the routing; on the addresses of uploads only, since
    /// a proxy or a browser that lets a POST pass must not have let a DELETE pass elsewhere.
    /// </summary>
    public static void UseMethodOverride(this IApplicationBuilder app) => app.Use((context, next) =>
    {
        var headers = context.Request.Headers;
        if (headers.ContainsKey(TusHeaders.Resumable) && IsOfUploads(context.Request.Path) && headers[TusHeaders.MethodOverride].ToString() is { Length: > 0 } method)
            context.Request.Method = HttpMethods.GetCanonicalizedValue(method.ToUpperInvariant());
        return next(context);
    });

    private static bool IsOfUploads(PathString path)
    {
        var segments = path.Value!.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (segments is ["s", _, ..])
            segments = segments[2..];
        return segments is ["api", "customer", "uploads", _] or ["api", "customer", "sessions", _, "files"];
    }
}
