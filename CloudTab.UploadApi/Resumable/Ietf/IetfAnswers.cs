using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CloudTab.UploadApi;

/// <summary>The answers. Upload-Complete says whether an answer is that of the resource that the file is for.</summary>
internal sealed class IetfAnswers(FindUpload findUpload, IetfLimits limits)
{
    /// <summary>Why not.</summary>
    public static Problem Refuse(HttpRequest request, UploadAttempt attempt)
    {
        var refused = attempt.Refused!;
        var headers = request.HttpContext.Response.Headers;
        headers[IetfHeaders.Complete] = IetfProblems.IsFinal(refused) ? IetfHeaders.True : IetfHeaders.False;
        // "The response MUST include the correct offset in the Upload-Offset header field", of 409; it does no harm in others.
        if (attempt.Upload is { } upload)
            headers.Set(UploadHeaders.Offset, upload.Received);
        // RFC 5789: "A server can send Accept-Patch along with a 415".
        if (refused == IetfProblems.OtherContentType)
            headers[IetfHeaders.AcceptPatch] = IetfHeaders.PartialUpload;
        return IetfProblems.For(refused, attempt.Upload, request.Headers.ReadInteger(UploadHeaders.Offset));
    }

    /// <summary>Why bytes are not taken.</summary>
    public async Task<Problem> RefuseAsync(HttpRequest request, string shop, UploadAttempt attempt, CancellationToken cancellationToken)
    {
        // "A server responding with a 413 […] as a result of its upload limits SHOULD include the Upload-Limit header field".
        if (attempt.Refused == Problems.FileTooLarge)
            request.HttpContext.Response.Headers[IetfHeaders.Limit] = await limits.ForNewAsync(shop, cancellationToken);
        return Refuse(request, attempt);
    }

    /// <summary>What the upload holds now.</summary>
    public void Acknowledge(HttpResponse response, Upload upload)
    {
        response.Headers[IetfHeaders.Complete] = upload.IsComplete ? IetfHeaders.True : IetfHeaders.False;
        response.Headers.Set(UploadHeaders.Offset, upload.Received);
        response.Headers[IetfHeaders.Limit] = limits.For(upload);
    }

    /// <summary>
    /// The state of an upload: "MUST include the offset", "MUST include the Upload-Complete header field indicating whether a final response
    /// was produced", "MUST include the length […], unless the client has not supplied one", "MUST indicate the limits", "and SHOULD
    /// include the Cache-Control header field with the value no-store".
    /// </summary>
    public void Tell(HttpResponse response, Upload upload)
    {
        Acknowledge(response, upload);
        if (upload.Length is { } length)
            response.Headers.Set(UploadHeaders.Length, length);
        response.Headers.CacheControl = "no-store";
    }

    /// <summary>
    /// "The response that matches what the resource, that was targeted by the initial upload creation, would have generated if it had
    /// processed the entire representation in the initial request": that of an upload as a form. Asking again gets it again.
    /// </summary>
    /// <returns>Null if the upload is not complete, or becomes no file by itself (a partial upload of tus).</returns>
    public async Task<Ok<UploadAnswer>?> FinishAsync(HttpRequest request, Upload upload, CancellationToken cancellationToken)
    {
        if (!upload.IsComplete)
            return null;
        if (await findUpload.FindFileAsync(upload, cancellationToken) is not { } stored)
            return null;
        if (IetfDigests.IsRequested(request.Headers))
            request.HttpContext.Response.Headers[IetfHeaders.ReprDigest] = IetfDigests.Format(stored.Sha256);
        return TypedResults.Ok(UploadAnswer.For(upload.SessionId, [stored]));
    }
}
