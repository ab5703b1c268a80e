using CloudTab.Relay;
using CloudTab.ServiceDefaults;

namespace CloudTab.UploadApi;

/// <summary>What the headers of a request say about the upload that it creates or continues.</summary>
internal static class IetfRequest
{
    private const int LongestType = 255;

    /// <summary>Reads a request for a new upload.</summary>
    /// <returns>The upload, and its first bytes if there are any; or why the request cannot be understood.</returns>
    public static (NewUpload? Wanted, RequestBody? First, Problem? Refused) ReadCreation(HttpRequest request)
    {
        var (body, refused) = ReadBody(request, offset: 0);
        if (body is null)
            return (null, null, refused);
        if (!IetfDigests.TryRead(request.Headers, IetfHeaders.ReprDigest, out var digest))
            return (null, null, IetfProblems.InvalidDigest);
        var length = body.LengthFrom(0);
        // "The client intends to upload an empty representation": but an empty file cannot be printed, and is refused by every protocol.
        if (length == 0)
            return (null, null, Problems.EmptyFile);
        // "If indicators (1) and (2) are both present in the same request, their indicated lengths MUST match."
        if (body.IsLast && body.Size < length)
            return (null, null, Problems.OtherLength);
        if (body.Size > length)
            return (null, null, Problems.UploadTooLong);

        var upload = new NewUpload(FileNames.Clean(NameOf(request) ?? ""), length, TypeOf(request), digest, Metadata: null, Concat: null);
        return (upload, body.Size == 0 ? null : body, null);
    }

    /// <summary>Reads a request that adds to an upload.</summary>
    /// <returns>What it adds, or why it cannot be understood.</returns>
    public static (RequestBody? Body, Problem? Refused) ReadAppend(HttpRequest request)
    {
        if (request.GetTypedHeaders().ContentType?.MediaType.Equals(IetfHeaders.PartialUpload, StringComparison.OrdinalIgnoreCase) != true)
            return (null, IetfProblems.OtherContentType);
        // "The client MUST indicate the offset of the request content".
        return request.Headers.ReadInteger(UploadHeaders.Offset) is { } offset
            ? ReadBody(request, offset)
            : (null, Problems.InvalidHeader(UploadHeaders.Offset));
    }

    private static (RequestBody? Body, Problem? Refused) ReadBody(HttpRequest request, long offset)
    {
        if (request.Headers.ReadBoolean(IetfHeaders.Complete) is not { } isLast)
            return (null, Problems.InvalidHeader(IetfHeaders.Complete));
        if (IetfDigests.ReadContent(request, out var checksum) is { } unreadable)
            return (null, unreadable);
        var size = UploadHeaders.HasBody(request) ? request.ContentLength : 0;
        var body = new RequestBody(request.Body.ReadAsync, size, ClientNetwork.Of(request.HttpContext), request.HttpContext.RequestAborted)
        {
            Offset = offset,
            Length = request.Headers.ReadInteger(UploadHeaders.Length),
            IsLast = isLast,
            // "Rejecting the request once the offset exceeds the length, marking the upload resource invalid".
            MustFit = true,
            Checksum = checksum,
        };
        return (body, null);
    }

    // "The Content-Disposition header field can be used to transmit a filename", whatever its type is.
    private static string? NameOf(HttpRequest request) =>
        ContentDisposition.Read(HeaderBytes.AsText(request.Headers.ContentDisposition.ToString()))?.FileName;

    private static string? TypeOf(HttpRequest request) => HeaderBytes.AsText(request.ContentType) is { Length: <= LongestType } type ? type : null;
}
