using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>
/// Uploads whose bytes go to S3 past the services: a client announces a file in JSON, sends its parts to the links that it gets, and
/// says when it is done. docs/direct-uploads.md tells all of it.
/// </summary>
internal static class DirectUploads
{
    // A thousand checksums, a name and a type.
    private const long LargestBody = 256 << 10;

    public static void MapDirectUploads(this RouteGroupBuilder group)
    {
        var direct = group.MapGroup("").AddEndpointFilter(RefuseWhereOff);
        direct.MapPost(UploadRoutes.Creation, Create)
            .WithMetadata(UploadProtocol.Direct, new RequestSizeLimitAttribute(LargestBody))
            .ProducesProblem(400).ProducesProblem(403).ProducesProblem(404).ProducesProblem(410).ProducesProblem(413).ProducesProblem(503)
            .ProducesProblem(507);
        direct.MapPost($"{UploadRoutes.Upload}/finish", Finish)
            .ProducesProblem(403).ProducesProblem(404).ProducesProblem(409).ProducesProblem(410).ProducesProblem(413).ProducesProblem(415)
            .ProducesProblem(423).ProducesProblem(460).ProducesProblem(503).ProducesProblem(507);
    }

    private static async Task<Results<Created<DirectUploadAnswer>, ProblemHttpResult>> Create(
        RequestedShop shop, string sessionId, DirectFile file, CreateDirectUpload createDirectUpload, CancellationToken cancellationToken)
    {
        if (shop.Id is null || !SessionId.IsWellFormed(sessionId))
            return (ProblemHttpResult)Problems.SessionNotFound;
        var (wanted, unreadable) = file.Read();
        var attempt = wanted is null ? unreadable! : await createDirectUpload.CreateAsync(shop.Id, sessionId, wanted, cancellationToken);
        if (attempt.Refused is { } refused)
            return (ProblemHttpResult)refused;
        var upload = attempt.Upload!;
        return TypedResults.Created(
            UploadRoutes.AddressOf(shop, upload),
            new DirectUploadAnswer(true, upload.UploadId, upload.ExpiresAt, PartView.Of(attempt.Missing), "Send the parts, then finish."));
    }

    private static async Task<Results<Ok<UploadAnswer>, ProblemHttpResult>> Finish(
        RequestedShop shop, string uploadId, FinishDirectUpload finishDirectUpload, CancellationToken cancellationToken)
    {
        if (shop.Id is null || !UploadId.IsWellFormed(uploadId))
            return (ProblemHttpResult)Problems.UploadNotFound;
        var attempt = await finishDirectUpload.FinishAsync(shop.Id, uploadId, cancellationToken);
        if (attempt.Refused is { } refused)
            return Refuse(refused, attempt);
        return TypedResults.Ok(UploadAnswer.For(attempt.Upload!.SessionId, [attempt.Stored!]));
    }

    private static ProblemHttpResult Refuse(Problem refused, DirectAttempt attempt)
    {
        ProblemHttpResult problem = refused;
        if (attempt.Missing.Count > 0)
        {
            problem.ProblemDetails.Extensions["expiresAt"] = attempt.Upload!.ExpiresAt;
            problem.ProblemDetails.Extensions["parts"] = PartView.Of(attempt.Missing);
        }

        return problem;
    }

    private static ValueTask<object?> RefuseWhereOff(EndpointFilterInvocationContext invocation, EndpointFilterDelegate next) =>
        invocation.HttpContext.RequestServices.GetRequiredService<IOptions<DirectOptions>>().Value.Enabled
            ? next(invocation)
            : ValueTask.FromResult<object?>((ProblemHttpResult)Problems.DirectUploadsOff);
}

/// <summary>An upload that has begun: its secret id, when it ends, and the parts to send.</summary>
internal sealed record DirectUploadAnswer(bool Success, string UploadId, DateTime ExpiresAt, PartView[] Parts, string Message);

/// <summary>A part to send to S3: bytes from `offset` on, `size` of them, by PUT to `url` with these headers.</summary>
internal sealed record PartView(int Number, long Offset, long Size, Uri Url, IReadOnlyDictionary<string, string> Headers)
{
    public static PartView[] Of(IReadOnlyList<PartLink> links) =>
        [.. links.Select(link => new PartView(link.Part.Number, link.Part.Offset, link.Part.Size, link.Url, link.Headers))];
}
