using CloudTab.Relay;
using CloudTab.ServiceDefaults;
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
        group.MapPost(UploadRoutes.Creation, Create).WithSummary("IETF: create an upload, with its first bytes or without")
            .TakesLargeBody()
            .AddEndpointFilter(CreationRateLimit.Filter)
            .Takes("application/octet-stream")
            .Requires(IetfHeaders.Complete)
            .Allows(IetfHeaders.InteropVersion, UploadHeaders.Length, "Content-Disposition", IetfHeaders.ContentDigest, IetfHeaders.ReprDigest, IetfHeaders.WantReprDigest)
            .AnswersWith(200, "Location", IetfHeaders.Complete, UploadHeaders.Offset, IetfHeaders.Limit, IetfHeaders.ReprDigest)
            .AnswersWith(201, "Location", IetfHeaders.Complete, UploadHeaders.Offset, IetfHeaders.Limit)
            .Answers(Problems.InvalidHeader(IetfHeaders.Complete), IetfProblems.InvalidDigest)
            .Answers(IetfProblems.Of(Problems.OfAppending));
        group.MapMethods(UploadRoutes.Upload, [HttpMethods.Head, HttpMethods.Get], Retrieve).WithSummary("IETF: ask how far an upload is")
            .Requires(IetfHeaders.InteropVersion)
            .AnswersWith(204, IetfHeaders.Complete, UploadHeaders.Offset, UploadHeaders.Length, IetfHeaders.Limit)
            .Answers(IetfProblems.Of(Problems.OfCompletion));
        group.MapPatch(UploadRoutes.Upload, Append).WithSummary("IETF: add bytes to an upload")
            .TakesLargeBody()
            .Takes(IetfHeaders.PartialUpload)
            .Requires(IetfHeaders.Complete, UploadHeaders.Offset)
            .Allows(IetfHeaders.InteropVersion, UploadHeaders.Length, IetfHeaders.ContentDigest, IetfHeaders.WantReprDigest)
            .AnswersWith(200, IetfHeaders.Complete, UploadHeaders.Offset, IetfHeaders.Limit, IetfHeaders.ReprDigest)
            .AnswersWith(204, IetfHeaders.Complete, UploadHeaders.Offset, IetfHeaders.Limit)
            .AnswersWith(415, IetfHeaders.AcceptPatch)
            .Answers(Problems.InvalidHeader(UploadHeaders.Offset), Problems.InvalidHeader(IetfHeaders.Complete), IetfProblems.InvalidDigest)
            .Answers(IetfProblems.OtherContentType, IetfProblems.OffsetConflict)
            .Answers(IetfProblems.Of(Problems.OfAppending));
        group.MapDelete(UploadRoutes.Upload, Cancel).WithSummary("IETF: end an upload, finished or not")
            .Requires(IetfHeaders.InteropVersion)
            .Answers(Problems.OfTermination);
    }

    // "When responding to an OPTIONS request without the Upload-Complete header field, if the resource that is the target of the request
    // supports the creation of a resumable upload resource, the server MUST include the Upload-Limit header field".
    public static void Describe(HttpRequest request, UploadLimits limits, IetfLimits values)
    {
        if (request.RouteValues.ContainsKey("sessionId"))
            request.HttpContext.Response.Headers[IetfHeaders.Limit] = values.ForNew(limits);
    }

    private static async Task<Results<Ok<UploadAnswer>, Created, Problem>> Create(
        RequestedSession session,
        HttpRequest request,
        CreateUpload createUpload,
        IetfAnswers answers,
        IetfLimits limits,
        CancellationToken cancellationToken)
    {
        var (wanted, first, unreadable) = IetfRequest.ReadCreation(request);
        if (wanted is null)
            return IetfAnswers.Refuse(request, unreadable!);
        // "The server SHOULD announce the upload resource by sending an interim response […]. The interim response allows the client to
        // resume the upload even if the message exchange gets later interrupted."
        if (first is not null && ResumptionSupport.For(request, session.Shop, limits) is { } support)
            first = first with { Announce = support.AnnounceAsync, Acknowledge = support.AcknowledgeAsync };
        var attempt = await createUpload.CreateAsync(session.Shop.Id, session.Id, wanted, first, cancellationToken);

        // "The server MUST include the Location response header field pointing to the upload resource".
        if (attempt.Upload is { } begun)
            request.HttpContext.Response.Headers.Location = UploadRoutes.AddressOf(session.Shop, begun);
        if (attempt.Refused is not null)
            return await answers.RefuseAsync(request, session.Shop.Id, attempt, cancellationToken);
        answers.Acknowledge(request.HttpContext.Response, attempt.Upload!);
        return await answers.FinishAsync(request, attempt.Upload!, cancellationToken) is { } answer ? answer : TypedResults.Created();
    }

    private static async Task<Results<NoContent, Problem>> Retrieve(
        RequestedUpload requested, HttpRequest request, FindUpload findUpload, IetfAnswers answers, CancellationToken cancellationToken)
    {
        var attempt = await findUpload.FindAsync(requested, cancellationToken);
        if (attempt.Refused is not null)
            return IetfAnswers.Refuse(request, attempt);
        answers.Tell(request.HttpContext.Response, attempt.Upload!);
        return TypedResults.NoContent();
    }

    private static async Task<Results<Ok<UploadAnswer>, NoContent, Problem>> Append(
        RequestedUpload requested,
        HttpRequest request,
        AppendToUpload appendToUpload,
        IetfAnswers answers,
        IetfLimits limits,
        CancellationToken cancellationToken)
    {
        var (body, unreadable) = IetfRequest.ReadAppend(request);
        if (body is null)
            return IetfAnswers.Refuse(request, unreadable!);
        // "While the request content is being processed, the server SHOULD send interim responses […] to inform the client".
        if (ResumptionSupport.For(request, requested.Shop, limits) is { } support)
            body = body with { Acknowledge = support.AcknowledgeAsync };
        var attempt = await appendToUpload.AppendAsync(requested.Shop.Id, requested.Id, body, cancellationToken);
        if (attempt.Refused is not null)
            return await answers.RefuseAsync(request, requested.Shop.Id, attempt, cancellationToken);

        answers.Acknowledge(request.HttpContext.Response, attempt.Upload!);
        return await answers.FinishAsync(request, attempt.Upload!, cancellationToken) is { } answer ? answer : TypedResults.NoContent();
    }

    // "The server SHOULD deactivate the upload resource", and "SHOULD terminate any in-flight requests to the upload resource before".
    private static async Task<Results<NoContent, Problem>> Cancel(
        RequestedUpload requested, HttpRequest request, TerminateUpload terminateUpload, CancellationToken cancellationToken)
    {
        return await terminateUpload.TerminateAsync(requested.Shop.Id, requested.Id, cancellationToken) is { } refused
            ? IetfAnswers.Refuse(request, refused)
            : TypedResults.NoContent();
    }
}
