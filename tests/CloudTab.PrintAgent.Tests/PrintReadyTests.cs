using System.Diagnostics;
using System.Text;
using CloudTab.Client;
using CloudTab.Testing;
using SkiaSharp;

namespace CloudTab.PrintAgent.Tests;

/// <summary>The PDF that is printed, seen as it would come out: drawn by poppler.</summary>
public sealed class PrintReadyTests : IDisposable
{
    private const string A4 = "iso_a4_210x297mm";

    private readonly string _folder = Directory.CreateTempSubdirectory("cloudtab-documents-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(null, "Page 1, Page 2, Page 3, Page 4, Page 5")]
    [InlineData("2-3,5", "Page 2, Page 3, Page 5")]
    [InlineData("4-9", "Page 4, Page 5")]
    public async Task Of_a_PDF_the_wanted_pages_are_printed(string? ranges, string texts)
    {
        RequireTools();
        var pdf = await MakeAsync(Given.Pdf(pages: 5), "application/pdf", pages: ranges);
        Assert.Equal(texts, string.Join(", ", (await RunAsync("pdftotext", "-", "-", pdf)).Split('\f', StringSplitOptions.RemoveEmptyEntries).Select(page => page.Trim())));
    }

    [Theory]
    [InlineData("no-such-pages", "application/pdf", "6-7")]
    [InlineData("no-converter", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", null)]
    [InlineData("no-converter", "image/heic", null)]
    public async Task What_cannot_be_printed_says_why(string reason, string type, string? ranges)
    {
        RequireTools();
        var refusal = await Assert.ThrowsAsync<NotPrintableException>(() => MakeAsync(Given.Pdf(pages: 2), type, pages: ranges));
        Assert.Equal([reason], refusal.Reasons);
    }

    [Theory]
    [InlineData("application/pdf")]
    [InlineData("image/jpeg")]
    public async Task A_file_that_cannot_be_read_is_not_sent_to_a_printer(string type)
    {
        RequireTools();
        var refusal = await Assert.ThrowsAsync<NotPrintableException>(() => MakeAsync("%PDF-1.4 and nothing of a PDF"u8.ToArray(), type));
        Assert.Equal(["damaged-file"], refusal.Reasons);
    }

    /// <summary>The red corner of the scene is at its top left, however the camera was held; a wide scene lies on a tall sheet turned to the right.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public async Task A_photo_is_upright_however_the_camera_was_held(int orientation)
    {
        RequireTools();
        using var page = await DrawnAsync(await MakeAsync(Photo(orientation, 600, 800), "image/jpeg"));

        Assert.True(IsRed(page.GetPixel(page.Width / 6, page.Height / 6)), "red at the top left");
        Assert.False(IsRed(page.GetPixel(page.Width * 5 / 6, page.Height / 6)), "not at the top right");
        Assert.False(IsRed(page.GetPixel(page.Width / 6, page.Height * 5 / 6)), "not at the bottom left");
    }

    [Theory]
    [InlineData(Scalings.Fit, 0.9, 1.0)]
    [InlineData(Scalings.None, 0.15, 0.2)]
    public async Task A_picture_is_as_large_as_the_paper_or_as_its_pixels_say(string scaling, double least, double most)
    {
        RequireTools();
        using var page = await DrawnAsync(await MakeAsync(Photo(1, 400, 500), "image/jpeg", scaling: scaling));

        Assert.Equal(Math.Sqrt(2), (double)page.Height / page.Width, 0.01);
        var inked = Enumerable.Range(0, page.Width).Count(x => page.GetPixel(x, page.Height / 2) != SKColors.White);
        Assert.InRange((double)inked / page.Width, least, most);
    }

    [Fact]
    public async Task A_picture_with_more_pixels_than_memory_allows_is_refused_before_it_is_decoded()
    {
        // A PNG's size stands in its head; behind it there is nothing.
        using var bitmap = new SKBitmap(1, 1);
        var png = bitmap.Encode(SKEncodedImageFormat.Png, 100).ToArray();
        (png[16], png[17], png[18], png[19]) = (0, 0, 0xFF, 0xFF);
        (png[20], png[21], png[22], png[23]) = (0, 0, 0xFF, 0xFF);
        BitConverter.GetBytes(System.Net.IPAddress.HostToNetworkOrder((int)Crc(png.AsSpan(12, 17)))).CopyTo(png, 29);

        Assert.Equal(["too-many-pixels"], (await Assert.ThrowsAsync<NotPrintableException>(() => MakeAsync(png, "image/png"))).Reasons);
    }

    [Fact]
    public async Task A_text_is_wrapped_and_paged()
    {
        RequireTools();
        var text = string.Join('\n', Enumerable.Range(1, 150).Select(line => $"line {line} " + (line == 3 ? new string('x', 200) : "€ äöü")));
        var pages = (await RunAsync("pdftotext", "-", "-", await MakeAsync(Encoding.UTF8.GetBytes(text), "text/plain"))).Split('\f', StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal(3, pages.Length);
        Assert.Contains("line 1 € äöü", pages[0], StringComparison.Ordinal);
        Assert.Contains("line 150 € äöü", pages[2], StringComparison.Ordinal);
        Assert.Equal(200, pages[0].Count(letter => letter == 'x'));
    }

    [Fact]
    public async Task A_text_in_letters_that_no_font_has_goes_to_the_counter() =>
        Assert.Equal(["no-font"], (await Assert.ThrowsAsync<NotPrintableException>(() => MakeAsync("नमस्ते"u8.ToArray(), "text/plain"))).Reasons);

    [Fact]
    public async Task A_file_on_the_disk_is_noise_and_is_wiped_at_the_start()
    {
        var secret = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("a customer's words ", 500)));
        using var kept = await SealedFile.CreateAsync(_folder, output => output.WriteAsync(secret, Token).AsTask());
        await File.WriteAllTextAsync(Path.Combine(_folder, "somebody-elses.txt"), "stays", Token);

        var onDisk = await File.ReadAllBytesAsync(Assert.Single(Directory.GetFiles(_folder, "*.sealed")), Token);
        Assert.DoesNotContain("customer", Encoding.Latin1.GetString(onDisk), StringComparison.Ordinal);
        using (var content = new MemoryStream())
        {
            await using var opened = kept.Open();
            await opened.CopyToAsync(content, Token);
            Assert.Equal(secret, content.ToArray());
        }

        SealedFile.Wipe(_folder);
        Assert.Equal(["somebody-elses.txt"], Directory.GetFiles(_folder).Select(Path.GetFileName));
    }

    private static void RequireTools()
    {
        Given.RequireQpdf();
        Prerequisite.Require(File.Exists("/usr/bin/pdftoppm"), "poppler-utils is not installed.");
    }

    private static bool IsRed(SKColor color) => color is { Red: > 180, Green: < 90, Blue: < 90 };

    // A blue scene whose top left quarter is red, stored as a camera stores it that was held so, with EXIF's orientation.
    private static byte[] Photo(int orientation, int width, int height)
    {
        var isSideways = orientation >= 5;
        using var stored = new SKBitmap(isSideways ? height : width, isSideways ? width : height);
        for (var y = 0; y < stored.Height; y++)
        {
            for (var x = 0; x < stored.Width; x++)
            {
                var (fromLeft, fromTop) = ((double)x / stored.Width, (double)y / stored.Height);
                var (sceneX, sceneY) = orientation switch
                {
                    2 => (1 - fromLeft, fromTop),
                    3 => (1 - fromLeft, 1 - fromTop),
                    4 => (fromLeft, 1 - fromTop),
                    5 => (fromTop, fromLeft),
                    6 => (1 - fromTop, fromLeft),
                    7 => (1 - fromTop, 1 - fromLeft),
                    8 => (fromTop, 1 - fromLeft),
                    _ => (fromLeft, fromTop),
                };
                stored.SetPixel(x, y, sceneX < 0.5 && sceneY < 0.5 ? SKColors.Red : SKColors.Blue);
            }
        }

        var jpeg = stored.Encode(SKEncodedImageFormat.Jpeg, 95).ToArray();
        byte[] exif =
        [
            0xFF, 0xE1, 0x00, 0x22, .. "Exif\0\0"u8, .. "MM\0*"u8, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, (byte)orientation, 0, 0, 0, 0, 0, 0,
        ];
        return [.. jpeg.AsSpan(0, 2), .. exif, .. jpeg.AsSpan(2)];
    }

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ ((crc & 1) == 0 ? 0 : 0xEDB88320);
        }

        return ~crc;
    }

