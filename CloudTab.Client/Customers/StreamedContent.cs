using System.Buffers;
using System.Net;

namespace CloudTab.Client;

/// <summary>The rest of a stream as a request's body. Unlike <see cref="StreamContent"/> it says how far it is, and leaves the stream open.</summary>
/// <param name="count">Bytes that are sent; null: all that come, of a stream that cannot say how many.</param>
internal sealed class StreamedContent(Stream content, long? count, Action<int> moved) : HttpContent
{
    private readonly long? _count = count ?? (content.CanSeek ? content.Length - content.Position : null);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(64 << 10);
        try
        {
            while (await content.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) is > 0 and var read)
            {
                await stream.WriteAsync(buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
                moved(read);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer, clearArray: true); // It is a customer's document.
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _count ?? 0;
        return _count is not null;
    }
}
