using CloudTab.Relay;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>
/// What a file is, judged by its content: by its first bytes, where they only say "a ZIP archive" or "an OLE compound file" by what
/// is inside, and as text where there is nothing but text from beginning to end. The client's word and the name's ending decide
/// nothing but CSV against plain text, and what text is certainly not for printing.
/// </summary>
internal sealed class FileTypes(ObjectStore store, IOptions<UploadOptions> options)
{
    /// <summary>All media types that CloudTab can tell.</summary>
    public static IReadOnlySet<string> Known { get; } = new HashSet<string>(StringComparer.Ordinal)
    {
        MediaTypes.Pdf, MediaTypes.Jpeg, MediaTypes.Png, MediaTypes.Tiff, MediaTypes.Heic, MediaTypes.Heif, MediaTypes.WebP,
        MediaTypes.Doc, MediaTypes.Xls, MediaTypes.Ppt, MediaTypes.Docx, MediaTypes.Xlsx, MediaTypes.Pptx, MediaTypes.Odt,
        MediaTypes.Rtf, MediaTypes.Text, MediaTypes.Csv,
    };

    private readonly IReadOnlySet<string> _accepted = options.Value.Accepted;

    /// <summary>Begins to judge a file by its first bytes.</summary>
    /// <param name="head">The first <see cref="FileSignatures.HeadSize"/> bytes, or all where there are fewer.</param>
    /// <param name="name">The name that the client gave.</param>
    /// <param name="declared">The media type that the client gave, if any.</param>
    /// <returns>Null where the file is of no type that is accepted, whatever follows.</returns>
    public FileCheck? Begin(ReadOnlySpan<byte> head, string name, string? declared)
    {
        var kind = FileSignatures.Detect(head);
        var check = kind switch
        {
            Kind.None => null,
            Kind.Text when PlainText.IsActive(name) => null,
            Kind.Text => new FileCheck(kind, IsCsv(name, declared) ? [MediaTypes.Csv] : [MediaTypes.Text]) { Text = new PlainText(head) },
            Kind.Zip => new FileCheck(kind, [MediaTypes.Docx, MediaTypes.Xlsx, MediaTypes.Pptx, MediaTypes.Odt]),
            Kind.CompoundFile => new FileCheck(kind, [MediaTypes.Doc, MediaTypes.Xls, MediaTypes.Ppt]),
            _ => new FileCheck(kind, [FileSignatures.MediaTypeOf(kind)]),
        };
        return check is not null && check.Candidates.Any(_accepted.Contains) ? check : null;
    }

    /// <summary>Judges a file whose bytes have all been seen and are durable.</summary>
    /// <returns>Its media type, or null where it is not accepted.</returns>
    public async Task<string?> ConcludeAsync(FileCheck check, string objectKey, long size, CancellationToken cancellationToken)
    {
        if (check.Kind is not (Kind.Zip or Kind.CompoundFile))
            return check.Text is null || check.Text.IsText ? check.Candidates[0] : null;
        await using var content = new ObjectStream(store, objectKey, size);
        var type = await InspectAsync(check.Kind, content, cancellationToken);
        return type is not null && _accepted.Contains(type) ? type : null;
    }

    /// <summary>The media type of a container by what it contains, or null where it is none that is known, or damaged.</summary>
    private static async Task<string?> InspectAsync(Kind kind, ObjectStream content, CancellationToken cancellationToken)
    {
        try
        {
            return kind == Kind.Zip
                ? await OfficeZip.DetectAsync(content, cancellationToken)
                : await OfficeCompoundFile.DetectAsync(content, cancellationToken);
        }
        catch (Exception damaged) when (damaged is InvalidDataException or EndOfStreamException or System.Xml.XmlException or NotSupportedException)
        {
            return null;
        }
    }

    private static bool IsCsv(string name, string? declared) =>
        FileNames.EndingOf(name) == ".csv" || declared is not null && declared.StartsWith(MediaTypes.Csv, StringComparison.OrdinalIgnoreCase);
}

/// <summary>A file that is being judged.</summary>
/// <param name="Kind">What its first bytes say.</param>
/// <param name="Candidates">The media types that it can still turn out to be.</param>
internal sealed record FileCheck(Kind Kind, string[] Candidates)
{
    /// <summary>The check of its content as text; null where it is no text.</summary>
    public PlainText? Text { get; init; }

    /// <summary>Looks at the next bytes, beginning with the first.</summary>
    /// <returns>Whether the file can still be accepted.</returns>
    public bool Add(ReadOnlySpan<byte> bytes) => Text is null || Text.Add(bytes);
}

/// <summary>The names of the types in answers (https://www.iana.org/assignments/media-types).</summary>
internal static class MediaTypes
{
    public const string Pdf = "application/pdf";
    public const string Jpeg = "image/jpeg";
    public const string Png = "image/png";
    public const string Tiff = "image/tiff";
    public const string Heic = "image/heic";
    public const string Heif = "image/heif";
    public const string WebP = "image/webp";
    public const string Doc = "application/msword";
    public const string Xls = "application/vnd.ms-excel";
    public const string Ppt = "application/vnd.ms-powerpoint";
    public const string Docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    public const string Xlsx = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    public const string Pptx = "application/vnd.openxmlformats-officedocument.presentationml.presentation";
    public const string Odt = "application/vnd.oasis.opendocument.text";
    public const string Rtf = "application/rtf";
    public const string Text = "text/plain";
    public const string Csv = "text/csv";
}
