using System.Buffers;
using System.IO.Compression;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;

namespace CloudTab.DevHost.Dashboard.Otlp;

/// <summary>OTLP over HTTP with Protobuf bodies, plain or gzip: https://opentelemetry.io/docs/specs/otlp/#otlphttp.</summary>
internal static class OtlpHttp
{
    private const string Protobuf = "application/x-protobuf";

    public static void MapOtlp(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/traces", (HttpContext context, OtlpReceiver receiver) => AnswerAsync(context, receiver, ExportTraceServiceRequest.Parser, receiver.Receive));
        routes.MapPost("/v1/logs", (HttpContext context, OtlpReceiver receiver) => AnswerAsync(context, receiver, ExportLogsServiceRequest.Parser, receiver.Receive));
        routes.MapPost("/v1/metrics", (HttpContext context, OtlpReceiver receiver) => AnswerAsync(context, receiver, ExportMetricsServiceRequest.Parser, receiver.Receive));
    }

    private static async Task AnswerAsync<T>(HttpContext context, OtlpReceiver receiver, MessageParser<T> parser, Func<T, ExportResponse> receive)
        where T : IMessage<T>
    {
        var request = context.Request;
        if (!receiver.Admits(request.Headers[OtlpReceiver.KeyHeader]))
        {
            await RefuseAsync(context, StatusCodes.Status401Unauthorized, $"The header {OtlpReceiver.KeyHeader} is missing or wrong.");
            return;
        }

        if (request.ContentType?.Split(';')[0].Trim() is not Protobuf)
        {
            await RefuseAsync(context, StatusCodes.Status415UnsupportedMediaType, $"Only {Protobuf} is understood.");
            return;
        }

        if (request.Headers.ContentEncoding.ToString() is not ("" or "identity" or "gzip"))
        {
            await RefuseAsync(context, StatusCodes.Status415UnsupportedMediaType, "Only gzip is understood.");
            return;
        }

        try
        {
            context.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = receiver.MaxRequestSize;
            var message = await ReadAsync(request, parser, receiver.MaxRequestSize, context.RequestAborted);
            if (message is null)
                await RefuseAsync(context, StatusCodes.Status413PayloadTooLarge, $"More than {receiver.MaxRequestSize} bytes.");
            else
                await WriteAsync(context, StatusCodes.Status200OK, receive(message));
        }
        catch (BadHttpRequestException e) when (e.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            await RefuseAsync(context, StatusCodes.Status413PayloadTooLarge, $"More than {receiver.MaxRequestSize} bytes.");
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or InvalidDataException)
        {
            await RefuseAsync(context, StatusCodes.Status400BadRequest, e.Message);
        }
    }

    /// <returns>Null where it is too large once unpacked.</returns>
    private static async Task<T?> ReadAsync<T>(HttpRequest request, MessageParser<T> parser, int limit, CancellationToken gone)
        where T : IMessage<T>
    {
        var isPacked = request.Headers.ContentEncoding == "gzip";
        await using var body = isPacked ? new GZipStream(request.Body, CompressionMode.Decompress) : request.Body;
        var expected = isPacked ? 64 * 1024 : (int)Math.Min(request.ContentLength ?? 64 * 1024, limit);
        var buffer = ArrayPool<byte>.Shared.Rent(expected + 1);
        try
        {
            var length = 0;
            while (await body.ReadAsync(buffer.AsMemory(length), gone) is > 0 and var read)
            {
                length += read;
                if (length > limit)
                    return default;
                if (length == buffer.Length)
                    Grow(ref buffer);
            }

            return parser.ParseFrom(buffer.AsSpan(0, length));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static void Grow(ref byte[] buffer)
    {
        var larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
        buffer.CopyTo(larger, 0);
        ArrayPool<byte>.Shared.Return(buffer);
        buffer = larger;
    }

    /// <summary>"The response body for all HTTP 4xx and HTTP 5xx responses MUST be a Protobuf-encoded Status message."</summary>
    private static Task RefuseAsync(HttpContext context, int status, string why) => WriteAsync(context, status, new RpcStatus { Message = why });

    private static async Task WriteAsync(HttpContext context, int status, IMessage message)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = Protobuf;
        context.Response.ContentLength = message.CalculateSize();
        await context.Response.Body.WriteAsync(message.ToByteArray(), context.RequestAborted);
    }
}
