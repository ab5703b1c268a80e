using System.Buffers;
using System.Runtime.CompilerServices;
using CloudTab.Relay;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Net.Http.Headers;

namespace CloudTab.ShopApi;

/// <summary>The bytes of a file, or those of one range, on their way from S3 to the shop; never more than a buffer of them here.</summary>
internal sealed class FileDownload(StoredFile file) : IResult
{
    private const int BufferSize = 64 * 1024;

    // For each read, not for the download: an S3 that stalls shall not hold a connection for ever.
    private static readonly TimeSpan StallLimit = TimeSpan.FromSeconds(30);

    public async Task ExecuteAsync(HttpContext context)
    {
        var tag = new EntityTagHeaderValue($"\"{file.Sha256}\"");
        var selection = Selection.Of(context.Request, tag, file.Size);
        if (Refusal(selection.Status) is { } refusal)
        {
            if (selection.Status == StatusCodes.Status416RangeNotSatisfiable)
                context.Response.Headers.ContentRange = new ContentRangeHeaderValue(file.Size).ToString();
            await refusal.ExecuteAsync(context);
            return;
        }

        if (selection.Status == StatusCodes.Status304NotModified || HttpMethods.IsHead(context.Request.Method))
        {
            WriteHeaders(context.Response, tag, selection);
            return;
        }

        await SendAsync(context, tag, selection);
    }

    private static ProblemHttpResult? Refusal(int status) => status switch
    {
        StatusCodes.Status412PreconditionFailed => (ProblemHttpResult)Problems.PreconditionFailed,
        StatusCodes.Status416RangeNotSatisfiable => (ProblemHttpResult)Problems.RangeNotSatisfiable,
        _ => null,
    };

    private async Task SendAsync(HttpContext context, EntityTagHeaderValue tag, Selection selection)
    {
        var services = context.RequestServices;
        var logger = services.GetRequiredService<ILogger<FileDownload>>();
        var store = services.GetRequiredService<ObjectStore>();
        var range = selection.Status == StatusCodes.Status206PartialContent ? new ByteRange(selection.First, selection.Last) : null;
        using var found = await store.GetAsync(file.ObjectKey, range, context.RequestAborted);
        if (found is null)
        {
            // Completed since the row was read, or something else than CloudTab has deleted it.
            logger.ObjectMissing(file.Id);
            await ((ProblemHttpResult)Problems.FileDeleted).ExecuteAsync(context);
            return;
        }

        WriteHeaders(context.Response, tag, selection);
        var sent = 0L;
        try
        {
            await foreach (var block in BlocksAsync(found, services.GetRequiredService<TimeProvider>(), context.RequestAborted))
            {
                await context.Response.Body.WriteAsync(block, context.RequestAborted);
                sent += block.Length;
            }

            if (sent < selection.Length)
                throw new EndOfStreamException($"S3 ended after {sent} of {selection.Length} bytes.");
        }
        catch (Exception cut) when (!context.RequestAborted.IsCancellationRequested && IsOfS3(cut))
        {
            // The status has gone out already: only a broken connection tells the client that the file is not whole.
            logger.DownloadCut(file.Id, sent, cut);
            context.Abort();
        }
        finally
        {
            services.GetRequiredService<Telemetry>().RecordDownload(sent);
        }
    }

    private static async IAsyncEnumerable<ReadOnlyMemory<byte>> BlocksAsync(
        Stream source, TimeProvider clock, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        using var stalled = clock.Limit(Timeout.InfiniteTimeSpan, cancellationToken);
        try
        {
            while (true)
            {
                stalled.CancelAfter(StallLimit);
                var count = await source.ReadAsync(buffer, stalled.Token);
                if (count == 0)
                    yield break;
                stalled.CancelAfter(Timeout.InfiniteTimeSpan);
                yield return buffer.AsMemory(0, count);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static bool IsOfS3(Exception cut) =>
        cut is IOException or OperationCanceledException || Outage.IsOrRefusal(cut);

    private void WriteHeaders(HttpResponse response, EntityTagHeaderValue tag, Selection selection)
    {
        response.StatusCode = selection.Status;
        response.Headers.ETag = tag.ToString();
        response.Headers.AcceptRanges = "bytes";
        response.Headers.Vary = HeaderNames.Accept;
        if (selection.Status == StatusCodes.Status304NotModified)
            return;
        response.ContentType = file.Type;
        response.ContentLength = selection.Length;
        response.Headers.ContentDisposition = file.ContentDisposition;
        if (selection.Status == StatusCodes.Status206PartialContent)
            response.Headers.ContentRange = new ContentRangeHeaderValue(selection.First, selection.Last, file.Size).ToString();
    }
}
