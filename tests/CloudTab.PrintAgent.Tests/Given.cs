using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using CloudTab.Client;
using CloudTab.Testing;

namespace CloudTab.PrintAgent.Tests;

/// <summary>What tests begin with.</summary>
internal static partial class Given
{
    private const int FirstWidth = 200;

    public static void RequireQpdf() => Prerequisite.Require(Qpdf.Program is not null, "qpdf is not installed.");

    public static IppPrinter Printer(string address, string cupsSocket = "/run/cups/cups.sock", int limitInSeconds = 20)
    {
        Assert.True(PrinterAddress.TryParse(address, cupsSocket, out var parsed), address);
        var certificates = new PrinterCertificates(Path.Combine(Path.GetTempPath(), "cloudtab-no-certificates"));
        return new(parsed, new IppConnection(parsed, Environment.UserName, TimeSpan.FromSeconds(limitInSeconds), certificates, TimeProvider.System));
    }

    public static ShopPrinter ShopPrinter(string address, int limitInSeconds = 20)
    {
        Assert.True(PrinterSetting.TryParse(address, "/run/cups/cups.sock", out var setting), address);
        return new(setting, Printer(address, limitInSeconds: limitInSeconds), TimeProvider.System);
    }

    /// <summary>Options of ippeveprinter for a printer that can be told how to scale, and fills the paper unless it is.</summary>
    public static string[] Scaling => ["-a", Path.Combine(AppContext.BaseDirectory, "golden", "scaling-printer.conf")];

    /// <summary>A file as the relay describes it.</summary>
    public static FileDetails File(string type, long size, string? pages = null, string scaling = Scalings.Fit, int? numberUp = null) => new(
        Guid.NewGuid(), "", type, size, "", "stored", Pages: null, Locked: null, ScanResults.Unscanned,
        new PrintOptions(1, ColorModes.Monochrome, Sides.OneSided, pages, MediaNames.A4, scaling, numberUp), PrintedPages: null, Price: null, Print: null);

    /// <summary>A PDF of blue pages whose top left quarters are red, as they are stored.</summary>
    /// <param name="pages">Width and height in points, and what else the page's dictionary has.</param>
    public static byte[] ColoredPdf(params IReadOnlyList<(int Width, int Height, string More)> pages)
    {
        var objects = new List<string>
        {
            "<< /Type /Catalog /Pages 2 0 R >>",
            $"<< /Type /Pages /Count {pages.Count} /Kids [{string.Join(' ', Enumerable.Range(0, pages.Count).Select(page => $"{4 + (2 * page)} 0 R"))}] >>",
            "<< /Type /XObject /Subtype /Form /BBox [0 0 1 1] /Length 17 >>\nstream\n0 g 0 0 1 1 re f \nendstream",
        };
        foreach (var (width, height, more) in pages)
        {
            var drawing = $"0 0 1 rg 0 0 {width} {height} re f 1 0 0 rg 0 {height / 2} {width / 2} {height / 2} re f";
            objects.Add($"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] /Contents {objects.Count + 2} 0 R {more} >>");
            objects.Add($"<< /Length {drawing.Length} >>\nstream\n{drawing}\nendstream");
        }

        return Document(objects);
    }

    /// <summary>A PDF, each of whose pages has its number on it, so that no two of different lengths or texts are the same.</summary>
    /// <param name="size">Width and height in points.</param>
    public static byte[] Pdf(int pages = 1, string text = "Page", (int Width, int Height)? size = null)
    {
        var (width, height) = size ?? (595, 842);
        var objects = new List<string>
        {
            "<< /Type /Catalog /Pages 2 0 R >>",
            $"<< /Type /Pages /Count {pages} /Kids [{string.Join(' ', Enumerable.Range(0, pages).Select(page => $"{4 + (2 * page)} 0 R"))}] >>",
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        };
        for (var page = 1; page <= pages; page++)
        {
            objects.Add($"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] /Resources << /Font << /F 3 0 R >> >> /Contents {objects.Count + 2} 0 R >>");
            var drawing = $"BT /F 40 Tf 60 {height / 2} Td ({text} {page}) Tj ET";
            objects.Add($"<< /Length {drawing.Length} >>\nstream\n{drawing}\nendstream");
        }

        return Document(objects);
    }

    /// <summary>A PDF of these objects, of which the first is its catalog.</summary>
    public static byte[] Document(IReadOnlyList<string> objects)
    {
        var (pdf, offsets) = (new StringBuilder("%PDF-1.4\n"), new List<int>());
        foreach (var body in objects)
        {
            offsets.Add(pdf.Length);
            pdf.Append(CultureInfo.InvariantCulture, $"{offsets.Count} 0 obj\n{body}\nendobj\n");
        }

        var start = pdf.Length;
        pdf.Append(CultureInfo.InvariantCulture, $"xref\n0 {offsets.Count + 1}\n0000000000 65535 f \n");
        foreach (var offset in offsets)
            pdf.Append(CultureInfo.InvariantCulture, $"{offset:D10} 00000 n \n");
        pdf.Append(CultureInfo.InvariantCulture, $"trailer\n<< /Size {offsets.Count + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n");
        return Encoding.ASCII.GetBytes(pdf.ToString());
    }

    /// <summary>A PDF of one page that is known by its number also when qpdf has written it anew.</summary>
    public static byte[] NumberedPdf(int number) => Pdf(size: (FirstWidth + number, 842));

    /// <summary>How it is sent: laid out for the paper it would lose its number, which is its width.</summary>
    public static PrintOptionsChange OwnSize => new() { Scaling = Scalings.None };

    /// <summary>The number of such a PDF that came out as a whole, or null.</summary>
    public static int? NumberOf(byte[] document)
    {
        var text = Encoding.Latin1.GetString(document);
        return Page().Match(text) is { Success: true } page && text.TrimEnd().EndsWith("%%EOF", StringComparison.Ordinal)
            ? int.Parse(page.Groups["width"].Value, CultureInfo.InvariantCulture) - FirstWidth
            : null;
    }

    [GeneratedRegex(@"/MediaBox \[ ?0 0 (?<width>\d+) 842 ?\]", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Page();
}
