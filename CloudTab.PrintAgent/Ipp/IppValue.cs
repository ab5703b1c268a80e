using System.Buffers.Binary;
using System.Text;

namespace CloudTab.PrintAgent;

/// <summary>One value as it is on the wire. A tag that nobody here knows is kept as it came.</summary>
/// <param name="Bytes">The value without its length; empty for collections.</param>
/// <param name="Members">The members of a collection.</param>
internal sealed record IppValue(IppTag Tag, ReadOnlyMemory<byte> Bytes, IReadOnlyList<IppAttribute>? Members = null)
{
    /// <summary>The number of an integer or enum, or null.</summary>
    public int? AsInteger => Tag is IppTag.Integer or IppTag.Enum ? BinaryPrimitives.ReadInt32BigEndian(Bytes.Span) : null;

    public bool? AsBoolean => Tag == IppTag.Boolean ? Bytes.Span[0] != 0 : null;

    public (int Lower, int Upper)? AsRange => Tag == IppTag.RangeOfInteger
        ? (BinaryPrimitives.ReadInt32BigEndian(Bytes.Span), BinaryPrimitives.ReadInt32BigEndian(Bytes.Span[4..]))
        : null;

    /// <summary>The characters of a text, name, keyword, URI and the like, without their language, or null.</summary>
    public string? AsText => Tag switch
    {
        IppTag.TextWithLanguage or IppTag.NameWithLanguage => Encoding.UTF8.GetString(WithoutLanguage()),
        >= IppTag.Text and < IppTag.MemberName => Encoding.UTF8.GetString(Bytes.Span),
        _ => null,
    };

    public static IppValue Integer(int value) => new(IppTag.Integer, Number(value));

    public static IppValue Boolean(bool value) => new(IppTag.Boolean, new[] { value ? (byte)1 : (byte)0 });

    /// <param name="tag">A tag of characters: <see cref="IppTag.Text"/> up to <see cref="IppTag.MimeMediaType"/>.</param>
    public static IppValue Characters(IppTag tag, string value) => new(tag, Encoding.UTF8.GetBytes(value));

    private static byte[] Number(int value)
    {
        var bytes = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }

    // RFC 8010, section 3.9: the length of the language, the language, the length of the text, the text. The decoder has checked the lengths.
    private ReadOnlySpan<byte> WithoutLanguage()
    {
        var language = BinaryPrimitives.ReadUInt16BigEndian(Bytes.Span);
        return Bytes.Span[(2 + language + 2)..];
    }
}
