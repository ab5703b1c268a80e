using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.Net.Http.Headers;

namespace CloudTab.ShopApi;

/// <summary>
/// The bytes of a file, or those of one range, on their way from S3 to the shop; never more than a buffer of them here. Conditions and
/// ranges are the framework's. Of several ranges at once the whole file is sent, which RFC 9110, section 14.2, allows.
/// </summary>
internal sealed class FileDownload(StoredFile file, bool isInline = false) : IResult
{
    public async Task ExecuteAsync(HttpContext context)
    {
        var services = context.RequestServices;
        var logger = services.GetRequiredService<ILogger<FileDownload>>();
        var response = context.Response;
        response.Headers.Vary = HeaderNames.Accept;
        response.Headers.AcceptRanges = "bytes";
        await using var bytes = new FileBytes(file, services.GetRequiredService<ObjectStore>(), services.GetRequiredService<TimeProvider>(), response);
        try
        {
            var tag = new EntityTagHeaderValue($"\"{file.Sha256}\"");
            response.Headers.ContentDisposition = isInline ? file.Inline : file.Attachment;
            await TypedResults.Stream(bytes, file.Type, fileDownloadName: null, new(file.StoredAt), tag, HasRange(context.Request)).ExecuteAsync(context);
            if (Refusal(response.StatusCode) is { } refusal)
                await RefuseAsync(context, refusal);
        }
        catch (FileNotFoundException)
        {
            // Completed since the row was read, or something else than CloudTab has deleted the object.
            logger.ObjectMissing(file.Id);
            response.Headers.Remove(HeaderNames.ContentRange);
            await RefuseAsync(context, Problems.FileDeleted);
        }
        catch (Exception cut) when (bytes.Count is not null && !context.RequestAborted.IsCancellationRequested && IsOfS3(cut))
        {
            // The status is sent already: only a broken connection tells the client that the file is not whole.
            logger.DownloadCut(file.Id, bytes.Count.Value, cut);
            context.Abort();
        }
        finally
        {
            if (bytes.Count is { } sent)
                services.GetRequiredService<Telemetry>().RecordDownload(sent);
        }
    }

    /// <summary>
    /// Section 14.2: "GET is the only method for which range handling is defined." The framework takes HEAD too, and any unit for bytes.
    /// </summary>
    private static bool HasRange(HttpRequest request) =>
        HttpMethods.IsGet(request.Method) && request.Headers.Range.ToString().StartsWith("bytes=", StringComparison.OrdinalIgnoreCase);

    private static Problem? Refusal(int status) => status switch
    {
        StatusCodes.Status412PreconditionFailed => Problems.PreconditionFailed,
        StatusCodes.Status416RangeNotSatisfiable => Problems.RangeNotSatisfiable,
        _ => null,
    };

    private static Task RefuseAsync(HttpContext context, Problem problem)
    {
        context.Response.ContentLength = null;
        context.Response.Headers.Remove(HeaderNames.ContentDisposition);
        context.Response.Headers.Remove(HeaderNames.LastModified);
        context.Response.Headers.Remove(HeaderNames.ETag);
        return problem.ExecuteAsync(context);
    }

    internal static bool IsOfS3(Exception cut) =>
        cut is IOException or OperationCanceledException || Outage.IsOrRefusal(cut);
}
