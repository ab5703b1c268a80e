using System.Buffers.Binary;

namespace CloudTab.UploadApi;

/// <summary>
/// How large pictures are by their headers. A few bytes can say that a picture has billions of pixels, for which each program that shows it
/// takes memory. A header that is damaged says nothing: viewers repair such files or refuse them. A picture
/// with more headers than any has is refused: nobody would know what the last of them say.
/// </summary>
internal static class PictureSize
{
    /// <summary>Pixels that a picture may have; a page of A2 at 600 dots per inch has 139 million.</summary>
    public const long Most = 250_000_000;

    private const int MostPages = 10_000;
    private const int MostBoxes = 100_000;

    /// <summary>The size of a picture whose header lies at its beginning: PNG (its section 11.2.1), WebP (RFC 9649, 2.5 to 2.7).</summary>
    /// <returns>Pixels, or 0 if its first bytes do not tell.</returns>
    public static long ByHead(string type, ReadOnlySpan<byte> head)
    {
        if (type == MediaTypes.Png && head.Length >= 24)
            return Pixels(BinaryPrimitives.ReadUInt32BigEndian(head[16..]), BinaryPrimitives.ReadUInt32BigEndian(head[20..]));
        if (type != MediaTypes.WebP || head.Length < 30)
            return 0;
        var chunk = head[12..16];
        if (chunk.SequenceEqual("VP8X"u8))
            return Pixels((BinaryPrimitives.ReadUInt32LittleEndian(head[24..]) & 0xFFFFFF) + 1, (BinaryPrimitives.ReadUInt32LittleEndian(head[26..]) >> 8) + 1);
        if (chunk.SequenceEqual("VP8 "u8))
            return Pixels(BinaryPrimitives.ReadUInt16LittleEndian(head[26..]) & 0x3FFFu, BinaryPrimitives.ReadUInt16LittleEndian(head[28..]) & 0x3FFFu);
        if (!chunk.SequenceEqual("VP8L"u8))
            return 0;
        var bits = BinaryPrimitives.ReadUInt32LittleEndian(head[21..]);
        return Pixels((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1);
    }

    /// <summary>Whether a page of a TIFF (revision 6.0, section 2) is too large.</summary>
    /// <exception cref="EndOfStreamException">It is cut, and no page in the rest is too large.</exception>
    /// <exception cref="InvalidDataException">It has more pages than any document, or pages that lie over each other.</exception>
    public static async Task<bool> IsTiffTooLargeAsync(Stream content, CancellationToken cancellationToken)
    {
        var header = await ReadAsync(content, 0, 8, cancellationToken);
        var isLittle = header[0] == 'I';
        var seen = new HashSet<uint>();
        var looked = 0L;
        for (var page = UInt32(header, 4); page != 0 && seen.Add(page);)
        {
            if (seen.Count > MostPages)
                throw new InvalidDataException("More pages than any document has.");
            var count = UInt16(await ReadAsync(content, page, 2, cancellationToken), 0);
            // Some viewers show a page whose fields, or the pointer behind them, are cut off.
            var fields = await ReadAsync(content, page + 2L, (int)Math.Min(count * 12 + 4, content.Length - content.Position), cancellationToken);
            if ((looked += fields.Length) > content.Length)
                throw new InvalidDataException("Pages lie over each other.");
            var (width, height) = (0u, 0u);
            for (var at = 0; at < count * 12 && at + 12 <= fields.Length; at += 12)
            {
                var value = UInt16(fields, at + 2) == 3 ? UInt16(fields, at + 8) : UInt32(fields, at + 8);
                switch (UInt16(fields, at))
                {
                    case 256:
                        width = Math.Max(width, value); // of two, some viewers take the first one, some the last
                        break;
                    case 257:
                        height = Math.Max(height, value);
                        break;
                }
            }

            if (Pixels(width, height) > Most)
                return true;
            page = fields.Length == count * 12 + 4 ? UInt32(fields, count * 12) : throw new EndOfStreamException();
        }

        return false;

        uint UInt32(byte[] bytes, int at) => isLittle ? BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at)) : BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(at));

        ushort UInt16(byte[] bytes, int at) => isLittle ? BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(at)) : BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(at));
    }

    /// <summary>Whether an image in a HEIF file (ISO/IEC 23008-12, 6.5.3: `ispe`) is too large.</summary>
    /// <exception cref="InvalidDataException">It has more boxes than any picture.</exception>
    public static async Task<bool> IsHeifTooLargeAsync(Stream content, CancellationToken cancellationToken)
    {
        var open = new Stack<(long From, long To)>([(0, content.Length)]);
        for (var boxes = 0; open.TryPop(out var range); boxes++)
        {
            if (boxes == MostBoxes)
                throw new InvalidDataException("More boxes than any picture has.");
            if (range.To - range.From < 8)
                continue;
            var header = await ReadAsync(content, range.From, (int)Math.Min(16, content.Length - range.From), cancellationToken);
            var (size, body) = ((long)BinaryPrimitives.ReadUInt32BigEndian(header), range.From + 8);
            if (size == 1 && header.Length >= 16)
                (size, body) = (BinaryPrimitives.ReadInt64BigEndian(header.AsSpan(8)), range.From + 16);
            // A box that is cut off is looked into as far as it goes: some viewers do.
            var end = size == 0 || size > range.To - range.From ? range.To : range.From + size;
            if (end < body)
                continue;
            open.Push((end, range.To));
            var type = header.AsMemory(4, 4);
            if (type.Span.SequenceEqual("meta"u8))
                open.Push((body + 4, end));
            else if (type.Span.SequenceEqual("iprp"u8) || type.Span.SequenceEqual("ipco"u8))
                open.Push((body, end));
            else if (type.Span.SequenceEqual("ispe"u8) && end - body >= 12 && PixelsIn(await ReadAsync(content, body + 4, 8, cancellationToken)) > Most)
                return true;
        }

        return false;
    }

    private static long PixelsIn(byte[] size) => Pixels(BinaryPrimitives.ReadUInt32BigEndian(size), BinaryPrimitives.ReadUInt32BigEndian(size.AsSpan(4)));

    /// <summary>Their product, or the largest number if it does not fit.</summary>
    public static long Pixels(uint width, uint height) => (long)Math.Min((ulong)width * height, long.MaxValue);

    private static async Task<byte[]> ReadAsync(Stream content, long from, int count, CancellationToken cancellationToken)
    {
        var bytes = new byte[count];
        content.Position = from;
        await content.ReadExactlyAsync(bytes, cancellationToken);
        return bytes;
    }
}
