using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace CloudTab.UploadApi;

/// <summary>
/// A multipart/form-data body (RFC 7578), read part by part as it comes in. A body that is malformed or breaks off throws
/// <see cref="BadHttpRequestException"/>, which is answered with 400.
/// </summary>
internal sealed class MultipartForm
{
    private const int LongestBoundary = 256;
    private const int MostHeaders = 16;
    private const int HeaderBytes = 16 << 10;
    private const int ReadBuffer = 32 << 10;

    private readonly MultipartReader _reader;
    private readonly byte[] _head = new byte[FileSignatures.HeadSize];

    private MultipartForm(string boundary, Stream body) =>
        _reader = new(boundary, body, ReadBuffer) { HeadersCountLimit = MostHeaders, HeadersLengthLimit = HeaderBytes };

    /// <summary>The request's body as a form, or null if its Content-Type says that it is none.</summary>
    public static MultipartForm? Open(HttpRequest request)
    {
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type))
            return null;
        if (!type.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase))
            return null;
        var boundary = HeaderUtilities.RemoveQuotes(type.Boundary);
        return boundary.Length is > 0 and <= LongestBoundary ? new(boundary.ToString(), request.Body) : null;
    }

    /// <summary>The next part with its first bytes, or null at the end. The rest of the part before is skipped.</summary>
    public async Task<FormPart?> NextAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (await _reader.ReadNextSectionAsync(cancellationToken) is { } section)
            {
                // A part without a name is no field.
                if (!ContentDispositionHeaderValue.TryParse(section.ContentDisposition, out var header) || header.Name.Length == 0)
                    continue;
                var length = await section.Body.ReadAtLeastAsync(_head, _head.Length, throwOnEndOfStream: false, cancellationToken);
                var field = HeaderUtilities.RemoveQuotes(header.Name).ToString();
                return new(field, FileNames.Read(header), section.ContentType, _head.AsMemory(0, length), section.Body);
            }

            return null;
        }
        catch (Exception broken) when (IsBroken(broken))
        {
            throw Refusal(broken);
        }
    }

    // The reader and Kestrel throw these because of what the client sent, or stopped sending. What Kestrel already calls a bad request
    // keeps its status.
    internal static bool IsBroken(Exception exception) =>
        exception is InvalidDataException or (IOException and not BadHttpRequestException);

    internal static BadHttpRequestException Refusal(Exception broken) => new("The multipart body is broken.", broken);
}

/// <summary>One field of a form. Only valid until the next one is read.</summary>
/// <param name="Field">The field's name.</param>
/// <param name="FileName">The file's name as the client sent it, or null if the part is no file.</param>
/// <param name="DeclaredType">The media type that the client gave, if any.</param>
/// <param name="Head">The first bytes of the content, <see cref="FileSignatures.HeadSize"/> unless there are fewer.</param>
internal sealed record FormPart(string Field, string? FileName, string? DeclaredType, ReadOnlyMemory<byte> Head, Stream Rest)
{
    private static readonly System.Text.UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private ReadOnlyMemory<byte> _head = Head;

    /// <summary>Whether the part is a file. Browsers send one without name and content if nothing was chosen.</summary>
    public bool IsFile => FileName is not null && !(FileName.Length == 0 && Head.IsEmpty);

    /// <summary>Reads the content from its beginning, the head included.</summary>
    /// <returns>How many bytes were read; 0 at the end.</returns>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        if (!_head.IsEmpty)
        {
            var length = Math.Min(_head.Length, buffer.Length);
            _head[..length].CopyTo(buffer);
            _head = _head[length..];
            return length;
        }

        try
        {
            return await Rest.ReadAsync(buffer, cancellationToken);
        }
        catch (Exception broken) when (MultipartForm.IsBroken(broken))
        {
            throw MultipartForm.Refusal(broken);
        }
    }

    /// <summary>The content as text.</summary>
    /// <returns>Null if it is longer than <see cref="Head"/> can be, or not UTF-8.</returns>
    public string? AsText()
    {
        if (Head.Length == FileSignatures.HeadSize)
            return null;
        try
        {
            return StrictUtf8.GetString(Head.Span);
        }
        catch (System.Text.DecoderFallbackException)
        {
            return null;
        }
    }
}
