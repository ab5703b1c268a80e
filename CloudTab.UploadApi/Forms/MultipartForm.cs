using System.Buffers;
using System.Text;
using System.Text.Unicode;
using CloudTab.ServiceDefaults;
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

    // Besides files a form has little to say: what is more only costs us.
    private const int MostOtherParts = 100;
    private const int MostFieldBytes = 64 << 10;

    // The encodings that change nothing (RFC 2045, 6.2).
    private static readonly SearchValues<string> Identities = SearchValues.Create(["7bit", "8bit", "binary"], StringComparison.OrdinalIgnoreCase);

    private readonly MultipartReader _reader;
    private readonly byte[] _head = new byte[FileSignatures.HeadSize];
    private readonly IReadOnlyCollection<string> _kept;
    private readonly Dictionary<string, string> _texts = new(StringComparer.Ordinal);
    private readonly HashSet<string> _behindFiles = new(StringComparer.Ordinal);
    private byte[]? _fields;
    private int _fieldBytes;
    private int _otherParts;

    private MultipartForm(string boundary, Stream body, IReadOnlyCollection<string> kept)
    {
        _reader = new(boundary, body, ReadBuffer) { HeadersCountLimit = MostHeaders, HeadersLengthLimit = HeaderBytes };
        _kept = kept;
    }

    /// <summary>The contents of the kept fields that have been read, those of the last if there are several of a name.</summary>
    public IReadOnlyDictionary<string, string> Texts => _texts;

    /// <summary>The kept fields that have been read behind the last file.</summary>
    public IReadOnlyCollection<string> BehindFiles => _behindFiles;

    /// <summary>The request's body as a form, or null if its Content-Type says that it is none.</summary>
    /// <param name="kept">Names of the fields that are kept besides files.</param>
    public static MultipartForm? Open(HttpRequest request, IReadOnlyCollection<string> kept)
    {
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type))
            return null;
        if (!type.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase))
            return null;
        var boundary = HeaderUtilities.RemoveQuotes(type.Boundary);
        return boundary.Length is > 0 and <= LongestBoundary ? new(boundary.ToString(), request.Body, kept) : null;
    }

    /// <summary>
    /// The next file with its first bytes, or none at the end. The rest of the file before it is skipped, and the fields between them are
    /// read. A part that is neither a file nor a field that can be read is refused: a file could be lost with it.
    /// </summary>
    public async Task<(FormFile? File, Problem? Refused)> NextFileAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (await _reader.ReadNextSectionAsync(cancellationToken) is { } section)
            {
                if (Describe(section) is not { } part)
                    return (null, Problems.UnreadablePart);
                var length = await section.Body.ReadAtLeastAsync(_head, _head.Length, throwOnEndOfStream: false, cancellationToken);
                var head = _head.AsMemory(0, length);
                if (IsFile(part, section, head.Span))
                {
                    if (part.Name != FileEndpoints.Field)
                        return (null, Problems.OtherField);
                    _behindFiles.Clear();
                    return (new FormFile(part.FileName ?? "", section.ContentType, head, section.Body), null);
                }

                if (await ReadFieldAsync(part.Name!, head, section.Body, cancellationToken) is { } refused)
                    return (null, refused);
            }

            return (null, null);
        }
        catch (Exception broken) when (IsBroken(broken))
        {
            throw Refusal(broken);
        }
    }

    /// <summary>What a part says of itself, or null if its content cannot be taken as it is.</summary>
    private static ContentDisposition? Describe(MultipartSection section)
    {
        if (section.Headers is not { } headers || headers.GetValueOrDefault(HeaderNames.ContentDisposition) is not [{ } header])
            return null;
        // RFC 7578, 4.7 deprecates encodings, and 4.3 parts of parts: what clients do not send is not worth decoding.
        var encoding = headers.GetValueOrDefault("Content-Transfer-Encoding").ToString();
        if (encoding.Length > 0 && !Identities.Contains(encoding))
            return null;
        if (section.ContentType?.StartsWith("multipart/", StringComparison.OrdinalIgnoreCase) == true)
            return null;
        return ContentDisposition.Read(header) is { Name.Length: > 0 } part ? part : null;
    }

    /// <summary>
    /// Whether a part is a file. "The 'filename' parameter" is only a SHOULD (RFC 7578, 4.2): a file without it has a type in our field,
    /// or begins like a file in another.
    /// </summary>
    private static bool IsFile(ContentDisposition part, MultipartSection section, ReadOnlySpan<byte> head)
    {
        // Browsers send an empty name and no content if nothing was chosen.
        if (head.IsEmpty)
            return part.FileName is { Length: > 0 };
        if (part.FileName is not null)
            return true;
        return part.Name == FileEndpoints.Field
            ? !string.IsNullOrEmpty(section.ContentType)
            : FileSignatures.Detect(head) is not (null or MediaTypes.Text);
    }

    private async Task<Problem?> ReadFieldAsync(string name, ReadOnlyMemory<byte> head, Stream rest, CancellationToken cancellationToken)
    {
        if (++_otherParts > MostOtherParts || head.Length > MostFieldBytes - _fieldBytes)
            return Problems.FieldsTooLarge;
        _fields ??= new byte[MostFieldBytes + 1];
        var content = _fields.AsMemory(_fieldBytes);
        head.CopyTo(content);
        var length = head.Length + await rest.ReadAtLeastAsync(content[head.Length..], content.Length - head.Length, throwOnEndOfStream: false, cancellationToken);
        _fieldBytes += length;
        if (_fieldBytes > MostFieldBytes)
            return Problems.FieldsTooLarge;
        if (length > 0 && name == FileEndpoints.Field)
            return Problems.NoFileInPart;
        if (!Utf8.IsValid(content.Span[..length]))
            return Problems.UnreadablePart;
        if (!_kept.Contains(name, StringComparer.Ordinal))
            return null;
        _texts[name] = Encoding.UTF8.GetString(content.Span[..length]);
        _behindFiles.Add(name);
        return null;
    }

    // The reader and Kestrel throw these because of what the client sent, or stopped sending. What Kestrel already calls a bad request
    // keeps its status.
    internal static bool IsBroken(Exception exception) =>
        exception is InvalidDataException or (IOException and not BadHttpRequestException);

    internal static BadHttpRequestException Refusal(Exception broken) => new("The multipart body is broken.", broken);
}

/// <summary>One file of a form. Only valid until the next one is read.</summary>
/// <param name="Name">The file's name as the client sent it, or empty.</param>
/// <param name="DeclaredType">The media type that the client gave, if any.</param>
/// <param name="Head">The first bytes of the content, <see cref="FileSignatures.HeadSize"/> unless there are fewer.</param>
internal sealed record FormFile(string Name, string? DeclaredType, ReadOnlyMemory<byte> Head, Stream Rest)
{
    private ReadOnlyMemory<byte> _head = Head;

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
}