    private async Task<byte[]> MakeAsync(byte[] content, string type, string? pages = null, string scaling = Scalings.Fit)
    {
        using var download = await SealedFile.CreateAsync(_folder, output => output.WriteAsync(content, Token).AsTask());
        var documents = new PrintReady(_folder, new Qpdf(_folder, TimeProvider.System));
        using var made = await documents.MakeAsync(download, Given.File(type, content.Length, pages, scaling), A4, Token);
        using var pdf = new MemoryStream();
        await using var opened = made.Open();
        await opened.CopyToAsync(pdf, Token);
        return pdf.ToArray();
    }

    private async Task<SKBitmap> DrawnAsync(byte[] pdf)
    {
        var file = Path.Combine(_folder, "drawn");
        await RunAsync("pdftoppm", "-png -r 50 -singlefile -", file, pdf);
        return SKBitmap.Decode(file + ".png");
    }

    private static async Task<string> RunAsync(string program, string arguments, string last, byte[] input)
    {
        using var process = Process.Start(new ProcessStartInfo(program, [.. arguments.Split(' '), last]) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true })!;
        await process.StandardInput.BaseStream.WriteAsync(input, Token);
        process.StandardInput.Close();
        var output = await process.StandardOutput.ReadToEndAsync(Token);
        await process.WaitForExitAsync(Token);
        Assert.Equal(0, process.ExitCode);
        return output;
    }
}
