using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.IO.Hashing;
using System.Text;

namespace CloudTab.EndToEnd.Tests.Pages;

/// <summary>Files that customers send, as small as they can be and yet be shown.</summary>
internal static class Documents
{
    /// <summary>A PDF, A4, with the number of each page on it, and a script that says so if anything runs it.</summary>
    public static byte[] Pdf(int pages)
    {
        var objects = new List<string>
        {
            "<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /JavaScript /JS (app.alert\\('run'\\)) >> >>",
            FormattableString.Invariant($"<< /Type /Pages /Count {pages} /Kids [{string.Join(' ', Enumerable.Range(0, pages).Select(page => FormattableString.Invariant($"{4 + 2 * page} 0 R")))}] >>"),
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        };
        for (var page = 0; page < pages; page++)
        {
            var content = FormattableString.Invariant($"BT /F 96 Tf 72 640 Td (Page {page + 1}) Tj ET 0.2 0.5 0.8 rg 72 90 451 420 re f");
            objects.Add(FormattableString.Invariant($"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F 3 0 R >> >> /Contents {5 + 2 * page} 0 R >>"));
            objects.Add(FormattableString.Invariant($"<< /Length {content.Length} >>\nstream\n{content}\nendstream"));
        }

        var pdf = new StringBuilder("%PDF-1.7\n");
        var offsets = new List<int>();
        foreach (var (index, one) in objects.Index())
        {
            offsets.Add(pdf.Length);
            pdf.Append(CultureInfo.InvariantCulture, $"{index + 1} 0 obj\n{one}\nendobj\n");
        }

        var table = pdf.Length;
        pdf.Append(CultureInfo.InvariantCulture, $"xref\n0 {objects.Count + 1}\n0000000000 65535 f \n");
        foreach (var offset in offsets)
            pdf.Append(CultureInfo.InvariantCulture, $"{offset:D10} 00000 n \n");
        pdf.Append(CultureInfo.InvariantCulture, $"trailer\n<< /Size {objects.Count + 1} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n");
        return Encoding.ASCII.GetBytes(pdf.ToString());
    }

    /// <summary>A TIFF as fax machines make them, which only Safari shows: one white pixel (TIFF 6.0, section 2).</summary>
    public static byte[] Tiff()
    {
        (ushort Tag, ushort Type, uint Value)[] fields = [(256, 3, 1), (257, 3, 1), (262, 3, 0), (273, 4, 8), (279, 4, 1)]; // width, height, white is 0, strip at 8, its bytes
        using var tiff = new MemoryStream();
        using var writer = new BinaryWriter(tiff);
        writer.Write("II*\0"u8);
        writer.Write(10); // where the fields are, behind the pixel and a byte that makes it even
        writer.Write((ushort)0);
        writer.Write((ushort)fields.Length);
        foreach (var (tag, type, value) in fields)
        {
            writer.Write(tag);
            writer.Write(type);
            writer.Write(1);
            writer.Write(value);
        }

        writer.Write(0);
        return tiff.ToArray();
    }

    /// <summary>A PNG of one colour that changes to another from left to right.</summary>
    /// <param name="exif">What it tells of how it was taken: TIFF, for an eXIf chunk.</param>
    /// <param name="isNoise">Whether it is of chance instead, so that nothing makes it smaller but a loss.</param>
    public static byte[] Png(int width, int height, byte[]? exif = null, bool isNoise = false)
    {
        using var rows = new MemoryStream();
        using (var deflate = new ZLibStream(rows, CompressionLevel.Fastest, leaveOpen: true))
        {
            var row = new byte[1 + 3 * width];
            for (var x = 0; x < width; x++)
                (row[1 + 3 * x], row[2 + 3 * x], row[3 + 3 * x]) = ((byte)(40 + 180 * x / width), 110, (byte)(200 - 150 * x / width));
            for (var y = 0; y < height; y++)
            {
                if (isNoise)
                    Random.Shared.NextBytes(row.AsSpan(1));
                deflate.Write(row);
            }
        }

        using var png = new MemoryStream();
        png.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]);
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (8, 2); // bits of a channel, RGB
        Write("IHDR"u8, header);
        if (exif is not null)
            Write("eXIf"u8, exif);
        Write("IDAT"u8, rows.ToArray());
        Write("IEND"u8, []);
        return png.ToArray();

        void Write(ReadOnlySpan<byte> type, byte[] data)
        {
            Span<byte> number = stackalloc byte[4];
            BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
            png.Write(number);
            png.Write(type);
            png.Write(data);
            BinaryPrimitives.WriteUInt32BigEndian(number, Crc32.HashToUInt32([.. type, .. data]));
            png.Write(number);
        }
    }
}
