using System.Buffers.Binary;
using System.Text;

namespace CloudTab.UploadApi;

/// <summary>
/// A file that was dropped into an OLE document, in the stream `\1Ole10Native`: its name, where it came from, its bytes, and the names again
/// in UTF-16. Opening it starts what the name says. Old paint programs keep their pictures in such a stream, without names.
/// </summary>
internal static class OlePackage
{
    public const string StreamName = "\u0001Ole10Native";

    // What the names take at most: each is a path of Windows, and MAX_PATH is 260.
    private const int HeadSize = 4096;

    private const int SizeField = sizeof(uint);

    /// <summary>Whether the file is a program, by one of its names or by its first bytes, or is an OLE file that contains one.</summary>
    /// <exception cref="InvalidDataException">Its names are longer than those of any file, or it is an OLE file that cannot be read.</exception>
    public static async Task<bool> IsProgramAsync(CompoundStream stream, OfficeObjects objects, CancellationToken cancellationToken)
    {
        var head = new byte[HeadSize];
        head = head[..await stream.ReadAsync(0, head, cancellationToken)];
        if (head.Length <= SizeField + sizeof(ushort))
            return false;
        if (Programs.IsBegunBy(head.AsSpan(SizeField)))
            return true;
        // 2 is a file, 1 and 3 are links to one. Anything else is a picture.
        if (BinaryPrimitives.ReadUInt16LittleEndian(head.AsSpan(SizeField)) is 0 or > 3)
            return false;

        var at = SizeField + sizeof(ushort);
        string[] names = [TextAt(head, ref at), TextAt(head, ref at), TextAt(head, ref at, skip: 2 * SizeField)];
        if (names.Any(Programs.IsNamed))
            return true;
        if (at + SizeField > head.Length)
            return false;
        var size = BinaryPrimitives.ReadUInt32LittleEndian(head.AsSpan(at));
        var content = new byte[Programs.HeadSize];
        content = content[..await stream.ReadAsync(at + SizeField, content, cancellationToken)];
        return Programs.IsBegunBy(content)
            || OfficeObjects.IsBegunBy(content) && await objects.HasProgramAsync(stream.Open(at + SizeField, size), cancellationToken)
            || await IsNamedBehindAsync(stream, at + SizeField + (long)size, cancellationToken);
    }

    // The same three names: what Windows shows and starts, if they are there.
    private static async Task<bool> IsNamedBehindAsync(CompoundStream stream, long position, CancellationToken cancellationToken)
    {
        var tail = new byte[HeadSize];
        tail = tail[..await stream.ReadAsync(position, tail, cancellationToken)];
        for (var at = 0; at + SizeField <= tail.Length;)
        {
            var length = BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(at)) * 2L;
            at += SizeField;
            if (length > tail.Length - at)
                return false;
            if (Programs.IsNamed(Encoding.Unicode.GetString(tail.AsSpan(at, (int)length)).TrimEnd('\0')))
                return true;
            at += (int)length;
        }

        return false;
    }

    /// <summary>The text that ends with the next zero.</summary>
    /// <param name="skip">Bytes before it.</param>
    private static string TextAt(byte[] head, ref int at, int skip = 0)
    {
        var rest = head.AsSpan(Math.Min(at + skip, head.Length));
        var length = rest.IndexOf((byte)0);
        if (length < 0)
            throw new InvalidDataException("A name without an end.");
        at += skip + length + 1;
        return Encoding.Latin1.GetString(rest[..length]);
    }
}
