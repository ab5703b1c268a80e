using SkiaSharp;

namespace CloudTab.PrintAgent;

/// <summary>Puts a picture onto one sheet of paper, once or several times.</summary>
internal static class PictureSheet
{
    // Four bytes each when they are decoded.
    private const long MostPixels = 100_000_000;
    private const float Margin = 12;
    private const int PixelsPerInch = 300;
    private const float PointsPerInch = 72;
    private const int JpegQuality = 92;

    /// <param name="fit">As large as the paper allows; otherwise 300 pixels to the inch, and smaller if the paper is.</param>
    /// <param name="borderless">Up to the paper's edges.</param>
    /// <param name="numberUp">How often it is on the sheet.</param>
    /// <exception cref="NotPrintableException">It is no picture that can be decoded, or has too many pixels.</exception>
    public static void Draw(Stream picture, PaperSize paper, bool fit, bool borderless, int numberUp, Stream output)
    {
        using var codec = SKCodec.Create(picture) ?? throw new NotPrintableException("damaged-file");
        if ((long)codec.Info.Width * codec.Info.Height > MostPixels)
            throw new NotPrintableException("too-many-pixels");
        var cells = SheetCell.Of(paper, numberUp, borderless ? 0 : Margin);
        var (width, height) = (cells[0].Width, cells[0].Height);

        using var bitmap = Decode(codec, Math.Max(width, height));
        var isSideways = codec.EncodedOrigin is SKEncodedOrigin.LeftTop or SKEncodedOrigin.RightTop or SKEncodedOrigin.RightBottom or SKEncodedOrigin.LeftBottom;
        var (uprightWidth, uprightHeight) = isSideways ? (bitmap.Height, bitmap.Width) : (bitmap.Width, bitmap.Height);
        // A wide picture on a tall sheet is turned: it gets larger, and whoever holds the sheet turns it too.
        var isTurned = cells[0].Turns(uprightWidth, uprightHeight);
        var (drawnWidth, drawnHeight) = isTurned ? (uprightHeight, uprightWidth) : (uprightWidth, uprightHeight);
        var largest = Math.Min(width / drawnWidth, height / drawnHeight);
        var scale = fit ? largest : Math.Min(largest, PointsPerInch / PixelsPerInch * codec.Info.Width / bitmap.Width);

        using var document = SKDocument.CreatePdf(output, new SKDocumentPdfMetadata { EncodingQuality = JpegQuality, RasterDpi = PixelsPerInch });
        using var canvas = document.BeginPage(paper.Width, paper.Height);
        // An image is stored once, however often it is drawn.
        bitmap.SetImmutable();
        using var image = SKImage.FromBitmap(bitmap);
        foreach (var cell in cells)
        {
            canvas.Save();
            canvas.Translate(cell.X, cell.Y);
            canvas.Scale(scale);
            if (isTurned)
                canvas.RotateDegrees(90);
            canvas.Concat(Upright(codec.EncodedOrigin));
            canvas.DrawImage(image, -bitmap.Width / 2f, -bitmap.Height / 2f, new SKSamplingOptions(SKCubicResampler.Mitchell));
            canvas.Restore();
        }

        document.EndPage();
        document.Close();
    }

    // A JPEG is decoded at an eighth, a quarter or half of its size if that is enough for the paper.
    private static SKBitmap Decode(SKCodec codec, float longestSide)
    {
        var wanted = longestSide / PointsPerInch * PixelsPerInch / Math.Max(codec.Info.Width, codec.Info.Height);
        var size = codec.GetScaledDimensions(Math.Clamp(wanted, 0.01f, 1));
        if (Math.Max(size.Width, size.Height) < wanted * Math.Max(codec.Info.Width, codec.Info.Height) * 0.9f)
            size = codec.Info.Size;
        var bitmap = new SKBitmap(new SKImageInfo(size.Width, size.Height, SKColorType.Rgba8888, SKAlphaType.Premul));
        if (codec.GetPixels(bitmap.Info, bitmap.GetPixels()) is SKCodecResult.Success or SKCodecResult.IncompleteInput)
            return bitmap;
        bitmap.Dispose();
        throw new NotPrintableException("damaged-file");
    }

    // EXIF's orientation says how the camera was held: the transformation, about the middle, that makes the picture upright.
    private static SKMatrix Upright(SKEncodedOrigin origin) => origin switch
    {
        SKEncodedOrigin.TopRight => SKMatrix.CreateScale(-1, 1),
        SKEncodedOrigin.BottomRight => SKMatrix.CreateRotationDegrees(180),
        SKEncodedOrigin.BottomLeft => SKMatrix.CreateScale(1, -1),
        SKEncodedOrigin.LeftTop => SKMatrix.CreateRotationDegrees(90).PreConcat(SKMatrix.CreateScale(1, -1)),
        SKEncodedOrigin.RightTop => SKMatrix.CreateRotationDegrees(90),
        SKEncodedOrigin.RightBottom => SKMatrix.CreateRotationDegrees(-90).PreConcat(SKMatrix.CreateScale(1, -1)),
        SKEncodedOrigin.LeftBottom => SKMatrix.CreateRotationDegrees(-90),
        _ => SKMatrix.Identity,
    };
}
