using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;

namespace CloudTab.ServiceDefaults;

/// <summary>
/// Ends requests that were answered before their body had come in. The client may still be sending, and many look at the answer only when
/// they have sent everything; a connection that is closed before is reset, and may take the answer with it. So the answer is completed, the
/// rest is read and discarded within limits, and only then is the connection closed. Kestrel would read for five seconds, however much.
///
/// A client that only has to ask for the offset again may send its whole file before it looks at the answer, and its customer pays for
/// every byte: it is cut off at once, which tells it as much as the answer. Over HTTP/2 the stream is reset, and the connection stays.
/// </summary>
public static class RestOfBody
{
    // A completed answer is not sent yet: it gets this long at least before the connection is ended.
    private static readonly TimeSpan TimeForAnswer = TimeSpan.FromMilliseconds(50);

    // A phone that uploads 50 MB reads the answer before it has sent all, or in half a minute; a browser on a fast line sends all of it.
    private static readonly Limits Patient = new(64 << 20, TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(5));
    private static readonly Limits Brief = new(256 << 10, TimeForAnswer, TimeForAnswer);

    /// <summary>Cuts the client off soon after the answer: whatever it sends on, it will have to send again.</summary>
    public static void CutAfterAnswer(this HttpContext context) => context.Features.Set(Brief);

    internal static void UseRestOfBody(this WebApplication app) => app.Use((context, next) =>
        context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == true && !HttpProtocol.IsHttp2(context.Request.Protocol)
            ? InvokeAsync(context, next)
            : next(context));

    private static async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        await next(context);
        if (!context.RequestAborted.IsCancellationRequested && !HasCome(context))
            await DiscardAsync(context, context.Features.Get<Limits>() ?? (AsksForOffset(context) ? Brief : Patient));
    }

    private static bool AsksForOffset(HttpContext context) => HttpMethods.IsPatch(context.Request.Method)
        && context.Response.StatusCode is StatusCodes.Status409Conflict or StatusCodes.Status423Locked or StatusCodes.Status503ServiceUnavailable;

    private static bool HasCome(HttpContext context)
    {
        // What is only discarded may be larger than what the endpoint would have read.
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            limit.MaxRequestBodySize = null;
        var body = context.Request.BodyReader;
        try
        {
            if (!body.TryRead(out var read))
                return false;
            body.AdvanceTo(read.Buffer.Start);
            return read.IsCompleted && read.Buffer.IsEmpty;
        }
        catch (BadHttpRequestException)
        {
            return false; // it cannot be read at all
        }
    }

    private static async Task DiscardAsync(HttpContext context, Limits limits)
    {
        var (body, clock) = (context.Request.BodyReader, context.RequestServices.GetRequiredService<TimeProvider>());
        using var patience = new CancellationTokenSource(Timeout.InfiniteTimeSpan, clock);
        var began = clock.GetTimestamp();
        try
        {
            await context.Response.CompleteAsync();
            for (long bytes = 0; bytes < limits.Bytes && clock.GetElapsedTime(began) is var elapsed && elapsed < limits.Time;)
            {
                patience.CancelAfter(limits.Time - elapsed < limits.Silence ? limits.Time - elapsed : limits.Silence);
                var read = await body.ReadAsync(patience.Token);
                bytes += read.Buffer.Length;
                body.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                    return;
            }
        }
        catch (Exception gone) when (gone is OperationCanceledException or IOException)
        {
            // The client has left, or is silent: there is nothing to wait for.
        }

        await Task.Delay(TimeForAnswer, TimeProvider.System, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        context.Abort();
    }

    private sealed record Limits(long Bytes, TimeSpan Time, TimeSpan Silence);
}
