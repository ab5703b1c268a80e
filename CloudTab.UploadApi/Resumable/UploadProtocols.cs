using CloudTab.Relay;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing.Matching;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>
/// The addresses of resumable uploads, where several protocols are spoken: tus, Resumable Uploads for HTTP, and the announcement of files
/// that go to S3 directly, in JSON. A request is for the one whose headers it has; one that has none of them gets the answer of tus,
/// which says what is missing. All see the same uploads.
/// </summary>
internal sealed class UploadProtocols : MatcherPolicy, IEndpointSelectorPolicy
{
    /// <summary>Where uploads are created.</summary>
    public const string Creation = "/sessions/{sessionId}/files";

    /// <summary>One upload.</summary>
    public const string Upload = "/uploads/{uploadId}";

    /// <inheritdoc/>
    public override int Order => 0;

    /// <summary>Where an upload is. Relative to the origin: so it is right behind any gateway.</summary>
    public static string AddressOf(RequestedShop shop, Upload upload) => $"{shop.Prefix}/api/customer/uploads/{upload.UploadId}";

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

/// <summary>Marks the endpoints of one protocol.</summary>
internal sealed record UploadProtocol(string Name)
{
    public static readonly UploadProtocol Tus = new("tus");
    public static readonly UploadProtocol Ietf = new("Resumable Uploads for HTTP");
    public static readonly UploadProtocol Direct = new("direct");

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

internal static class UploadProtocolExtensions
{
    public static RouteGroupBuilder MapUploadProtocols(this RouteGroupBuilder group)
    {
        group.MapMethods(UploadProtocols.Creation, [HttpMethods.Options], Describe);
        group.MapMethods(UploadProtocols.Upload, [HttpMethods.Options], Describe);
        group.MapGroup("").WithMetadata(UploadProtocol.Tus).MapTus();
        group.MapGroup("").WithMetadata(UploadProtocol.Ietf).MapIetf();
        group.MapDirectUploads();
        return group;
    }

    private static async Task<NoContent> Describe(
        RequestedShop shop,
        HttpRequest request,
        Shops shops,
        IOptions<UploadOptions> options,
        IetfLimits values,
        CancellationToken cancellationToken)
    {
        var found = shop.Id is null ? null : await shops.FindAsync(shop.Id, cancellationToken);
        var limits = options.Value.For(found?.Limits ?? default);
        Tus.Describe(request, limits);
        Ietf.Describe(request, limits, values);
        return TypedResults.NoContent();
    }
}
