using System.Buffers;
using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>
/// Ends requests that are refused before their body has come in. The client may still be sending, and one whose connection is
/// closed in its face does not see the answer; but 5 GB are not read only to be refused. So the answer goes out, a bounded rest is
/// read and thrown away, and then the connection is closed.
///
/// A resumable client that only has to ask for the offset again pays for every byte that it sends until it hears so, and may have sent
/// its whole file before it looks: it is cut at once, which tells it as much as the answer.
/// </summary>
internal static class RefusedBody
{
    private const int MostBytes = 16 << 20;
    private const int MostBytesOfResumable = 256 << 10;
    private const int BufferSize = 64 << 10;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan PatienceWithResumable = TimeSpan.FromMilliseconds(50);

    /// <summary>An endpoint filter for endpoints that take large bodies.</summary>
    public static async ValueTask<object?> Filter(EndpointFilterInvocationContext invocation, EndpointFilterDelegate next)
    {
        var result = await next(invocation);
        if (result is not IResult answer)
            return result;
        var context = invocation.HttpContext;
        await answer.ExecuteAsync(context);
        if (context.Response.StatusCode < StatusCodes.Status400BadRequest)
            return Results.Empty;
        await context.Response.CompleteAsync();
        var (most, patience) = AsksForOffset(context) ? (MostBytesOfResumable, PatienceWithResumable) : (MostBytes, Patience);
        if (!await ReadRestAsync(context, most, patience))
            context.Abort();
        return Results.Empty;
    }

    private static bool AsksForOffset(HttpContext context) => HttpMethods.IsPatch(context.Request.Method)
        && context.Response.StatusCode is StatusCodes.Status409Conflict or StatusCodes.Status423Locked or StatusCodes.Status503ServiceUnavailable;

    private static async Task<bool> ReadRestAsync(HttpContext context, int most, TimeSpan patience)
    {
        var clock = context.RequestServices.GetRequiredService<TimeProvider>();
        using var limit = clock.Limit(patience, context.RequestAborted);
        using var buffer = MemoryPool<byte>.Shared.Rent(BufferSize);
        try
        {
            for (var rest = most; rest > 0;)
            {
                var count = await context.Request.Body.ReadAsync(buffer.Memory, limit.Token);
                if (count == 0)
                    return true;
                rest -= count;
            }
        }
        catch (Exception gone) when (gone is OperationCanceledException or IOException)
        {
            // The client sends no more, or too slowly: either way there is nothing to wait for.
        }

        return false;
    }
}
