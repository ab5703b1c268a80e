using System.Text;
using SkiaSharp;

namespace CloudTab.PrintAgent;

/// <summary>Puts plain text onto sheets of paper, in letters that are all equally wide.</summary>
internal static class TextSheets
{
    private const int LongestText = 10 << 20;
    private const int MostPages = 1_000;
    private const int TabWidth = 8;
    private const float Margin = 42;
    private const float LetterSize = 10;
    private const float LineHeight = 12;

    // SkiaSharp's build for Linux knows no fontconfig, and the text needs a font with equally wide letters: those that systems bring.
    private static readonly string[] Fonts =
    [
        "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf", "/usr/share/fonts/dejavu-sans-mono-fonts/DejaVuSansMono.ttf", "/usr/share/fonts/TTF/DejaVuSansMono.ttf",
        "/usr/share/fonts/truetype/liberation/LiberationMono-Regular.ttf", "/usr/share/fonts/truetype/noto/NotoSansMono-Regular.ttf",
        "/System/Library/Fonts/Menlo.ttc", @"C:\Windows\Fonts\consola.ttf",
    ];

    /// <exception cref="NotPrintableException">No font of this PC has all of its letters, or it is too long.</exception>
    public static void Draw(Stream text, PaperSize paper, Stream output)
    {
        using var typeface = Fonts.Where(File.Exists).Select(file => SKTypeface.FromFile(file)).FirstOrDefault() ?? throw new NotPrintableException("no-font");
        using var font = new SKFont(typeface, LetterSize);
        using var ink = new SKPaint { Color = SKColors.Black, IsAntialias = true };
        var pages = Pages(Read(text), Columns(font, paper), (int)((paper.Height - (2 * Margin)) / LineHeight));
        if (!pages.TrueForAll(page => page.TrueForAll(font.ContainsGlyphs)))
            throw new NotPrintableException("no-font");

        using var document = SKDocument.CreatePdf(output);
        foreach (var page in pages)
        {
            using var canvas = document.BeginPage(paper.Width, paper.Height);
            for (var line = 0; line < page.Count; line++)
                canvas.DrawText(page[line], Margin, Margin + ((line + 1) * LineHeight), SKTextAlign.Left, font, ink);
            document.EndPage();
        }

        document.Close();
    }

    private static int Columns(SKFont font, PaperSize paper) => Math.Max(1, (int)((paper.Width - (2 * Margin)) / font.MeasureText("0")));

    private static string Read(Stream text)
    {
        var bytes = new byte[LongestText + 1];
        var count = text.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        if (count == bytes.Length)
            throw new NotPrintableException("too-long");
        return bytes.AsSpan(0, count) switch
        {
            [0xEF, 0xBB, 0xBF, .. var marked] => Encoding.UTF8.GetString(marked),
            [0xFF, 0xFE, .. var little] => Encoding.Unicode.GetString(little),
            [0xFE, 0xFF, .. var big] => Encoding.BigEndianUnicode.GetString(big),
            var unmarked => System.Text.Unicode.Utf8.IsValid(unmarked) ? Encoding.UTF8.GetString(unmarked) : Encoding.Latin1.GetString(unmarked),
        };
    }

    private static List<List<string>> Pages(string text, int columns, int lines)
    {
        var pages = new List<List<string>>();
        foreach (var sheet in text.ReplaceLineEndings("\n").TrimEnd('\n', '\f').Split('\f'))
        {
            foreach (var page in sheet.Split('\n').SelectMany(line => Wrapped(line, columns)).Chunk(lines))
                pages.Add([.. page]);
            if (pages.Count > MostPages)
                throw new NotPrintableException("too-long");
        }

        return pages;
    }

    private static IEnumerable<string> Wrapped(string line, int columns)
    {
        var expanded = new StringBuilder(line.Length);
        foreach (var letter in line)
        {
            if (letter == '\t')
                expanded.Append(' ', TabWidth - (expanded.Length % TabWidth));
            else if (!char.IsControl(letter))
                expanded.Append(letter);
        }

        var all = expanded.ToString();
        for (var start = 0; start == 0 || start < all.Length; start += columns)
            yield return all.Substring(start, Math.Min(columns, all.Length - start));
    }
}
