using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Playwright;

namespace CloudTab.EndToEnd.Tests.Pages;

/// <summary>Files as customers choose them.</summary>
internal static class CustomerFiles
{
    /// <summary>What an unchanged photo tells of its owner, in four places.</summary>
    public static readonly string[] Secrets = ["Phone-of-Zoe", "28.6139N", "GPSLatitude", "second-picture"];

    public static FilePayload Pdf(string name, int pages) => new() { Name = name, MimeType = "application/pdf", Buffer = Documents.Pdf(pages) };

    public static FilePayload Text(string name, int size) => new() { Name = name, MimeType = "text/plain", Buffer = Encoding.ASCII.GetBytes(new string('x', size)) };

    public static FilePayload Of(string name, string type, string content) => new() { Name = name, MimeType = type, Buffer = Encoding.UTF8.GetBytes(content) };

    /// <summary>A PDF of noise behind its pages, so that nothing on the way makes it smaller.</summary>
    public static FilePayload Large(string name, int size) =>
        new() { Name = name, MimeType = "application/pdf", Buffer = [.. Documents.Pdf(1), .. "% "u8, .. Encoding.ASCII.GetBytes(RandomNumberGenerator.GetHexString(size))] };

    /// <summary>Five pages whose tree is in a compressed object stream (ISO 32000-2, 7.5.7).</summary>
    public static FilePayload WithObjectStream(string name)
    {
        var header = "%PDF-1.5\n"u8.ToArray();
        var stream = ObjectStream(
            4, (1, "<< /Type /Catalog /Pages 2 0 R >>"), (2, "<< /Type /Pages /Count 5 /Kids [3 0 R 3 0 R 3 0 R 3 0 R 3 0 R] >>"), (3, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>"));
        var table = header.Length + stream.Length;
        // Types and places of objects 0 to 5 (7.5.8): free; in stream 4 at 0, 1, 2; at an offset; at an offset.
        var end = CrossReferences(5, table, "", [0, 0, 0, 0, 2, 0, 4, 0, 2, 0, 4, 1, 2, 0, 4, 2, 1, 0, (byte)header.Length, 0, 1, (byte)(table >> 8), (byte)table, 0]);
        return new() { Name = name, MimeType = "application/pdf", Buffer = [.. header, .. stream, .. end] };
    }

    /// <summary>The same, saved incrementally after two of its pages were deleted: the old tree is still in it (7.5.6).</summary>
    public static FilePayload ShortenedWithObjectStream(string name)
    {
        var before = WithObjectStream(name).Buffer;
        var stream = ObjectStream(6, (2, "<< /Type /Pages /Count 3 /Kids [3 0 R 3 0 R 3 0 R] >>"));
        var table = before.Length + stream.Length;
        var end = CrossReferences(
            7, table, $"/Index [2 1 6 2] /Prev {StartOf(before)}", [2, 0, 6, 0, 1, (byte)(before.Length >> 8), (byte)before.Length, 0, 1, (byte)(table >> 8), (byte)table, 0]);
        return new() { Name = name, MimeType = "application/pdf", Buffer = [.. before, .. stream, .. end] };
    }

    /// <summary>A PDF of five pages, saved incrementally after three of them were deleted.</summary>
    public static FilePayload Shortened(string name)
    {
        var before = Documents.Pdf(5);
        const string tree = "2 0 obj\n<< /Type /Pages /Count 2 /Kids [4 0 R 8 0 R] >>\nendobj\n";
        var end = FormattableString.Invariant(
            $"{tree}xref\n2 1\n{before.Length:D10} 00000 n \ntrailer\n<< /Size 14 /Root 1 0 R /Prev {StartOf(before)} >>\nstartxref\n{before.Length + tree.Length}\n%%EOF\n");
        return new() { Name = name, MimeType = "application/pdf", Buffer = [.. before, .. Encoding.ASCII.GetBytes(end)] };
    }

    /// <summary>A PDF of one page that has another one attached to it, of three pages and as it is.</summary>
    public static FilePayload WithAttachment(string name)
    {
        var before = Documents.Pdf(1);
        var attached = Documents.Pdf(3);
        byte[] content = [.. Encoding.ASCII.GetBytes(FormattableString.Invariant($"6 0 obj\n<< /Type /EmbeddedFile /Length {attached.Length} >>\nstream\n")), .. attached, .. "\nendstream\nendobj\n"u8];
        var end = FormattableString.Invariant(
            $"xref\n6 1\n{before.Length:D10} 00000 n \ntrailer\n<< /Size 7 /Root 1 0 R /Prev {StartOf(before)} >>\nstartxref\n{before.Length + content.Length}\n%%EOF\n");
        return new() { Name = name, MimeType = "application/pdf", Buffer = [.. before, .. content, .. Encoding.ASCII.GetBytes(end)] };
    }

    /// <summary>Two pages, encrypted with RC4 of 128 bits (ISO 32000-1, 7.6.3, revision 3): for a password, or only so that nobody changes it.</summary>
    /// <param name="isLiteral">Whether its strings of bytes are written as these bytes, and not in hexadecimal.</param>
    public static FilePayload Encrypted(string name, string password, bool isLiteral = false)
    {
        // All that windows-1252 has other characters for.
        var id = Enumerable.Range(0x80, 32).Select(i => (byte)i).ToArray();
        Func<byte[], string> text = isLiteral ? Literal : bytes => $"<{Convert.ToHexString(bytes)}>";
        const int permissions = -44;
        var owner = Repeat(KeyOf(Padded("owner"), 50), Padded(password));
        var user = Repeat(KeyOf([.. Padded(password), .. owner, .. BitConverter.GetBytes(permissions), .. id], 50), KeyOf([.. Padded(""), .. id], 0));
        var pdf = new StringBuilder("%PDF-1.4\n");
        var offsets = new List<int>();
        string[] objects =
        [
            "<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Count 2 /Kids [3 0 R 4 0 R] >>", "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>",
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>",
            FormattableString.Invariant($"<< /Filter /Standard /V 2 /R 3 /Length 128 /P {permissions} /O {text(owner)} /U {text([.. user, .. new byte[16]])} >>"),
        ];
        foreach (var (index, one) in objects.Index())
        {
            offsets.Add(pdf.Length);
            pdf.Append(System.Globalization.CultureInfo.InvariantCulture, $"{index + 1} 0 obj\n{one}\nendobj\n");
        }

        var table = pdf.Length;
        pdf.Append("xref\n0 6\n0000000000 65535 f \n");
        foreach (var offset in offsets)
            pdf.Append(System.Globalization.CultureInfo.InvariantCulture, $"{offset:D10} 00000 n \n");
        pdf.Append(System.Globalization.CultureInfo.InvariantCulture, $"trailer\n<< /Size 6 /Root 1 0 R /Encrypt 5 0 R /ID [{text(id)} {text(id)}] >>\nstartxref\n{table}\n%%EOF\n");
        return new() { Name = name, MimeType = "application/pdf", Buffer = Encoding.Latin1.GetBytes(pdf.ToString()) };
    }

    /// <summary>A photo as a phone takes it: lying on its side, with a place in Exif and XMP, and a second picture behind the first.</summary>
    /// <param name="page">Where it is drawn.</param>
    public static async Task<FilePayload> PhotoAsync(IPage page, string name, int width = 640, int height = 480)
    {
        var drawn = await page.EvaluateAsync<string>("""
            async ([width, height]) => {
              const canvas = Object.assign(document.createElement('canvas'), { width, height })
              const context = canvas.getContext('2d')
              const sky = context.createLinearGradient(0, 0, 0, height)
              for (const [at, colour] of [[0, '#3a6ea5'], [.6, '#f3b886'], [.61, '#4b6b4a'], [1, '#22331f']]) sky.addColorStop(at, colour)
              context.fillStyle = sky
              context.fillRect(0, 0, width, height)
              for (let dot = 0; dot < width * height / 200; dot++) {
                context.fillStyle = `hsl(${dot * 37 % 360} 50% 60% / .25)`
                context.fillRect((dot * 7919) % width, (dot * 104729) % height, 9, 9)
              }
              const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', .95))
              return new Promise((resolve) => {
                const reader = new FileReader()
                reader.onload = () => resolve(reader.result.split(',')[1])
                reader.readAsDataURL(blob)
              })
            }
            """, new[] { width, height });
        var jpeg = Convert.FromBase64String(drawn);
        byte[] second = [0xFF, 0xD8, .. Segment(0xE1, [.. "Exif\0\0"u8, .. "second-picture"u8]), .. jpeg[2..]];
        return new()
        {
            Name = name,
            MimeType = "image/jpeg",
            Buffer = [0xFF, 0xD8, .. Segment(0xE1, Exif()), .. Segment(0xE1, [.. "http://ns.adobe.com/xap/1.0/\0<exif:GPSLatitude>"u8, .. "28.6139N"u8]), .. jpeg[2..], .. second],
        };
    }

    /// <summary>A PNG that is red towards its right and lies on its side, with a place in Exif.</summary>
    public static FilePayload SidewaysPng(string name, byte orientation) => new() { Name = name, MimeType = "image/png", Buffer = Documents.Png(60, 40, Tiff(orientation)) };

    /// <summary>A WebP that is red towards its right, and lies on its side, with a place in Exif and XMP.</summary>
    /// <param name="page">Where it is drawn.</param>
    public static async Task<FilePayload> SidewaysWebpAsync(IPage page, string name, byte orientation)
    {
        var drawn = await page.EvaluateAsync<string>("""
            async () => {
              const canvas = new OffscreenCanvas(60, 40)
              const context = canvas.getContext('2d', { alpha: false })
              const right = context.createLinearGradient(0, 0, 60, 0)
              right.addColorStop(0, 'rgb(40 110 200)')
              right.addColorStop(1, 'rgb(220 110 50)')
              context.fillStyle = right
              context.fillRect(0, 0, 60, 40)
              const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: 'image/webp', quality: .9 })).arrayBuffer())
              return btoa(String.fromCharCode(...bytes))
            }
            """);
        var picture = Convert.FromBase64String(drawn)[12..];
        // The extended format has flags: Exif and XMP are in it.
        Assert.Equal("VP8X", Encoding.ASCII.GetString(picture, 0, 4));
        picture[8] |= 0x0C;
        byte[] content = [.. "WEBP"u8, .. picture, .. Chunk("EXIF", Tiff(orientation)), .. Chunk("XMP ", [.. "<exif:GPSLatitude>28.6139N"u8])];
        return new() { Name = name, MimeType = "image/webp", Buffer = [.. "RIFF"u8, .. BitConverter.GetBytes(content.Length), .. content] };
    }

    /// <summary>A photo of 600 by 400 with stripes of these colours, from top to bottom, that lies on its side as phones store it.</summary>
    /// <param name="page">Where it is drawn.</param>
    public static async Task<FilePayload> StripesAsync(IPage page, string name, params string[] colours)
    {
        var drawn = Convert.FromBase64String(await page.EvaluateAsync<string>("""
            async (colours) => {
              const canvas = new OffscreenCanvas(400, 600)
              const context = canvas.getContext('2d')
              for (const [index, colour] of colours.entries()) {
                context.fillStyle = colour
                context.fillRect(400 * index / colours.length, 0, 400, 600)
              }
              return btoa(String.fromCharCode(...new Uint8Array(await (await canvas.convertToBlob({ type: 'image/jpeg', quality: .9 })).arrayBuffer())))
            }
            """, colours));
        return new() { Name = name, MimeType = "image/jpeg", Buffer = [0xFF, 0xD8, .. Segment(0xE1, Exif()), .. drawn[2..]] };
    }

    /// <summary>A JPEG whose parts are all there, and that no browser can show.</summary>
    public static FilePayload Unshowable(string name) => new() { Name = name, MimeType = "image/jpeg", Buffer = [0xFF, 0xD8, .. Segment(0xDA, [1, 1, 0, 0, 63, 0]), 1, 2, 3, 4, 0xFF, 0xD9] };

    private static byte[] ObjectStream(int number, params (int Number, string Content)[] objects)
    {
        var offsets = objects.Select((one, index) => FormattableString.Invariant($"{one.Number} {objects.Take(index).Sum(before => before.Content.Length + 1)}"));
        var first = string.Join(' ', offsets) + " ";
        var packed = Deflate(Encoding.ASCII.GetBytes(first + string.Join(' ', objects.Select(one => one.Content))));
        return [.. Encoding.ASCII.GetBytes(FormattableString.Invariant(
            $"{number} 0 obj\n<< /Type /ObjStm /N {objects.Length} /First {first.Length} /Filter /FlateDecode /Length {packed.Length} >>\nstream\n")), .. packed, .. "\nendstream\nendobj\n"u8];
    }

    /// <summary>The stream of cross-references, which is itself the last object, and the end of the file.</summary>
    private static byte[] CrossReferences(int number, int offset, string more, byte[] entries) =>
    [
        .. Encoding.ASCII.GetBytes(FormattableString.Invariant(
            $"{number} 0 obj\n<< /Type /XRef /Size {number + 1} /W [1 2 1] /Root 1 0 R {more} /Length {entries.Length} >>\nstream\n")),
        .. entries,
        .. Encoding.ASCII.GetBytes(FormattableString.Invariant($"\nendstream\nendobj\nstartxref\n{offset}\n%%EOF\n")),
    ];

    /// <summary>ISO 32000-1, 7.3.4.2: escaped is only what has to be.</summary>
    private static string Literal(byte[] bytes) =>
        $"({Encoding.Latin1.GetString(bytes).Replace("\\", "\\\\", StringComparison.Ordinal).Replace("(", "\\(", StringComparison.Ordinal).Replace(")", "\\)", StringComparison.Ordinal).Replace("\r", "\\r", StringComparison.Ordinal)})";

    /// <summary>Where a PDF says that its cross-references are.</summary>
    private static string StartOf(byte[] pdf) => Encoding.Latin1.GetString(pdf).Split("startxref\n")[^1].Split('\n')[0];

    private static byte[] Chunk(string name, byte[] content) =>
        [.. Encoding.ASCII.GetBytes(name), .. BitConverter.GetBytes(content.Length), .. content, .. new byte[content.Length % 2]];

    private static byte[] Exif() => [.. "Exif\0\0"u8, .. Tiff(orientation: 6)];

    /// <summary>Big-endian TIFF: make, orientation (6 is turned right), and a directory of GPS.</summary>
    private static byte[] Tiff(byte orientation) =>
    [
        .. "MM"u8, 0, 42, 0, 0, 0, 8,
        0, 3,
        0x01, 0x10, 0, 2, 0, 0, 0, 13, 0, 0, 0, 50,
        0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0,
        0x88, 0x25, 0, 4, 0, 0, 0, 1, 0, 0, 0, 64,
        0, 0, 0, 0,
        .. "Phone-of-Zoe\0\0"u8,
        0, 1,
        0, 1, 0, 2, 0, 0, 0, 2, (byte)'N', 0, 0, 0,
        0, 0, 0, 0,
    ];

    private static byte[] Segment(byte marker, byte[] content) => [0xFF, marker, (byte)((content.Length + 2) >> 8), (byte)(content.Length + 2), .. content];

    private static byte[] Deflate(byte[] content)
    {
        using var packed = new MemoryStream();
        using (var deflate = new ZLibStream(packed, CompressionLevel.Optimal, leaveOpen: true))
            deflate.Write(content);
        return packed.ToArray();
    }

    private static byte[] Padded(string password)
    {
        var padding = Convert.FromHexString("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A");
        return [.. Encoding.Latin1.GetBytes(password).Concat(padding).Take(32)];
    }

#pragma warning disable CA5351 // The format asks for MD5 and RC4.
    private static byte[] KeyOf(byte[] seed, int rounds)
    {
        var key = MD5.HashData(seed);
        for (var round = 0; round < rounds; round++)
            key = MD5.HashData(key);
        return key;
    }
#pragma warning restore CA5351

    private static byte[] Repeat(byte[] key, byte[] data)
    {
        for (var round = 0; round < 20; round++)
            data = Rc4([.. key.Select(one => (byte)(one ^ round))], data);
        return data;
    }

    private static byte[] Rc4(byte[] key, byte[] data)
    {
        var state = Enumerable.Range(0, 256).Select(i => (byte)i).ToArray();
        for (int i = 0, j = 0; i < 256; i++)
        {
            j = (j + state[i] + key[i % key.Length]) & 255;
            (state[i], state[j]) = (state[j], state[i]);
        }

        var encrypted = new byte[data.Length];
        for (int at = 0, i = 0, j = 0; at < data.Length; at++)
        {
            i = (i + 1) & 255;
            j = (j + state[i]) & 255;
            (state[i], state[j]) = (state[j], state[i]);
            encrypted[at] = (byte)(data[at] ^ state[(state[i] + state[j]) & 255]);
        }

        return encrypted;
    }
}
