using System.Net;
using System.Net.Http.Headers;

namespace CloudTab.PrintAgent;

/// <summary>A request's body: the message, and behind it the document, whose length need not be known: it is then sent in chunks (RFC 8010, section 3).</summary>
internal sealed class IppContent : HttpContent
{
    private const int BufferSize = 64 * 1024;

    private readonly byte[] _message;
    private readonly Stream? _document;
    private readonly Action _progress;

    /// <param name="progress">Called after each piece of the document that the connection took.</param>
    public IppContent(byte[] message, Stream? document, Action progress)
    {
        (_message, _document, _progress) = (message, document, progress);
        Headers.ContentType = new MediaTypeHeaderValue("application/ipp");
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        await stream.WriteAsync(_message, cancellationToken);
        if (_document is null)
            return;
        var buffer = new byte[BufferSize];
        while (await _document.ReadAsync(buffer, cancellationToken) is > 0 and var count)
        {
            await stream.WriteAsync(buffer.AsMemory(0, count), cancellationToken);
            _progress();
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _message.Length;
        return _document is null;
    }
}
