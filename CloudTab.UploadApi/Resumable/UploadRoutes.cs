using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>
/// The addresses of resumable uploads. Several protocols share them, and all see the same uploads: <see cref="UploadProtocol"/> tells
/// which one a request speaks.
/// </summary>
internal static class UploadRoutes
{
    /// <summary>Where uploads are created.</summary>
    public const string Creation = "/sessions/{sessionId}/files";

    /// <summary>One upload.</summary>
    public const string Upload = "/uploads/{uploadId}";

    /// <summary>Where an upload is. Relative to the origin, so that it is right behind any gateway.</summary>
    public static string AddressOf(RequestedShop shop, Upload upload) => $"{shop.Prefix}/api/customer/uploads/{upload.UploadId}";

    public static RouteGroupBuilder MapUploads(this RouteGroupBuilder group)
    {
        foreach (var path in (string[])[Creation, Upload])
        {
            group.MapMethods(path, [HttpMethods.Options], Describe).WithSummary("Ask what is offered").WithTags(CustomerDocument.Resumable)
                .AnswersWith(204, TusHeaders.Resumable, TusHeaders.Version, TusHeaders.Extension, TusHeaders.MaxSize, TusHeaders.ChecksumAlgorithm, IetfHeaders.Limit);
        }

        group.MapGroup("").WithTags(CustomerDocument.Resumable).WithMetadata(UploadProtocol.Tus).MapTus();
        group.MapGroup("").WithTags(CustomerDocument.Resumable).WithMetadata(UploadProtocol.Ietf).MapIetf();
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
        var found = await shops.FindAsync(shop.Id, cancellationToken);
        var limits = options.Value.For(found?.Limits ?? default);
        Tus.Describe(request, limits);
        Ietf.Describe(request, limits, values);
        return TypedResults.NoContent();
    }
}
