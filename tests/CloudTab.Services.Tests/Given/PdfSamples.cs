using System.Globalization;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using UglyToad.PdfPig.Content;
using UglyToad.PdfPig.Core;
using UglyToad.PdfPig.Fonts.Standard14Fonts;
using UglyToad.PdfPig.Writer;

namespace CloudTab.Services.Tests;

/// <summary>PDFs of all kinds, written by PdfPig where it can, else object by object.</summary>
internal static partial class PdfSamples
{
    private const string Catalog = "<< /Type /Catalog /Pages 2 0 R >>";

    /// <summary>A PDF as a program writes it.</summary>
    public static Sample OfPages(int count)
    {
        using var builder = new PdfDocumentBuilder();
        for (var i = 0; i < count; i++)
            builder.AddPage(PageSize.A4);
        return new("pages.pdf", builder.Build());
    }

    /// <summary>A page with text in fonts of different encodings.</summary>
    public static Sample OfText()
    {
        using var builder = new PdfDocumentBuilder();
        var page = builder.AddPage(PageSize.A4);
        page.AddText("Text", 12, new PdfPoint(50, 700), builder.AddStandard14Font(Standard14Font.Helvetica));
        page.AddText("α", 12, new PdfPoint(50, 600), builder.AddStandard14Font(Standard14Font.Symbol));
        return new("text.pdf", builder.Build());
    }

    /// <summary>One page, its objects in a compressed stream and found through another, as of PDF 1.5.</summary>
    public static Sample WithObjectStream() => WithObjectStream(padding: 0, filters: 1);

    /// <summary>The same with gigabytes of blanks in the stream, compressed twice to a few kilobytes.</summary>
    public static Sample ZipBomb() => WithObjectStream(padding: 3L << 30, filters: 2);

    /// <summary>Two pages, encrypted with RC4 of 128 bits (ISO 32000-1, 7.6.3, revision 3).</summary>
    /// <param name="isLiteral">Whether its strings of bytes are written as these bytes, and not in hexadecimal.</param>
    public static Sample Encrypted(string userPassword, bool isLiteral = false)
    {
        // All that is a control character in Latin-1, and something else in other encodings.
        var id = Enumerable.Range(0x80, 32).Select(i => (byte)i).ToArray();
        Func<byte[], string> text = isLiteral ? Literal : Hex;
        const int permissions = -44;
        var owner = Encrypt19Times(KeyOf(Padded("owner"), 50), Padded(userPassword), 16);
        byte[] seed = [.. Padded(userPassword), .. owner, .. BitConverter.GetBytes(permissions), .. id];
        var user = Encrypt19Times(KeyOf(seed, 50), KeyOf([.. Padded(""), .. id], 0), 16);
        var encryption = $"<< /Filter /Standard /V 2 /R 3 /Length 128 /P {permissions} /O {text(owner)} /U {text([.. user, .. new byte[16]])} >>";
        return Of("locked.pdf", $"/Encrypt 5 0 R /ID [{text(id)} {text(id)}]", Catalog, Tree("[3 0 R 4 0 R]", 2), Page, Page, encryption);
    }

    /// <summary>A tree of pages that contains itself.</summary>
    public static Sample Loop() => Of("loop.pdf", "", Catalog, Tree("[3 0 R 2 0 R]", 2), "<< /Type /Pages /Parent 2 0 R /Kids [2 0 R 3 0 R] /Count 2 >>");

    /// <summary>Arrays in arrays, a million deep.</summary>
    public static Sample Deep() => Of("deep.pdf", "", Catalog, Tree(new string('[', 1_000_000), 1), Page);

    /// <summary>Millions of references to one page.</summary>
    public static Sample Wide() => Of("wide.pdf", "", Catalog, Tree($"[{new StringBuilder().Insert(0, "3 0 R ", 2_000_000)}]", 2_000_000), Page);

    /// <summary>Tens of megabytes of nothing, with an end that looks like one.</summary>
    public static Sample Garbage()
    {
        var content = RandomNumberGenerator.GetBytes(50 << 20);
        "%PDF-1.7\n"u8.CopyTo(content);
        "\nstartxref\n99999999\n%%EOF\n"u8.CopyTo(content.AsSpan(content.Length - 28));
        return new("garbage.pdf", content);
    }

    private const string Page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>";

    private static string Tree(string kids, int count) => string.Create(CultureInfo.InvariantCulture, $"<< /Type /Pages /Kids {kids} /Count {count} >>");

