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
        var direct = group.MapGroup("").WithTags(CustomerDocument.Direct).AddEndpointFilter(RefuseWhereOff).Answers(Problems.DirectUploadsOff);
        direct.MapPost(UploadRoutes.Creation, Create).WithSummary("Announce a file whose bytes go to S3")
            .WithMetadata(UploadProtocol.Direct, new RequestSizeLimitAttribute(LargestBody))
            .AddEndpointFilter(CreationRateLimit.Filter)
            .AddEndpointFilter(ByteRateLimit.Filter)
            .AnswersWith(201, "Location")
            .Answers(Problems.InvalidDirectFile, Problems.InvalidParts, Problems.WrongCopies, Problems.EmptyFile, Failures.Of(400), Failures.Of(408), Failures.Of(413))
            .Answers(Problems.SessionClosed, Problems.FileTooLarge, Problems.TooManyFiles, Problems.SessionTooLarge, Problems.ShopFull, Problems.StorageFull, Problems.TooManyUploads, Problems.TooManyBytes);
        direct.MapPost($"{UploadRoutes.Upload}/finish", Finish).WithSummary("Store the file, or hear which parts are missing")
            .AddEndpointFilter(CreationRateLimit.FinishFilter)
            .Answers(Problems.PartsMissing, Problems.TooManyUploads, Problems.TooManyBytes)
            .Answers(Problems.OfCompletion);
    }

    private static async Task<Results<Created<DirectUploadAnswer>, Problem>> Create(
        RequestedSession session, DirectFile file, HttpContext context, CreateDirectUpload createDirectUpload, ByteRateLimit rateLimit, CancellationToken cancellationToken)
    {
        var (wanted, unreadable) = file.Read();
        var attempt = wanted is null ? unreadable! : await createDirectUpload.CreateAsync(session.Shop.Id, session.Id, wanted, cancellationToken);
        if (attempt.Refused is { } refused)
            return refused;
        var upload = attempt.Upload!;
        // No service sees the bytes come, so the address is charged for what it announces. The shop is charged for what is found later: an
        // announcement must not shut out its other customers.
        rateLimit.ChargeAnnounced(ClientNetwork.Of(context), wanted!.Length!.Value);
        return TypedResults.Created(
            UploadRoutes.AddressOf(session.Shop, upload),
            new DirectUploadAnswer(true, upload.UploadId, upload.ExpiresAt, PartView.Of(attempt.Missing), "Send the parts, then finish."));
    }

    private static async Task<Results<Ok<UploadAnswer>, Problem>> Finish(
        RequestedUpload requested, FinishDirectUpload finishDirectUpload, CancellationToken cancellationToken)
    {
        var attempt = await finishDirectUpload.FinishAsync(requested, cancellationToken);
        if (attempt.Missing.Count > 0)
            return attempt.Refused! with { Members = [new("expiresAt", attempt.Upload!.ExpiresAt), new("parts", PartView.Of(attempt.Missing))] };
        if (attempt.Refused is { } refused)
            return refused;
        return TypedResults.Ok(UploadAnswer.For(attempt.Upload!.SessionId, [attempt.Stored!]));
    }

    private static ValueTask<object?> RefuseWhereOff(EndpointFilterInvocationContext invocation, EndpointFilterDelegate next) =>
        invocation.HttpContext.RequestServices.GetRequiredService<IOptions<DirectOptions>>().Value.Enabled
            ? next(invocation)
            : ValueTask.FromResult<object?>(Problems.DirectUploadsOff);
}

/// <summary>An upload that has begun: its secret id, when it ends, and the parts to send.</summary>
internal sealed record DirectUploadAnswer(bool Success, string UploadId, DateTime ExpiresAt, PartView[] Parts, string Message);

/// <summary>A part to send to S3: bytes from `offset` on, `size` of them, by PUT to `url` with these headers.</summary>
internal sealed record PartView(int Number, long Offset, long Size, Uri Url, IReadOnlyDictionary<string, string> Headers)
{
    public static PartView[] Of(IReadOnlyList<PartLink> links) =>
        [.. links.Select(link => new PartView(link.Part.Number, link.Part.Offset, link.Part.Size, link.Url, link.Headers))];
}
