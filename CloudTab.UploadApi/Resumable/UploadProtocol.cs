using Microsoft.AspNetCore.Routing.Matching;

namespace CloudTab.UploadApi;

/// <summary>
/// A protocol for uploads, as metadata of the endpoints that speak it: tus, Resumable Uploads for HTTP, or the announcement of a file
/// that goes to S3 directly, in JSON.
/// </summary>
internal sealed record UploadProtocol(string Name)
{
    public static readonly UploadProtocol Tus = new("tus");
    public static readonly UploadProtocol Ietf = new("ietf");
    public static readonly UploadProtocol Direct = new("direct");

    /// <summary>The protocol whose headers a request has. A request with none of them gets the answer of tus, which says what is missing.</summary>
    public static UploadProtocol Of(HttpRequest request)
    {
        var headers = request.Headers;
        if (headers.ContainsKey(TusHeaders.Resumable))
            return Tus;
        // tus has no GET.
        if (headers.ContainsKey(IetfHeaders.InteropVersion) || headers.ContainsKey(IetfHeaders.Complete) || HttpMethods.IsGet(request.Method))
            return Ietf;
        return HttpMethods.IsPost(request.Method) && request.HasJsonContentType() ? Direct : Tus;
    }
}

/// <summary>Routes a request to the endpoint of the protocol that it speaks.</summary>
internal sealed class UploadProtocolPolicy : MatcherPolicy, IEndpointSelectorPolicy
{
    /// <inheritdoc/>
    public override int Order => 0;

    /// <inheritdoc/>
    public bool AppliesToEndpoints(IReadOnlyList<Endpoint> endpoints) =>
        endpoints.Any(endpoint => endpoint.Metadata.GetMetadata<UploadProtocol>() is not null);

    /// <inheritdoc/>
    public Task ApplyAsync(HttpContext httpContext, CandidateSet candidates)
    {
        var spoken = UploadProtocol.Of(httpContext.Request);
        for (var i = 0; i < candidates.Count; i++)
        {
            if (candidates[i].Endpoint.Metadata.GetMetadata<UploadProtocol>() is { } protocol && protocol != spoken)
                candidates.SetValidity(i, false);
        }

        return Task.CompletedTask;
    }
}
