using System.Net;
using CloudTab.Relay;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>
/// What a file is, judged by its content: by its first bytes; if these only say "a ZIP archive" or "an OLE compound file", by what is
/// inside; and as text if there is nothing but text from beginning to end. The type that the client declares and the ending of the
/// name decide two things only: CSV or plain text, and which texts are certainly not for printing.
/// </summary>
internal sealed class FileTypes(ObjectStore store, InspectionPlaces places, IOptions<UploadOptions> options, TimeProvider clock, ILogger<FileTypes> logger)
{
    /// <summary>
    /// How long it is looked into one file. A hostile one has each of its blocks read several times, by a request to S3 each, and others wait for
    /// its place. Of a document few are read, and 300 of them come in this time even if S3 takes a tenth of a second for each.
    /// </summary>
    public static readonly TimeSpan LookLimit = TimeSpan.FromSeconds(30);

    /// <summary>How long <see cref="ConcludeAsync"/> takes at the most, the wait for a place included.</summary>
    public static readonly TimeSpan ConcludeLimit = InspectionPlaces.WaitLimit + LookLimit;

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
        if (!candidates.Any(_accepted.Contains) || PictureSize.ByHead(found!, head) > PictureSize.Most)
            return null;
        return new FileCheck(found!, candidates)
        {
            Text = found == MediaTypes.Text ? new PlainText(head) : null,
            Jpeg = found == MediaTypes.Jpeg ? new JpegSize() : null,
            Rtf = found == MediaTypes.Rtf ? new RtfTemplate() : null,
        };
    }

    /// <summary>Judges a file whose bytes have all been seen and are durable.</summary>
    /// <param name="client">The address that it came from.</param>
    /// <param name="left">Ends a wait for a place.</param>
    /// <returns>Its media type, or null if it is not accepted.</returns>
    /// <exception cref="TimeoutException">There was no place for it in time, or it took too long: it can be tried again.</exception>
    public async Task<string?> ConcludeAsync(
        FileCheck check, string objectKey, long size, IPAddress client, CancellationToken left, CancellationToken cancellationToken)
    {
        check.Rtf?.End();
        if (check.Text is { IsText: false } || check.Jpeg is { IsTooLarge: true } || check.Rtf is { IsRemote: true })
            return null;
        if (check.Found is not (MediaTypes.Zip or MediaTypes.CompoundFile or MediaTypes.Tiff or MediaTypes.Heic or MediaTypes.Heif))
            return check.Candidates[0];
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(left, cancellationToken);
        using var place = await places.EnterAsync(client, waiting.Token);
        using var limit = clock.Limit(LookLimit, cancellationToken);
        try
        {
            await using var content = new ObjectStream(store, objectKey, size);
            var type = await LookInsideAsync(check.Found, content, limit.Token);
            return type is not null && _accepted.Contains(type) ? type : null;
        }
        catch (Exception ended) when (limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            logger.InspectionTimedOut(objectKey, LookLimit);
            throw new TimeoutException("It took too long to look into a file.", ended);
        }
    }

    /// <summary>
    /// The media type of the document in a container; null if it holds none that is known, or is damaged. That of a picture, unless it is too
    /// large; a cut picture is still one.
    /// </summary>
    private static async Task<string?> LookInsideAsync(string found, ObjectStream content, CancellationToken cancellationToken)
    {
        try
        {
            return found switch
            {
                MediaTypes.Zip => await OfficeZip.DetectAsync(content, cancellationToken),
                MediaTypes.CompoundFile => await OfficeCompoundFile.DetectAsync(content, cancellationToken),
                MediaTypes.Tiff => await PictureSize.IsTiffTooLargeAsync(content, cancellationToken) ? null : found,
                _ => await PictureSize.IsHeifTooLargeAsync(content, cancellationToken) ? null : found,
            };
        }
        catch (EndOfStreamException) when (found is MediaTypes.Tiff or MediaTypes.Heic or MediaTypes.Heif)
        {
            return found;
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

    /// <summary>The check of its size as a JPEG; null if it is none.</summary>
    public JpegSize? Jpeg { get; init; }

    /// <summary>The check of its template as an RTF; null if it is none.</summary>
    public RtfTemplate? Rtf { get; init; }

    /// <summary>Looks at the next bytes, beginning with the first.</summary>
    /// <returns>Whether the file can still be accepted.</returns>
    public bool Add(ReadOnlySpan<byte> bytes) =>
        (Text is null || Text.Add(bytes)) && (Jpeg is null || Jpeg.Add(bytes)) && (Rtf is null || Rtf.Add(bytes));
}
