using CloudTab.Client;

namespace CloudTab.PrintAgent;

/// <summary>Makes the one PDF that is printed out of what a customer has sent. The printer is then asked for nothing that concerns pages.</summary>
internal sealed class PrintReady(string folder, Qpdf qpdf)
{
    // qpdf reads it from memory. What is longer is printed as it is.
    private const long LargestRewritten = 100 << 20;

    /// <summary>Whether files of this type can be printed without a person.</summary>
    public static bool CanPrint(string type) => type is IppPrinter.Pdf or "image/jpeg" or "image/png" or "image/webp" or "text/plain" or "text/csv";

    /// <param name="content">What was downloaded.</param>
    /// <param name="media">The paper's name at the printer.</param>
    /// <returns>The PDF; the caller disposes of it.</returns>
    /// <exception cref="NotPrintableException">It cannot be made of this.</exception>
    public async Task<SealedFile> MakeAsync(SealedFile content, FileDetails file, string media, CancellationToken cancellationToken)
    {
        var options = file.PrintOptions;
        switch (file.Type)
        {
            case IppPrinter.Pdf:
                return await FromPdfAsync(content, options.PageRanges, file, cancellationToken);
            case "text/plain" or "text/csv":
                var sheets = await DrawAsync(content, (input, output) => TextSheets.Draw(input, PaperSize.Of(media), output), cancellationToken);
                if (options.PageRanges is not { } pages)
                    return sheets;
                using (sheets)
                    return await SelectAsync(sheets, pages, known: null, cancellationToken);
            case "image/jpeg" or "image/png" or "image/webp":
                return await DrawAsync(
                    content, (input, output) => PictureSheet.Draw(input, PaperSize.Of(media), options.Scaling == Scalings.Fit, options.Media == MediaNames.Photo, output), cancellationToken);
            default:
                throw new NotPrintableException("no-converter");
        }
    }

    private async Task<SealedFile> FromPdfAsync(SealedFile content, string? pages, FileDetails file, CancellationToken cancellationToken)
    {
        if (file.Locked == true)
            throw new NotPrintableException("needs-password");
        if (pages is not null)
            return await SelectAsync(content, pages, file.Pages, cancellationToken);
        if (Qpdf.Program is not null && file.Size <= LargestRewritten)
            return await qpdf.RewriteAsync(content, pages: null, known: null, cancellationToken);
        return await SealedFile.CreateAsync(folder, async output =>
        {
            await using var input = content.Open();
            await input.CopyToAsync(output, cancellationToken);
        });
    }

    private Task<SealedFile> SelectAsync(SealedFile pdf, string pages, int? known, CancellationToken cancellationToken) =>
        Qpdf.Program is null ? throw new NotPrintableException("no-qpdf") : qpdf.RewriteAsync(pdf, pages, known, cancellationToken);

    // Skia reads and writes without awaiting, and both have to be seekable.
    private Task<SealedFile> DrawAsync(SealedFile content, Action<Stream, Stream> draw, CancellationToken cancellationToken) => SealedFile.CreateAsync(folder, async output =>
    {
        using var plain = new MemoryStream();
        using var drawn = new MemoryStream();
        await using (var input = content.Open())
            await input.CopyToAsync(plain, cancellationToken);
        plain.Position = 0;
        await Task.Run(() => draw(plain, drawn), cancellationToken);
        drawn.Position = 0;
        await drawn.CopyToAsync(output, cancellationToken);
        plain.GetBuffer().AsSpan().Clear();
    });
}
