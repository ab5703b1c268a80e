using CloudTab.Relay;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>
/// What a file is, judged by its content: by its first bytes; if these only say "a ZIP archive" or "an OLE compound file", by what is
/// inside; and as text if there is nothing but text from beginning to end. The type that the client declares and the ending of the
/// name decide two things only: CSV or plain text, and which texts are certainly not for printing.
/// </summary>
internal sealed class FileTypes(ObjectStore store, IOptions<UploadOptions> options)
{
    private readonly IReadOnlySet<string> _accepted = options.Value.Accepted;

    /// <summary>Begins to judge a file by its first bytes.</summary>
    /// <param name="head">The first <see cref="FileSignatures.HeadSize"/> bytes, or all if there are fewer.</param>
    /// <param name="name">The name that the client gave.</param>
    /// <param name="declared">The media type that the client gave, if any.</param>
    /// <returns>Null if the file is of no type that is accepted, whatever follows.</returns>
    public FileCheck? Begin(ReadOnlySpan<byte> head, string name, string? declared)
    {
        var found = FileSignatures.Detect(head);
        string[] candidates = found switch
        {
            null => [],
            MediaTypes.Text when PlainText.IsActive(name) => [],
            MediaTypes.Text when IsCsv(name, declared) => [MediaTypes.Csv],
            MediaTypes.Zip => [MediaTypes.Docx, MediaTypes.Xlsx, MediaTypes.Pptx, MediaTypes.Odt],
            MediaTypes.CompoundFile => [MediaTypes.Doc, MediaTypes.Xls, MediaTypes.Ppt],
            _ => [found],
        };
        return candidates.Any(_accepted.Contains)
            ? new FileCheck(found!, candidates) { Text = found == MediaTypes.Text ? new PlainText(head) : null }
            : null;
    }

    /// <summary>Judges a file whose bytes have all been seen and are durable.</summary>
    /// <returns>Its media type, or null if it is not accepted.</returns>
    public async Task<string?> ConcludeAsync(FileCheck check, string objectKey, long size, CancellationToken cancellationToken)
    {
        if (check.Found is not (MediaTypes.Zip or MediaTypes.CompoundFile))
            return check.Text is null or { IsText: true } ? check.Candidates[0] : null;
        await using var content = new ObjectStream(store, objectKey, size);
        var type = await LookInsideAsync(check.Found, content, cancellationToken);
        return type is not null && _accepted.Contains(type) ? type : null;
    }

    /// <summary>The media type of the document in a container; null if it holds none that is known, or is damaged.</summary>
    private static async Task<string?> LookInsideAsync(string container, ObjectStream content, CancellationToken cancellationToken)
    {
        try
        {
            return container == MediaTypes.Zip
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
/// <param name="Found">The media type that its first bytes speak for.</param>
/// <param name="Candidates">The media types that it can still turn out to be.</param>
internal sealed record FileCheck(string Found, string[] Candidates)
{
    /// <summary>The check of its content as text; null if it is no text.</summary>
    public PlainText? Text { get; init; }

    /// <summary>Looks at the next bytes, beginning with the first.</summary>
    /// <returns>Whether the file can still be accepted.</returns>
    public bool Add(ReadOnlySpan<byte> bytes) => Text is null || Text.Add(bytes);
}
