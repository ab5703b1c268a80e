using System.Buffers.Binary;

namespace CloudTab.UploadApi;

/// <summary>The signatures of the formats that can be printed.</summary>
internal static class FileSignatures
{
    /// <summary>Bytes that suffice to recognise a signature.</summary>
    public const int HeadSize = 1024;

    private const int FileTypeBoxHeader = 16;

    /// <summary>The media type that the first bytes of a file speak for, or null if nothing of that kind can be printed.</summary>
    /// <returns>For a container (<see cref="MediaTypes.Zip"/>, <see cref="MediaTypes.CompoundFile"/>) and for text, the rest decides.</returns>
    public static string? Detect(ReadOnlySpan<byte> head) => head switch
    {
        [0xFF, 0xD8, 0xFF, ..] => MediaTypes.Jpeg,
        [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => MediaTypes.Png,
        [(byte)'I', (byte)'I', 42, 0, ..] or [(byte)'M', (byte)'M', 0, 42, ..] => MediaTypes.Tiff,
        [(byte)'R', (byte)'I', (byte)'F', (byte)'F', _, _, _, _, (byte)'W', (byte)'E', (byte)'B', (byte)'P', ..] => MediaTypes.WebP,
        [_, _, _, _, (byte)'f', (byte)'t', (byte)'y', (byte)'p', ..] => DetectByBrands(head),
        [(byte)'P', (byte)'K', 3, 4, ..] => MediaTypes.Zip,
        [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1, ..] => MediaTypes.CompoundFile,
        _ when EmbeddedDocument.IsRtf(SkipBlanks(head)) => MediaTypes.Rtf,
        _ when SkipBlanks(head).StartsWith("%PDF-"u8) => MediaTypes.Pdf,
        _ when EmbeddedDocument.FindPdf(head) is >= 0 and var at => IsHarmless(head[..at]) ? MediaTypes.Pdf : null,
        _ when !Programs.IsBegunByNoText(head) && new PlainText(head).Add(head) => MediaTypes.Text,
        _ => null,
    };

    // Some producers put a byte order mark or blank lines before the header.
    private static ReadOnlySpan<byte> SkipBlanks(ReadOnlySpan<byte> head)
    {
        if (head.StartsWith(PlainText.Utf8Mark))
            head = head[PlainText.Utf8Mark.Length..];
        return head.TrimStart(" \t\r\n\f"u8);
    }

    // Readers find a PDF's header in the first 1,024 bytes whatever is before it: zeros, a printer's job language, the head of a request, a
    // warning of the program that made it. But if a page, a script or a program begins there, the file is that as well.
    private static bool IsHarmless(ReadOnlySpan<byte> before)
    {
        before = before.TrimStart((byte)0);
        if (before.StartsWith(EmbeddedDocument.ExitLanguage))
            before = before[EmbeddedDocument.ExitLanguage.Length..];
        return !BeginsInLetters(before) && new PlainText(before).Add(before);
    }

    // Formats whose first bytes could be those of a text: programs, GIF, WAV and AVI, bzip2, a package of Debian.
    private static bool BeginsInLetters(ReadOnlySpan<byte> bytes) => Programs.IsBegunBy(bytes) || bytes.StartsWith("GIF8"u8)
        || bytes.StartsWith("RIFF"u8) || bytes.StartsWith("BZh"u8) || bytes.StartsWith("!<arch>"u8);

    // ISO/IEC 23008-12, 10.2: a HEIF file begins with a box that lists its brands. AVIF uses the same box.
    private static string? DetectByBrands(ReadOnlySpan<byte> head)
    {
        var size = (int)Math.Min(BinaryPrimitives.ReadUInt32BigEndian(head), (uint)head.Length);
        if (size < FileTypeBoxHeader)
            return null;
        var (heic, heif) = (false, false);
        for (var at = 8; at + 4 <= size; at += at == 8 ? 8 : 4)
        {
            var brand = head.Slice(at, 4);
            if (brand.SequenceEqual("avif"u8) || brand.SequenceEqual("avis"u8))
                return null;
            heic |= brand.SequenceEqual("heic"u8) || brand.SequenceEqual("heix"u8) || brand.SequenceEqual("hevc"u8)
                || brand.SequenceEqual("hevx"u8) || brand.SequenceEqual("heim"u8) || brand.SequenceEqual("heis"u8);
            heif |= brand.SequenceEqual("mif1"u8) || brand.SequenceEqual("msf1"u8);
        }

        return heic ? MediaTypes.Heic : heif ? MediaTypes.Heif : null;
    }
}
