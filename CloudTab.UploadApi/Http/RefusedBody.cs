using System.Buffers;
using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>
/// Ends requests that are refused before their body has come in. The client may still be sending, and does not see the answer if its
/// connection is closed at once; but 5 GB must not be read only to be refused. So the answer is sent, a limited rest of the body is read
/// and discarded, and then the connection is closed.
///
/// A resumable client that only has to ask for the offset again may send its whole file before it looks at the answer, and its customer
/// pays for every byte: it is cut off at once, which tells it as much as the answer.
/// </summary>
internal static class RefusedBody
{
    private const int RestLimit = 16 << 20;
    private const int RestLimitOfResumable = 256 << 10;
    private const int BufferSize = 64 << 10;
    private static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan TimeLimitOfResumable = TimeSpan.FromMilliseconds(50);

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
        var (bytes, time) = AsksForOffset(context) ? (RestLimitOfResumable, TimeLimitOfResumable) : (RestLimit, TimeLimit);
        if (!await ReadRestAsync(context, bytes, time))
            context.Abort();
        return Results.Empty;
    }

    private static bool AsksForOffset(HttpContext context) => HttpMethods.IsPatch(context.Request.Method)
        && context.Response.StatusCode is StatusCodes.Status409Conflict or StatusCodes.Status423Locked or StatusCodes.Status503ServiceUnavailable;

    private static async Task<bool> ReadRestAsync(HttpContext context, int bytes, TimeSpan time)
    {
        var clock = context.RequestServices.GetRequiredService<TimeProvider>();
        using var limit = clock.Limit(time, context.RequestAborted);
        using var buffer = MemoryPool<byte>.Shared.Rent(BufferSize);
        try
        {
            for (var rest = bytes; rest > 0;)
            {
                var count = await context.Request.Body.ReadAsync(buffer.Memory, limit.Token);
                if (count == 0)
                    return true;
                rest -= count;
            }
        }
        catch (Exception gone) when (gone is OperationCanceledException or IOException)
        {
            // The client has left, or is too slow: there is nothing to wait for.
        }

        return false;
    }
}
