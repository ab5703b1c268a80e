using System.Buffers;

namespace CloudTab.UploadApi;

/// <summary>
/// Ends requests that are refused before their body has come in. The client may still be sending, and one whose connection is
/// closed in its face does not see the answer; but 5 GB are not read only to be refused. So the answer goes out, a bounded rest is
/// read and thrown away, and then the connection is closed.
/// </summary>
internal static class EarlyAnswer
{
    private const int MostBytes = 16 << 20;
    private const int BufferSize = 64 << 10;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

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
        if (!await ReadRestAsync(context))
            context.Abort();
        return Results.Empty;
    }

    private static async Task<bool> ReadRestAsync(HttpContext context)
    {
        var clock = context.RequestServices.GetRequiredService<TimeProvider>();
        using var limit = new CancellationTokenSource(Patience, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, context.RequestAborted);
        using var buffer = MemoryPool<byte>.Shared.Rent(BufferSize);
        try
        {
            for (var rest = MostBytes; rest > 0;)
            {
                var count = await context.Request.Body.ReadAsync(buffer.Memory, either.Token);
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
