using System.Security.Cryptography;
using Microsoft.AspNetCore.Connections;

namespace CloudTab.LocalS3;

/// <summary>Gives every request an id, and writes failures as S3's XML.</summary>
internal static class ErrorResponses
{
    // Linux and macOS: ENOSPC, and EDQUOT of each. Windows: ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL.
    private static readonly int[] DiskFullCodes = [28, 122, 69, unchecked((int)0x80070027), unchecked((int)0x80070070)];

    public static async Task HandleAsync(HttpContext context, RequestDelegate next, ILogger logger)
    {
        var requestId = RandomNumberGenerator.GetHexString(16);
        context.Response.Headers["x-amz-request-id"] = requestId;
        context.Response.Headers.Server = "CloudTab.LocalS3";
        try
        {
            await next(context);
        }
        catch (S3Exception exception)
        {
            await WriteAsync(context, requestId, exception);
        }
        catch (BadHttpRequestException exception) when (exception.StatusCode == StatusCodes.Status400BadRequest)
        {
            // Kestrel: the body ended before Content-Length was reached, or its HTTP framing was broken.
            await WriteAsync(context, requestId, new S3Exception(S3Error.IncompleteBody));
        }
        catch (Exception exception) when (exception is OperationCanceledException or ConnectionResetException && context.RequestAborted.IsCancellationRequested)
        {
            // The client has disconnected.
        }
        catch (IOException exception) when (IsDiskFull(exception))
        {
            logger.DiskFull(requestId);
            await WriteAsync(context, requestId, new S3Exception(S3Error.InsufficientStorage));
        }
        catch (Exception exception) when (exception is not BadHttpRequestException)
        {
            logger.RequestFailed(exception, requestId);
            await WriteAsync(context, requestId, new S3Exception(S3Error.InternalError));
        }
    }

    private static bool IsDiskFull(IOException exception) => Array.IndexOf(DiskFullCodes, exception.HResult) >= 0;

    private static async Task WriteAsync(HttpContext context, string requestId, S3Exception exception)
    {
        if (context.Response.HasStarted)
        {
            // The status is sent already: only a broken connection can still tell the client.
            context.Abort();
            return;
        }

        context.Response.StatusCode = exception.Error.Status;
        context.Response.Headers.ContentLength = null;
        if (HttpMethods.IsHead(context.Request.Method))
            return;

        var document = exception.Error.ToXml(requestId, context.Request.Path, exception.Message);
        if (exception.Detail is not null)
            document.Add(exception.Detail);
        await Xml.WriteAsync(context.Response, document, context.RequestAborted);
    }
}
