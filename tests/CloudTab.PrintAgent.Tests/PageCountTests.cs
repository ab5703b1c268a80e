using System.Globalization;
using System.Text;
using System.Text.Json;
using CloudTab.Client;
using CloudTab.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using SkiaSharp;

namespace CloudTab.PrintAgent.Tests;

/// <summary>The relay counts pages, and says what they cost, before there is the PDF that comes out of the printer: both must have the same pages.</summary>
[Collection(RelayCollection.Name)]
public sealed class PageCountTests(RunningRelay relay) : IDisposable
{
    private const int Copies = 2;

    private readonly string _folder = Directory.CreateTempSubdirectory("cloudtab-pages-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("a page")]
    [InlineData("five pages")]
    [InlineData("pages below pages")]
    [InlineData("a JPEG")]
    [InlineData("a PNG")]
    public async Task As_many_pages_are_printed_as_the_relay_has_counted(string document)
    {
        Given.RequireQpdf();
        var content = Content(document);
        var wishes =
            from ranges in (string?[])[null, "1-3,5", "4-9", "6"]
            from numberUp in (int?[])[null, 2, 4]
            select new PrintOptionsChange { Copies = Copies, PageRanges = ranges, NumberUp = numberUp };
        var session = await relay.SendAsync([.. wishes.Select(wish => ("document", content, (PrintOptionsChange?)wish))]);
        using var converter = new Converter(_folder, path: null, TimeProvider.System, NullLogger<Converter>.Instance);
        using var documents = new PrintReady(_folder, new Qpdf(_folder, TimeProvider.System), converter);
        using var download = await SealedFile.CreateAsync(_folder, output => output.WriteAsync(content, Token).AsTask());

        var files = (await relay.Client.Shop.GetSessionAsync(session.SessionId, Token)).Files;
        Assert.Equal(12, files.Count);
        foreach (var file in files)
        {
            var pages = await PagesAsync(documents, download, file);
            Assert.True(file.PrintedPages == pages * Copies, $"{file.PrintOptions}: the relay has counted {file.PrintedPages}, and {pages} pages are printed {Copies} times");
        }

        await relay.Client.Customer.WithdrawAsync(session.SessionId, Token);
    }

    /// <summary>A text has its pages only when it is laid out for the paper.</summary>
    [Fact]
    public async Task The_pages_of_a_text_are_on_the_day_sheet_once_its_printer_has_counted_them()
    {
        TestPrinter.Require();
        Given.RequireQpdf();
        await using var paper = await TestPrinter.StartAsync(Token);
        paper.Count();
        await using var agent = new AgentProcess(relay, paper.Address);
        await agent.StartAsync(Token);
        var today = DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime);
        var before = await CountsAsync(today);

        var session = await relay.SendAsync(("text.txt", Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("A line\n", 100))), new() { Copies = Copies }));
        await relay.EndsAsync(session, SessionStatuses.Completed);

        Assert.Equal((before.Files + 1, before.Pages + (2 * Copies), before.Uncounted), await CountsAsync(today));
    }

    // Of two days: it may be midnight meanwhile.
    private async Task<(int Files, int Pages, int Uncounted)> CountsAsync(DateOnly today)
    {
        using var http = new HttpClient { BaseAddress = relay.Origin };
        http.DefaultRequestHeaders.Add("X-API-Key", relay.Key);
        var (files, pages, uncounted) = (0, 0, 0);
        foreach (var day in (DateOnly[])[today, today.AddDays(1)])
        {
            using var sheet = JsonDocument.Parse(await http.GetStringAsync(new Uri($"/api/shopkeeper/days/{day:yyyy-MM-dd}", UriKind.Relative), Token));
            files += sheet.RootElement.GetProperty("files").GetInt32();
            pages += sheet.RootElement.GetProperty("pages").GetInt32();
            uncounted += sheet.RootElement.GetProperty("uncountedFiles").GetInt32();
        }

        return (files, pages, uncounted);
    }

    private static byte[] Content(string document)
    {
        using var bitmap = new SKBitmap(60, 40);
        bitmap.Erase(SKColors.Red);
        return document switch
        {
            "a page" => Given.Pdf(),
            "five pages" => Given.Pdf(pages: 5),
            // The paper's size is that of the tree.
            "pages below pages" => Given.Document(
            [
                "<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Count 3 /Kids [4 0 R 3 0 R] /MediaBox [0 0 595 842] >>", "<< /Type /Pages /Count 2 /Kids [5 0 R 6 0 R] /Parent 2 0 R >>",
                "<< /Type /Page /Parent 2 0 R >>", "<< /Type /Page /Parent 3 0 R >>", "<< /Type /Page /Parent 3 0 R >>",
            ]),
            "a JPEG" => bitmap.Encode(SKEncodedImageFormat.Jpeg, 90).ToArray(),
            "a PNG" => bitmap.Encode(SKEncodedImageFormat.Png, 90).ToArray(),
            _ => throw new ArgumentOutOfRangeException(nameof(document)),
        };
    }

    private async Task<int> PagesAsync(PrintReady documents, SealedFile download, FileDetails file)
    {
        try
        {
            using var made = await documents.MakeAsync(download, file, "iso_a4_210x297mm", Token);
            var path = Path.Combine(_folder, "made.pdf");
            await using (var output = File.Create(path))
            {
                await using var pdf = made.Open();
                await pdf.CopyToAsync(output, Token);
            }

            await using var qpdf = await ChildProcess.StartProgramAsync(["qpdf", "--show-npages", path], new Dictionary<string, string>(StringComparer.Ordinal), isReady: null, Token);
            await qpdf.WaitForExitAsync(Token);
            return int.Parse(qpdf.Output, CultureInfo.InvariantCulture);
        }
        catch (NotPrintableException none) when (none.Reasons is ["no-such-pages"])
        {
            return 0;
        }
    }
}
