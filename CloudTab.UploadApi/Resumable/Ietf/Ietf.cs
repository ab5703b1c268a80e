using CloudTab.Relay;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CloudTab.UploadApi;

/// <summary>
/// Resumable Uploads for HTTP (https://datatracker.ietf.org/doc/draft-ietf-httpbis-resumable-upload/, what comes after -11, interop version 8) over
/// the verbs on uploads. What is quoted here and in the files beside it is the draft's text; docs/resumable-uploads.md goes through it
/// section by section.
/// </summary>
internal static class Ietf
{
    public static void MapIetf(this RouteGroupBuilder group)
    {
        group.MapPost(UploadRoutes.Creation, Create)
            .TakesLargeBody()
            .ProducesProblem(400).ProducesProblem(404).ProducesProblem(409).ProducesProblem(410).ProducesProblem(413).ProducesProblem(415);
        group.MapMethods(UploadRoutes.Upload, [HttpMethods.Head, HttpMethods.Get], Retrieve)
            .ProducesProblem(404).ProducesProblem(410).ProducesProblem(423);
        group.MapPatch(UploadRoutes.Upload, Append)
            .TakesLargeBody()
            .ProducesProblem(400).ProducesProblem(403).ProducesProblem(404).ProducesProblem(409).ProducesProblem(410).ProducesProblem(413)
            .ProducesProblem(415).ProducesProblem(423);
        group.MapDelete(UploadRoutes.Upload, Cancel)
            .ProducesProblem(404).ProducesProblem(409).ProducesProblem(410).ProducesProblem(423);
    }

    // "When responding to an OPTIONS request without the Upload-Complete header field, if the resource that is the target of the request
    // supports the creation of a resumable upload resource, the server MUST include the Upload-Limit header field".
    public static void Describe(HttpRequest request, UploadLimits limits, IetfLimits values)
    {
        if (request.RouteValues.ContainsKey("sessionId"))
            request.HttpContext.Response.Headers[IetfHeaders.Limit] = values.ForNew(limits);
    }

    private static async Task<Results<Ok<UploadAnswer>, Created, ProblemHttpResult>> Create(
        RequestedShop shop,
        string sessionId,
        HttpRequest request,
        CreateUpload createUpload,
        IetfAnswers answers,
        IetfLimits limits,
        CancellationToken cancellationToken)
    {
        if (shop.Id is null || !SessionId.IsWellFormed(sessionId))
            return IetfAnswers.Refuse(request, Problems.SessionNotFound);
        var (wanted, first, unreadable) = IetfRequest.ReadCreation(request);
        if (wanted is null)
            return IetfAnswers.Refuse(request, unreadable!);
        // "The server SHOULD announce the upload resource by sending an interim response […]. The interim response allows the client to
        // resume the upload even if the message exchange gets later interrupted."
        if (first is not null && ResumptionSupport.For(request, shop, limits) is { } support)
            first = first with { Announce = support.AnnounceAsync, Acknowledge = support.AcknowledgeAsync };
        var attempt = await createUpload.CreateAsync(shop.Id, sessionId, wanted, first, cancellationToken);

        // "The server MUST include the Location response header field pointing to the upload resource".
        if (attempt.Upload is { } begun)
            request.HttpContext.Response.Headers.Location = UploadRoutes.AddressOf(shop, begun);
        if (attempt.Refused is not null)
            return await answers.RefuseAsync(request, shop.Id, attempt, cancellationToken);
        answers.Acknowledge(request.HttpContext.Response, attempt.Upload!);
        return await answers.FinishAsync(request, attempt.Upload!, cancellationToken) is { } answer ? answer : TypedResults.Created();
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> Retrieve(
        RequestedShop shop, string uploadId, HttpRequest request, FindUpload findUpload, IetfAnswers answers, CancellationToken cancellationToken)
    {
        if (shop.Id is null || !UploadId.IsWellFormed(uploadId))
            return IetfAnswers.Refuse(request, Problems.UploadNotFound);
        var attempt = await findUpload.FindAsync(shop.Id, uploadId, cancellationToken);
        if (attempt.Refused is not null)
            return IetfAnswers.Refuse(request, attempt);
        answers.Tell(request.HttpContext.Response, attempt.Upload!);
        return TypedResults.NoContent();
    }

    private static async Task<Results<Ok<UploadAnswer>, NoContent, ProblemHttpResult>> Append(
        RequestedShop shop,
        string uploadId,
        HttpRequest request,
        AppendToUpload appendToUpload,
        IetfAnswers answers,
        IetfLimits limits,
        CancellationToken cancellationToken)
    {
        if (shop.Id is null || !UploadId.IsWellFormed(uploadId))
            return IetfAnswers.Refuse(request, Problems.UploadNotFound);
        var (body, unreadable) = IetfRequest.ReadAppend(request);
        if (body is null)
            return IetfAnswers.Refuse(request, unreadable!);
        // "While the request content is being processed, the server SHOULD send interim responses […] to inform the client".
        if (ResumptionSupport.For(request, shop, limits) is { } support)
            body = body with { Acknowledge = support.AcknowledgeAsync };
        var attempt = await appendToUpload.AppendAsync(shop.Id, uploadId, body, cancellationToken);
        if (attempt.Refused is not null)
            return await answers.RefuseAsync(request, shop.Id, attempt, cancellationToken);

        answers.Acknowledge(request.HttpContext.Response, attempt.Upload!);
        return await answers.FinishAsync(request, attempt.Upload!, cancellationToken) is { } answer ? answer : TypedResults.NoContent();
    }

    // "The server SHOULD deactivate the upload resource", and "SHOULD terminate any in-flight requests to the upload resource before".
    private static async Task<Results<NoContent, ProblemHttpResult>> Cancel(
        RequestedShop shop, string uploadId, HttpRequest request, TerminateUpload terminateUpload, CancellationToken cancellationToken)
    {
        if (shop.Id is null || !UploadId.IsWellFormed(uploadId))
            return IetfAnswers.Refuse(request, Problems.UploadNotFound);
        return await terminateUpload.TerminateAsync(shop.Id, uploadId, cancellationToken) is { } refused
            ? IetfAnswers.Refuse(request, refused)
            : TypedResults.NoContent();
    }
}
