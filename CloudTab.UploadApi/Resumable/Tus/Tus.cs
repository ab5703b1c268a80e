using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CloudTab.UploadApi;

/// <summary>
/// tus 1.0.0 (https://tus.io/protocols/resumable-upload) over the verbs on uploads. What is quoted here and in the files beside
/// it is the protocol's text; docs/tus.md goes through it section by section.
/// </summary>
internal static class Tus
{
    public static void MapTus(this RouteGroupBuilder group)
    {
        group.Requires(TusHeaders.Resumable).Answers(Problems.OtherTusVersion);
        group.MapPost(UploadRoutes.Creation, Create).WithSummary("tus: create an upload, with its first bytes or without")
            .TakesLargeBody(TusVersion.Filter)
            .AddEndpointFilter(CreationRateLimit.Filter)
            .Takes(TusHeaders.ContentType)
            .Allows(UploadHeaders.Length, TusHeaders.DeferLength, TusHeaders.Metadata, TusHeaders.Concat, TusHeaders.Checksum)
            .AnswersWith(201, TusHeaders.Resumable, "Location", UploadHeaders.Offset, TusHeaders.Expires)
            .Answers(Problems.InvalidHeader(TusHeaders.Concat), Problems.InvalidHeader(TusHeaders.Metadata), Problems.InvalidHeader(UploadHeaders.Length))
            .Answers(Problems.OtherContentType, Problems.ChecksumNotUnderstood, Problems.UploadNotFound, Problems.NotConcatenable, Problems.WrongCopies)
            .Answers(Problems.OfAppending);
        group.MapMethods(UploadRoutes.Upload, [HttpMethods.Head], Head).WithSummary("tus: ask how far an upload is")
            .AddEndpointFilter(TusVersion.Filter)
            .AnswersWith(200, TusHeaders.Resumable, UploadHeaders.Offset, UploadHeaders.Length, TusHeaders.DeferLength)
            .AnswersWith(200, TusHeaders.Metadata, TusHeaders.Concat, TusHeaders.Expires)
            .Answers(Problems.OfCompletion);
        group.MapPatch(UploadRoutes.Upload, Patch).WithSummary("tus: add bytes to an upload")
            .TakesLargeBody(TusVersion.Filter)
            .Takes(TusHeaders.ContentType)
            .Requires(UploadHeaders.Offset).Allows(UploadHeaders.Length, TusHeaders.Checksum)
            .AnswersWith(204, TusHeaders.Resumable, UploadHeaders.Offset, TusHeaders.Expires)
            .Answers(Problems.InvalidHeader(UploadHeaders.Offset), Problems.InvalidHeader(UploadHeaders.Length))
            .Answers(Problems.OtherContentType, Problems.ChecksumNotUnderstood, Problems.OffsetConflict)
            .Answers(Problems.OfAppending);
        group.MapDelete(UploadRoutes.Upload, Delete).WithSummary("tus: end an upload, finished or not")
            .AddEndpointFilter(TusVersion.Filter)
            .Answers(Problems.OfTermination);
    }

    // "A successful response indicated by the 204 No Content or 200 OK status MUST contain the Tus-Version header."
    public static void Describe(HttpRequest request, UploadLimits limits)
    {
        var response = request.HttpContext.Response;
        response.Headers[TusHeaders.Resumable] = TusVersion.Supported;
        response.Headers[TusHeaders.Version] = TusVersion.Supported;
        response.Headers[TusHeaders.Extension] = TusHeaders.ExtensionsFor(request);
        response.Headers[TusHeaders.ChecksumAlgorithm] = string.Join(',', BodyChecksum.Algorithms);
        response.Headers.Set(TusHeaders.MaxSize, limits.FileSize);
    }

    private static async Task<Results<Created, Problem>> Create(
        RequestedSession session, HttpRequest request, CreateUpload createUpload, ConcatenateUploads concatenateUploads, CancellationToken cancellationToken)
    {
        var (wanted, unreadable) = TusCreation.Read(request);
        var attempt = wanted switch
        {
            null => unreadable!,
            { Parts: { } parts } => await concatenateUploads.ConcatenateAsync(session, wanted.Upload, parts, cancellationToken),
            _ => await CreateAsync(session, wanted.Upload, request, createUpload, cancellationToken),
        };
        // If an upload was begun, its offset tells the rest.
        if (attempt.Upload is not { } created)
            return attempt.Refused!;

        // "The Server MUST include the Upload-Offset header in the response", of a creation with upload.
        if (UploadHeaders.HasBody(request))
            request.HttpContext.Response.Headers.Set(UploadHeaders.Offset, created.Received);
        SetExpiry(request.HttpContext.Response, created);
        // "The Server MUST acknowledge a successful upload creation with the 201 Created status. The Server MUST set the Location header to the
        // URL of the created resource. This URL MAY be absolute or relative."
        return TypedResults.Created(UploadRoutes.AddressOf(session.Shop, created));
    }

