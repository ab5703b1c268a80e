using System.Diagnostics;
using System.Text;
using CloudTab.Client;
using CloudTab.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using SkiaSharp;

namespace CloudTab.PrintAgent.Tests;

/// <summary>The PDF that is printed, seen as it would come out: drawn by poppler.</summary>
public sealed class PrintReadyTests : IDisposable
{
    private const string A4 = "iso_a4_210x297mm";
    private const string Zeros = "00000000000000000000000000000000000000"; // 38: the largest float has 39 digits

    private readonly string _folder = Directory.CreateTempSubdirectory("cloudtab-documents-").FullName;

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

    /// <summary>The relay could not count its pages. It is longer than what qpdf is given; of its bytes only those that matter are there.</summary>
    [Theory]
    [InlineData(null)]
    [InlineData(1)]
    public async Task A_PDF_that_nobody_has_read_is_not_sent_to_a_printer(int? pages)
    {
        using var download = await SealedFile.CreateAsync(_folder, output => output.WriteAsync(Given.Pdf(), Token).AsTask());
        using var converter = new Converter(_folder, path: null, TimeProvider.System, NullLogger<Converter>.Instance);
        using var documents = new PrintReady(_folder, new Qpdf(_folder, TimeProvider.System), converter);
        var making = documents.MakeAsync(download, Given.File("application/pdf", PrintReady.LargestRewritten + 1) with { Pages = pages }, A4, Token);

        if (pages is null)
            Assert.Equal(["damaged-file"], (await Assert.ThrowsAsync<NotPrintableException>(() => making)).Reasons);
        else
            Assert.Equal("fit", await ScalingOfAsync(making));
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

    /// <summary>Where the red quarter of a page lies on a sheet of A4: that of a wide page, which is turned to the right, at the top right.</summary>
    [Theory]
    [InlineData(300, 400, "", "top left", false)]
    [InlineData(400, 300, "", "top right", false)]
    [InlineData(300, 400, "/Rotate 90", "bottom right", false)]
    [InlineData(400, 300, "/Rotate -90", "bottom left", false)]
    [InlineData(300, 400, "/UserUnit 3", "top left", false)]
    [InlineData(1_190, 1_684, "/CropBox [0 842 595 1684]", "everywhere", true)]
    [InlineData(595, 842, "", "top left", true)]
    [InlineData(842, 595, "", "top right", true)]
    public async Task The_pages_of_a_PDF_are_fitted_to_the_paper_and_those_of_its_size_fill_it(int width, int height, string more, string red, bool isFilled)
    {
        RequireTools();
        var pdf = await MakeAsync(Given.ColoredPdf((width, height, more)), "application/pdf");
        using var page = await DrawnAsync(pdf);

        Assert.Equal(Math.Sqrt(2), (double)page.Height / page.Width, 0.01);
        foreach (var (name, x, y) in ((string, int, int)[])[("top left", 1, 1), ("top right", 5, 1), ("bottom left", 1, 5), ("bottom right", 5, 5)])
            Assert.True(IsRed(page.GetPixel(page.Width * x / 6, page.Height * y / 6)) == (red == name || red == "everywhere"), name);
        Assert.Equal(isFilled, page.GetPixel(page.Width / 3, 1) != SKColors.White && page.GetPixel(1, page.Height / 3) != SKColors.White);
        Assert.InRange(Enumerable.Range(0, page.Width).Count(x => page.GetPixel(x, page.Height / 2) != SKColors.White), page.Width * 0.9, page.Width);
    }

    [Fact]
    public async Task Pages_of_a_PDF_that_are_wanted_in_their_own_size_keep_it()
    {
        RequireTools();
        var pdf = await MakeAsync(Given.ColoredPdf((300, 400, "")), "application/pdf", scaling: Scalings.None);
        using var page = await DrawnAsync(pdf);

        Assert.Equal(4.0 / 3, (double)page.Height / page.Width, 0.01);
    }

    /// <summary>Numbers that are infinite, or make others so. Such a page cannot be laid out, and the printer cannot put two of them on a side.</summary>
    [Theory]
    [InlineData($"/MediaBox [0 0 100{Zeros}.0 842]")]
    [InlineData($"/MediaBox [-3{Zeros}.0 0 3{Zeros}.0 842]")]
    [InlineData($"/UserUnit 100{Zeros}.0")]
    [InlineData("/UserUnit 0")]
    public async Task A_page_of_no_size_that_a_page_has_goes_to_the_counter(string more)
    {
        RequireTools();
        var refusal = await Assert.ThrowsAsync<NotPrintableException>(() => MakeAsync(Given.ColoredPdf((300, 400, more)), "application/pdf", numberUp: 2));
        Assert.Equal(["no-converter"], refusal.Reasons);
    }

    /// <summary>Where the red quarters lie: x and y of a grid of eighths, as the sheet comes out of the printer.</summary>
    [Theory]
    [InlineData(2, 400, 300, 2, 1, "1,1 3,1 1,5 3,5")]
    [InlineData(2, 300, 400, 2, 1, "5,1 7,1 5,5 7,5")]
    [InlineData(4, 300, 400, 3, 1, "1,1 5,1 1,5")]
    [InlineData(4, 400, 300, 3, 1, "7,1 7,5 3,1")]
    [InlineData(4, 300, 400, 5, 2, "1,1 5,1 1,5 5,5")]
    [InlineData(4, 300, 400, 1, 1, "1,1 5,1 1,5 5,5")]
    public async Task Several_pages_share_a_side_and_a_single_one_fills_it(int numberUp, int width, int height, int pages, int sheets, string red)
    {
        RequireTools();
        var pdf = await MakeAsync(Given.ColoredPdf([.. Enumerable.Repeat((width, height, ""), pages)]), "application/pdf", numberUp: numberUp);
        using var page = await DrawnAsync(pdf);

        Assert.Contains($"Pages: {sheets} ", string.Join(' ', (await RunAsync("pdfinfo", "-enc UTF-8", "-", pdf)).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.Equal(red.Split(' ').Order(), Enumerable.Range(0, 64).Where(place => place % 2 == 1 && place / 8 % 2 == 1)
            .Where(place => IsRed(page.GetPixel(page.Width * (place % 8) / 8, page.Height * (place / 8) / 8))).Select(place => $"{place % 8},{place / 8}").Order());
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public async Task A_picture_is_repeated_and_stored_once(int numberUp)
    {
        RequireTools();
        var (one, several) = (await MakeAsync(Photo(1, 600, 800), "image/jpeg"), await MakeAsync(Photo(1, 600, 800), "image/jpeg", numberUp: numberUp));
        using var page = await DrawnAsync(several);

        var places = numberUp == 2 ? new[] { (7, 1), (7, 5) } : [(1, 1), (5, 1), (1, 5), (5, 5)];
        Assert.All(places, place => Assert.True(IsRed(page.GetPixel(page.Width * place.Item1 / 8, page.Height * place.Item2 / 8)), $"{place}"));
        Assert.InRange(several.Length, 1, one.Length + 2_000);
    }

    [Fact]
    public async Task The_two_sides_of_a_card_are_on_one_sheet_in_their_own_size()
    {
        RequireTools();
        using var page = await DrawnAsync(await MakeAsync(Given.ColoredPdf((243, 153, ""), (243, 153, "")), "application/pdf", scaling: Scalings.None, numberUp: 2));

        foreach (var y in (int[])[1, 3])
        {
            var inked = Enumerable.Range(0, page.Width).Count(x => page.GetPixel(x, page.Height * y / 4) != SKColors.White);
            Assert.InRange((double)inked / page.Width, 0.39, 0.43);
        }
    }

    [Fact]
    public async Task Pages_of_a_text_share_a_side_too()
    {
        RequireTools();
        var text = Encoding.UTF8.GetBytes(string.Join('\n', Enumerable.Range(1, 120).Select(line => $"line {line}")));
        var pages = (await RunAsync("pdftotext", "-", "-", await MakeAsync(text, "text/plain", numberUp: 2))).Split('\f', StringSplitOptions.RemoveEmptyEntries);

        Assert.Contains("line 120", Assert.Single(pages), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_lies_over_a_page_is_fitted_with_it()
    {
        RequireTools();
        var stamp = "/Annots [<< /Type /Annot /Subtype /Stamp /F 4 /Rect [200 0 300 100] /AP << /N 3 0 R >> >>]";
        using var page = await DrawnAsync(await MakeAsync(Given.ColoredPdf((300, 400, stamp)), "application/pdf"));

        Assert.Equal(SKColors.Black, page.GetPixel(page.Width * 5 / 6, page.Height * 5 / 6));
    }

    [Fact]
    public async Task A_PDF_of_many_sizes_has_one_sheet_for_each_of_the_wanted_pages()
    {
        RequireTools();
        var pdf = await MakeAsync(Given.ColoredPdf((300, 400, ""), (595, 842, ""), (400, 300, "")), "application/pdf", pages: "2-3");

        Assert.Equal(["595.276 x 841.89 pts (A4)", "595.276 x 841.89 pts (A4)"], (await RunAsync("pdfinfo", "-f 1 -l 9", "-", pdf)).Split('\n')
            .Where(line => line.StartsWith("Page ", StringComparison.Ordinal) && line.Contains("size:", StringComparison.Ordinal)).Select(line => line.Split(':')[1].Trim()));
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

        await File.WriteAllTextAsync(Path.Combine(_folder, "somebody-elses.sealed"), "stays", Token);
        SealedFile.Wipe(_folder);
        Assert.Equal(["somebody-elses.sealed", "somebody-elses.txt"], Directory.GetFiles(_folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    /// <summary>As on Windows, where no other program could open what the agent holds open.</summary>
    [Fact]
    public async Task A_file_for_another_program_is_closed_and_is_deleted_with_its_use()
    {
        var scratch = await ScratchFile.CreateInFolderAsync(_folder, output => output.WriteAsync("a document"u8.ToArray(), Token).AsTask());
        Assert.Equal(scratch.Path, Assert.Single(Directory.GetFiles(_folder, "*.sealed")));
        if (OperatingSystem.IsLinux())
            Assert.DoesNotContain(scratch.Path, Directory.GetFiles("/proc/self/fd").Select(file => new FileInfo(file).LinkTarget));
        using var copy = new MemoryStream();
        await scratch.CopyToAsync(copy, Token);
        Assert.Equal("a document"u8.ToArray(), copy.ToArray());

        await scratch.DisposeAsync();
        Assert.Empty(Directory.GetFiles(_folder));
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

    private async Task<byte[]> MakeAsync(byte[] content, string type, string? pages = null, string scaling = Scalings.Fit, int? numberUp = null)
    {
        using var download = await SealedFile.CreateAsync(_folder, output => output.WriteAsync(content, Token).AsTask());
        using var converter = new Converter(_folder, path: null, TimeProvider.System, NullLogger<Converter>.Instance);
        using var documents = new PrintReady(_folder, new Qpdf(_folder, TimeProvider.System), converter);
        using var made = await documents.MakeAsync(download, Given.File(type, content.Length, pages, scaling, numberUp), A4, Token);
        Assert.Equal(Scalings.None, made.Scaling);
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

    private static async Task<string> ScalingOfAsync(Task<PrintDocument> making)
    {
        using var document = await making;
        return document.Scaling;
    }
}
