using System.Net;
using System.Net.Http.Headers;

namespace CloudTab.PrintAgent;

/// <summary>A request's body: the message, and behind it the document, whose length need not be known: it is then sent in chunks (RFC 8010, section 3).</summary>
internal sealed class IppContent : HttpContent
{
    private const int BufferSize = 64 * 1024;

    private readonly byte[] _message;
    private readonly Stream? _document;

    public IppContent(byte[] message, Stream? document)
    {
        (_message, _document) = (message, document);
        Headers.ContentType = new MediaTypeHeaderValue("application/ipp");
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        await stream.WriteAsync(_message, cancellationToken);
        if (_document is not null)
            await _document.CopyToAsync(stream, BufferSize, cancellationToken);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _message.Length;
        return _document is null;
    }
}