    private static async Task<UploadAttempt> CreateAsync(
        RequestedSession session, NewUpload wanted, HttpRequest request, CreateUpload createUpload, CancellationToken cancellationToken)
    {
        if (!UploadHeaders.HasBody(request))
            return await createUpload.CreateAsync(session.Shop.Id, session.Id, wanted, first: null, cancellationToken);
        // Creation With Upload: "similar rules as for the PATCH request and response apply".
        var (first, unreadable) = ReadBody(request, offset: 0);
        return first is null ? unreadable! : await createUpload.CreateAsync(session.Shop.Id, session.Id, wanted, first, cancellationToken);
    }

    private static async Task<Results<Ok, Problem>> Head(
        RequestedUpload requested, HttpResponse response, FindUpload findUpload, CancellationToken cancellationToken)
    {
        var attempt = await findUpload.FindAsync(requested, cancellationToken);
        if (attempt.Refused is { } refused)
            return refused;

        var upload = attempt.Upload!;
        // "The Server MUST always include the Upload-Offset header in the response for a HEAD request, even if the offset is 0"; but that of
        // a final upload "SHOULD NOT contain the Upload-Offset header unless the concatenation has been successfully finished".
        if (upload.IsComplete || !upload.IsFinal)
            response.Headers.Set(UploadHeaders.Offset, upload.Received);
        // "As long as the length of the upload is not known, the Server MUST set Upload-Defer-Length: 1".
        if (upload.Length is { } length)
            response.Headers.Set(UploadHeaders.Length, length);
        else
            response.Headers[TusHeaders.DeferLength] = "1";
        // "If an upload contains additional metadata, responses to HEAD requests MUST include the Upload-Metadata header".
        if (upload.Metadata is not null)
            response.Headers[TusHeaders.Metadata] = upload.Metadata;
        // "Response to HEAD request against partial or final upload MUST include the Upload-Concat header and its value as received".
        if (upload.Concat is not null)
            response.Headers[TusHeaders.Concat] = upload.Concat;
        // "The Server MUST prevent the client and/or proxies from caching the response".
        response.Headers.CacheControl = "no-store";
        SetExpiry(response, upload);
        return TypedResults.Ok();
    }

    private static async Task<Results<NoContent, Problem>> Patch(
        RequestedUpload requested, HttpRequest request, AppendToUpload appendToUpload, CancellationToken cancellationToken)
    {
        if (!request.Headers.TryRead(UploadHeaders.Offset, out var offset) || offset is null)
            return Problems.InvalidHeader(UploadHeaders.Offset);
        var (body, unreadable) = ReadBody(request, offset.Value);
        var attempt = body is null ? unreadable! : await appendToUpload.AppendAsync(requested.Shop.Id, requested.Id, body, cancellationToken);
        if (attempt.Refused is { } refused)
            return refused;

        // "The Server MUST acknowledge successful PATCH requests with the 204 No Content status. It MUST include the Upload-Offset header
        // containing the new offset."
        var response = request.HttpContext.Response;
        response.Headers.Set(UploadHeaders.Offset, attempt.Upload!.Received);
        SetExpiry(response, attempt.Upload);
        return TypedResults.NoContent();
    }

    // "The Server SHOULD free associated resources and MUST respond with the 204 No Content status".
    private static async Task<Results<NoContent, Problem>> Delete(
        RequestedUpload requested, TerminateUpload terminateUpload, CancellationToken cancellationToken)
    {
        return await terminateUpload.TerminateAsync(requested.Shop.Id, requested.Id, cancellationToken) is { } refused
            ? refused
            : TypedResults.NoContent();
    }

    private static (RequestBody? Body, Problem? Refused) ReadBody(HttpRequest request, long offset)
    {
        // "All PATCH requests MUST use Content-Type: application/offset+octet-stream, otherwise the server SHOULD return a 415".
        if (request.GetTypedHeaders().ContentType?.MediaType.Equals(TusHeaders.ContentType, StringComparison.OrdinalIgnoreCase) != true)
            return (null, Problems.OtherContentType);
        // "Once set the length MUST NOT be changed": a PATCH may name it where it was deferred.
        long? length = null;
        if (HttpMethods.IsPatch(request.Method) && !request.Headers.TryRead(UploadHeaders.Length, out length))
            return (null, Problems.InvalidHeader(UploadHeaders.Length));
        if (!TusChecksum.TryRead(request, out var checksum))
            return (null, Problems.ChecksumNotUnderstood);
        var body = new RequestBody(request.Body.ReadAsync, request.ContentLength, ClientNetwork.Of(request.HttpContext), request.HttpContext.RequestAborted)
        {
            Offset = offset,
            Length = length,
            Checksum = checksum,
        };
        return (body, null);
    }

    // "This header MUST be included in every PATCH response if the upload is going to expire."
    private static void SetExpiry(HttpResponse response, Upload upload)
    {
        if (!upload.IsComplete)
            response.Headers[TusHeaders.Expires] = upload.ExpiresAt.ToString("R", System.Globalization.CultureInfo.InvariantCulture);
    }
}
