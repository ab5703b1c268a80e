using System.Buffers.Binary;

namespace CloudTab.UploadApi;

/// <summary>What the first bytes of a file say it is.</summary>
internal enum Kind
{
    /// <summary>Nothing that can be printed.</summary>
    None,
    Pdf,
    Jpeg,
    Png,
    Tiff,
    Heic,
    Heif,
    WebP,
    Rtf,

    /// <summary>A ZIP archive: an office document, perhaps.</summary>
    Zip,

    /// <summary>An OLE compound file: an older office document, perhaps.</summary>
    CompoundFile,

    /// <summary>Text so far.</summary>
    Text,
}

/// <summary>The signatures of the formats that are accepted.</summary>
internal static class FileSignatures
{
    /// <summary>Bytes that suffice to tell.</summary>
    public const int HeadSize = 1024;

    private const int FileTypeBoxHeader = 16;

    public static Kind Detect(ReadOnlySpan<byte> head) => head switch
    {
        [0xFF, 0xD8, 0xFF, ..] => Kind.Jpeg,
        [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => Kind.Png,
        [(byte)'I', (byte)'I', 42, 0, ..] or [(byte)'M', (byte)'M', 0, 42, ..] => Kind.Tiff,
        [(byte)'R', (byte)'I', (byte)'F', (byte)'F', _, _, _, _, (byte)'W', (byte)'E', (byte)'B', (byte)'P', ..] => Kind.WebP,
        [_, _, _, _, (byte)'f', (byte)'t', (byte)'y', (byte)'p', ..] => OfBrands(head),
        [(byte)'P', (byte)'K', 3, 4, ..] => Kind.Zip,
        [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1, ..] => Kind.CompoundFile,
        _ when head.StartsWith("{\\rtf"u8) => Kind.Rtf,
        _ when SkipBlanks(head).StartsWith("%PDF-"u8) => Kind.Pdf,
        _ when new PlainText(head).Add(head) => Kind.Text,
        _ => Kind.None,
    };

    /// <summary>The media type of a kind that has only one.</summary>
    public static string MediaTypeOf(Kind kind) => kind switch
    {
        Kind.Pdf => MediaTypes.Pdf,
        Kind.Jpeg => MediaTypes.Jpeg,
        Kind.Png => MediaTypes.Png,
        Kind.Tiff => MediaTypes.Tiff,
        Kind.Heic => MediaTypes.Heic,
        Kind.Heif => MediaTypes.Heif,
        Kind.WebP => MediaTypes.WebP,
        Kind.Rtf => MediaTypes.Rtf,
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "More than the first bytes is needed to tell."),
    };

    // Producers put a byte order mark or blank lines before the header. Readers look for it in the first 1,024 bytes even after
    // anything else, but then the file is something else as well.
    private static ReadOnlySpan<byte> SkipBlanks(ReadOnlySpan<byte> head)
    {
        if (head.StartsWith(PlainText.Utf8Mark))
            head = head[PlainText.Utf8Mark.Length..];
        return head.TrimStart(" \t\r\n\f"u8);
    }

    // ISO/IEC 23008-12, 10.2: a HEIF file names its brands in the box that it begins with; those of AVIF share the container.
    private static Kind OfBrands(ReadOnlySpan<byte> head)
    {
        var size = (int)Math.Min(BinaryPrimitives.ReadUInt32BigEndian(head), (uint)head.Length);
        if (size < FileTypeBoxHeader)
            return Kind.None;
        var (heic, heif) = (false, false);
        for (var at = 8; at + 4 <= size; at += at == 8 ? 8 : 4)
        {
            var brand = head.Slice(at, 4);
            if (brand.SequenceEqual("avif"u8) || brand.SequenceEqual("avis"u8))
                return Kind.None;
            heic |= brand.SequenceEqual("heic"u8) || brand.SequenceEqual("heix"u8) || brand.SequenceEqual("hevc"u8)
                || brand.SequenceEqual("hevx"u8) || brand.SequenceEqual("heim"u8) || brand.SequenceEqual("heis"u8);
            heif |= brand.SequenceEqual("mif1"u8) || brand.SequenceEqual("msf1"u8);
        }

        return heic ? Kind.Heic : heif ? Kind.Heif : Kind.None;
    }
}
