using CloudTab.Client;

namespace CloudTab.PrintAgent;

/// <summary>Makes the one PDF that is printed out of what a customer has sent. The printer is then asked for nothing that concerns pages.</summary>
internal sealed class PrintReady(string folder, Qpdf qpdf, Converter converter) : IDisposable
{
    /// <summary>In bytes. qpdf reads it from memory: what is longer is printed as it is.</summary>
    public const long LargestRewritten = 100 << 20;

    // One document at a time is drawn or goes through qpdf: a picture of few bytes may take 400 MB, and qpdf 2 GiB.
    private readonly SemaphoreSlim _turn = new(1);

    /// <summary>Whether files of this type can be printed without a person.</summary>
    public async Task<bool> CanPrintAsync(string type, CancellationToken cancellationToken) =>
        type is IppPrinter.Pdf or "image/jpeg" or "image/png" or "image/webp" or "text/plain" or "text/csv" || await converter.CanConvertAsync(type, cancellationToken);

    public void Dispose() => _turn.Dispose();

    /// <param name="content">What was downloaded.</param>
    /// <param name="media">The paper's name at the printer.</param>
    /// <exception cref="NotPrintableException">It cannot be made of this.</exception>
    public async Task<PrintDocument> MakeAsync(SealedFile content, FileDetails file, string media, CancellationToken cancellationToken)
    {
        var (options, paper) = (file.PrintOptions, PaperSize.Of(media));
        switch (file.Type)
        {
            case IppPrinter.Pdf:
                return await FromPdfAsync(content, file, paper, cancellationToken);
            case "text/plain" or "text/csv":
                var sheets = await DrawAsync(content, (input, output) => TextSheets.Draw(input, paper, output), cancellationToken);
                if (options is { PageRanges: null, NumberUp: null })
                    return new(sheets);
                using (sheets)
                    return await SelectAsync(sheets, options, known: null, paper, fit: false, isSmall: true, cancellationToken);
            case "image/jpeg" or "image/png" or "image/webp":
                return await FromPictureAsync(content, options, paper, cancellationToken);
            default:
                using (var converted = await converter.ConvertAsync(content, file.Type, cancellationToken))
                {
                    return Converter.IsDocument(file.Type)
                        ? await FromPdfAsync(converted, file with { Pages = null, Locked = null }, paper, cancellationToken, isSound: true)
                        : await FromPictureAsync(converted, options, paper, cancellationToken);
                }
        }
    }

    private async Task<PrintDocument> FromPictureAsync(SealedFile content, PrintOptions options, PaperSize paper, CancellationToken cancellationToken)
    {
        // A picture is one page. The relay counts none of it, and asks nothing for it, if others are wanted.
        if (options.PageRanges is { } ranges && PageSelection.Within(ranges, pages: 1) is "")
            throw new NotPrintableException("no-such-pages");
        return new(await DrawAsync(
            content, (input, output) => PictureSheet.Draw(input, paper, options.Scaling == Scalings.Fit, options.Media == MediaNames.Photo, options.NumberUp ?? 1, output), cancellationToken));
    }

    /// <param name="isSound">Whether it was made on this PC.</param>
    private async Task<PrintDocument> FromPdfAsync(SealedFile content, FileDetails file, PaperSize paper, CancellationToken cancellationToken, bool isSound = false)
    {
        if (file.Locked == true)
            throw new NotPrintableException("needs-password");
        var options = file.PrintOptions;
        var isSmall = file.Size <= LargestRewritten;
        if (Qpdf.Program is not null && isSmall || options is not { PageRanges: null, NumberUp: null })
            return await SelectAsync(content, options, file.Pages, paper, options.Scaling == Scalings.Fit, isSmall, cancellationToken);
        // Nobody reads it here. CUPS calls what no page came out of completed, so the relay must have been able to count its pages.
        if (!isSound && file.Pages is null)
            throw new NotPrintableException("damaged-file");
        return new(await SealedFile.CreateAsync(folder, async output =>
        {
            await using var input = content.Open();
            await input.CopyToAsync(output, cancellationToken);
        }), options.Scaling);
    }

    private async Task<PrintDocument> SelectAsync(SealedFile pdf, PrintOptions options, int? known, PaperSize paper, bool fit, bool isSmall, CancellationToken cancellationToken)
    {
        if (Qpdf.Program is null)
            throw new NotPrintableException("no-qpdf");
        using var turn = await TakeTurnAsync(cancellationToken);
        var numberUp = options.NumberUp ?? 1;
        if (isSmall && (fit || numberUp > 1) && await qpdf.LayOutAsync(pdf, options.PageRanges, known, paper, fit, numberUp, cancellationToken) is { } sheets)
            return new(sheets);
        if (numberUp > 1)
            throw new NotPrintableException("no-converter");
        // Its pages keep their size. If they are to fit the paper, only the printer is left to see to that.
        return new(await qpdf.RewriteAsync(pdf, options.PageRanges, known, cancellationToken), fit ? Scalings.Fit : Scalings.None);
    }

    // Skia reads and writes without awaiting, and both have to be seekable.
    private Task<SealedFile> DrawAsync(SealedFile content, Action<Stream, Stream> draw, CancellationToken cancellationToken) => SealedFile.CreateAsync(folder, async output =>
    {
        using var turn = await TakeTurnAsync(cancellationToken);
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

    private async Task<Turn> TakeTurnAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        return new(_turn);
    }

    private sealed class Turn(SemaphoreSlim turn) : IDisposable
    {
        public void Dispose() => turn.Release();
    }
}

/// <summary>A document as it is sent to a printer. Its maker disposes of it.</summary>
/// <param name="Scaling">What is left to the printer: nothing, but for a document that could not be laid out.</param>
internal sealed record PrintDocument(SealedFile Content, string Scaling = Scalings.None) : IDisposable
{
    /// <summary>The PDF, from its beginning.</summary>
    public Stream Open() => Content.Open();

    public void Dispose() => Content.Dispose();
}
