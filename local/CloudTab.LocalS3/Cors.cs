using System.IO.Enumeration;
using System.Xml.Linq;

namespace CloudTab.LocalS3;

/// <summary>A bucket's CORS configuration: put, read, deleted, and applied to the requests of browsers.</summary>
internal static class Cors
{
    public static async Task Put(S3Request request, BucketStore store, CancellationToken cancellationToken)
    {
        var bucket = store[request.Bucket];
        var document = Xml.Parse(await RequestBody.ReadDocumentAsync(request, mustBePromised: true, cancellationToken), "CORSConfiguration");
        var rules = CorsRule.Parse(document);
        if (rules.Count == 0 || rules.Any(rule => rule.Origins.Count == 0 || rule.Methods.Count == 0))
            throw new S3Exception(S3Error.MalformedXml);
        bucket.Save(bucket.Settings with { Cors = document.ToString(SaveOptions.DisableFormatting) });
    }

    public static async Task Get(S3Request request, BucketStore store, CancellationToken cancellationToken)
    {
        var kept = store[request.Bucket].Settings.Cors ?? throw new S3Exception(S3Error.NoSuchCorsConfiguration);
        await Xml.WriteAsync(request.Http.Response, XElement.Parse(kept), cancellationToken);
    }

    public static void Delete(S3Request request, BucketStore store)
    {
        var bucket = store[request.Bucket];
        bucket.Save(bucket.Settings with { Cors = null });
        request.Http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    /// <summary>Answers a preflight. Browsers send it unsigned, so the answer reveals nothing but the rule.</summary>
    /// <exception cref="S3Exception">AccessForbidden: no rule allows what the browser asks for.</exception>
    public static void Preflight(S3Request request, BucketStore store)
    {
        var origin = request.Header("Origin") ?? throw new S3Exception(S3Error.InvalidRequest, "Insufficient information. Origin request header needed.");
        var method = request.Header("Access-Control-Request-Method")
            ?? throw new S3Exception(S3Error.InvalidRequest, "Invalid Access-Control-Request-Method: null");
        var headers = request.Header("Access-Control-Request-Headers")?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [];
        var rule = Find(request, store, origin, method, headers) ?? throw new S3Exception(S3Error.AccessForbidden);

        Allow(request.Http.Response.Headers, rule, origin);
        if (headers.Length > 0)
            request.Http.Response.Headers.AccessControlAllowHeaders = string.Join(", ", headers).ToLowerInvariant();
    }

    /// <summary>Adds the headers that let the page read the answer, errors included.</summary>
    public static void Apply(S3Request request, BucketStore store)
    {
        if (request.Header("Origin") is { } origin && Find(request, store, origin, request.Method, []) is { } rule)
            Allow(request.Http.Response.Headers, rule, origin);
    }

    private static CorsRule? Find(S3Request request, BucketStore store, string origin, string method, string[] headers)
    {
        if (store.Find(request.Bucket)?.Settings.Cors is not { } xml)
            return null;
        return CorsRule.Parse(XElement.Parse(xml)).Find(rule => rule.Allows(origin, method, headers));
    }

    private static void Allow(IHeaderDictionary headers, CorsRule rule, string origin)
    {
        var isAnyone = rule.Origins.Contains("*");
        headers.AccessControlAllowOrigin = isAnyone ? "*" : origin;
        if (!isAnyone)
            headers.AccessControlAllowCredentials = "true";
        headers.AccessControlAllowMethods = string.Join(", ", rule.Methods);
        if (rule.Exposed.Count > 0)
            headers.AccessControlExposeHeaders = string.Join(", ", rule.Exposed);
        if (rule.MaxAgeSeconds is not null)
            headers.AccessControlMaxAge = rule.MaxAgeSeconds;
        headers.Vary = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";
    }
}

/// <summary>One rule of a CORS configuration; an asterisk in an origin or header stands for any text.</summary>
internal sealed record CorsRule(List<string> Origins, List<string> Methods, List<string> Headers, List<string> Exposed, string? MaxAgeSeconds)
{
    public static List<CorsRule> Parse(XElement document) => document.Children("CORSRule").Select(rule => new CorsRule(
        Texts(rule, "AllowedOrigin"),
        Texts(rule, "AllowedMethod"),
        Texts(rule, "AllowedHeader"),
        Texts(rule, "ExposeHeader"),
        rule.Child("MaxAgeSeconds"))).ToList();

    public bool Allows(string origin, string method, string[] headers) =>
        Methods.Contains(method)
        && Origins.Exists(allowed => FileSystemName.MatchesSimpleExpression(allowed, origin, ignoreCase: false))
        && headers.All(header => Headers.Exists(allowed => FileSystemName.MatchesSimpleExpression(allowed, header)));

    private static List<string> Texts(XElement rule, string name) => rule.Children(name).Select(child => child.Value).ToList();
}