    /// <summary>A file of these objects, numbered from 1, with a table of cross-references; the first one is the catalog.</summary>
    private static Sample Of(string name, string trailer, params string[] objects)
    {
        var file = new StringBuilder("%PDF-1.4\n");
        var table = new StringBuilder();
        foreach (var (index, content) in objects.Index())
        {
            table.Append(CultureInfo.InvariantCulture, $"{file.Length:D10} 00000 n \n");
            file.Append(CultureInfo.InvariantCulture, $"{index + 1} 0 obj\n{content}\nendobj\n");
        }

        var start = file.Length;
        file.Append(CultureInfo.InvariantCulture, $"xref\n0 {objects.Length + 1}\n0000000000 65535 f \n{table}");
        file.Append(CultureInfo.InvariantCulture, $"trailer\n<< /Size {objects.Length + 1} /Root 1 0 R {trailer} >>\nstartxref\n{start}\n%%EOF\n");
        return new(name, Encoding.Latin1.GetBytes(file.ToString()));
    }

    private static Sample WithObjectStream(long padding, int filters)
    {
        var pages = Tree("[3 0 R]", 1);
        var index = string.Create(CultureInfo.InvariantCulture, $"1 0 2 {Catalog.Length + 1} 3 {Catalog.Length + pages.Length + 2} ");
        var content = Compress(Encoding.ASCII.GetBytes($"{index}{Catalog} {pages} {Page} "), padding);
        for (var more = 1; more < filters; more++)
            content = Compress(content, 0);

        using var file = new MemoryStream();
        Write(file, "%PDF-1.5\n");
        var stream = file.Position;
        var names = string.Join(' ', Enumerable.Repeat("/FlateDecode", filters));
        Write(file, $"4 0 obj\n<< /Type /ObjStm /N 3 /First {index.Length} /Filter [{names}] /Length {content.Length} >>\nstream\n");
        file.Write(content);
        Write(file, "\nendstream\nendobj\n");
        var start = file.Position;
        // Each entry: where to look (1: in the file, 2: in a stream), the offset or the stream's number, the place in it.
        byte[] entries = [0, 0, 0, 0, 2, 0, 4, 0, 2, 0, 4, 1, 2, 0, 4, 2, 1, (byte)(stream >> 8), (byte)stream, 0, 1, (byte)(start >> 8), (byte)start, 0];
        if (start > ushort.MaxValue)
            entries = [.. entries[..20], 1, 0, 0, 0]; // nothing needs to find the cross-references but the pointer below
        Write(file, $"5 0 obj\n<< /Type /XRef /Size 6 /W [1 2 1] /Root 1 0 R /Length {entries.Length} >>\nstream\n");
        file.Write(entries);
        Write(file, $"\nendstream\nendobj\nstartxref\n{start}\n%%EOF\n");
        return new("stream.pdf", file.ToArray());
    }

    private static void Write(Stream file, string text) => file.Write(Encoding.ASCII.GetBytes(text));

    private static byte[] Compress(byte[] content, long padding)
    {
        using var compressed = new MemoryStream();
        using (var zlib = new ZLibStream(compressed, CompressionLevel.Fastest, leaveOpen: true))
        {
            zlib.Write(content);
            var blanks = new byte[1 << 20];
            Array.Fill(blanks, (byte)' ');
            for (; padding > 0; padding -= blanks.Length)
                zlib.Write(blanks);
        }

        return compressed.ToArray();
    }

    private static string Hex(byte[] bytes) => $"<{Convert.ToHexString(bytes)}>";

    /// <summary>ISO 32000-1, 7.3.4.2: escaped is only what has to be.</summary>
    private static string Literal(byte[] bytes) =>
        $"({Encoding.Latin1.GetString(bytes).Replace("\\", "\\\\", StringComparison.Ordinal).Replace("(", "\\(", StringComparison.Ordinal).Replace(")", "\\)", StringComparison.Ordinal).Replace("\r", "\\r", StringComparison.Ordinal)})";

    private static byte[] Padded(string password)
    {
        var padding = Convert.FromHexString("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A");
        return [.. Encoding.ASCII.GetBytes(password).Concat(padding).Take(32)];
    }

#pragma warning disable CA5351 // MD5 and RC4: the weak encryption that old PDFs have.
    private static byte[] KeyOf(byte[] seed, int rounds)
    {
        var hash = MD5.HashData(seed);
        for (; rounds > 0; rounds--)
            hash = MD5.HashData(hash);
        return hash;
    }
#pragma warning restore CA5351

    private static byte[] Encrypt19Times(byte[] key, byte[] content, int keyLength)
    {
        for (var round = 0; round < 20; round++)
            content = Rc4([.. key.Take(keyLength).Select(b => (byte)(b ^ round))], content);
        return content;
    }

    private static byte[] Rc4(byte[] key, byte[] content)
    {
        var state = Enumerable.Range(0, 256).Select(i => (byte)i).ToArray();
        var j = 0;
        for (var i = 0; i < 256; i++)
        {
            j = (j + state[i] + key[i % key.Length]) & 255;
            (state[i], state[j]) = (state[j], state[i]);
        }

        var (x, y) = (0, 0);
        return [.. content.Select(b =>
        {
            x = (x + 1) & 255;
            y = (y + state[x]) & 255;
            (state[x], state[y]) = (state[y], state[x]);
            return (byte)(b ^ state[(state[x] + state[y]) & 255]);
        })];
    }
}
