using System.Buffers.Binary;
using System.Text;

namespace CloudTab.PrintAgent;

/// <summary>
/// Reads messages (RFC 8010, section 3.1). A printer's bytes are not trusted: whatever they are, the outcome is a message or an
/// <see cref="IppFormatException"/>, and memory in proportion to their number. Lengths of typed values are checked here and nowhere else.
/// </summary>
internal ref struct IppDecoder
{
    // Printers nest media-size in media-col in a database: three levels. The limit keeps hostile bytes from using up the stack.
    private const int DeepestCollection = 16;

    private readonly ReadOnlyMemory<byte> _message;
    private int _at;

    private IppDecoder(ReadOnlyMemory<byte> message) => _message = message;

    /// <summary>Reads a message; what follows it (a document) is left alone.</summary>
    /// <exception cref="IppFormatException">The bytes are no message.</exception>
    public static IppMessage Decode(ReadOnlyMemory<byte> message) => new IppDecoder(message).ReadMessage();

    private IppMessage ReadMessage()
    {
        var (version, code, requestId) = (ReadNumber(), ReadNumber(), BinaryPrimitives.ReadInt32BigEndian(Take(sizeof(int)).Span));
        var groups = new List<IppGroup>();
        List<IppAttribute>? attributes = null;
        while (true)
        {
            var tag = ReadTag();
            if (tag == IppTag.EndOfAttributes)
                return new(version, code, requestId, groups);
            if (tag < IppTag.Unsupported)
                groups.Add(new(tag, attributes = []));
            else
                ReadAttribute(tag, attributes ?? throw new IppFormatException("An attribute stands before the first group."));
        }
    }

    private void ReadAttribute(IppTag tag, List<IppAttribute> attributes)
    {
        var name = ReadName();
        var value = ReadValue(tag, depth: 0);
        if (name.Length > 0)
            attributes.Add(new(name, [value]));
        else if (attributes is [.., { Values: List<IppValue> values }])
            values.Add(value);
        else if (attributes is [.., var single])
            attributes[^1] = single with { Values = new List<IppValue>([.. single.Values, value]) };
        else
            throw new IppFormatException("The first attribute of a group has no name.");
    }

    private IppValue ReadValue(IppTag tag, int depth)
    {
        if (tag is IppTag.MemberName or IppTag.EndCollection)
            throw new IppFormatException($"{tag} stands outside of a collection.");
        var bytes = Take(ReadLength());
        if (tag == IppTag.BeginCollection)
            return new(tag, ReadOnlyMemory<byte>.Empty, ReadMembers(depth + 1));
        if (!IsWhole(tag, bytes.Span))
            throw new IppFormatException($"A value of type {tag} has a length of {bytes.Length}.");
        return new(tag, bytes);
    }

    private List<IppAttribute> ReadMembers(int depth)
    {
        if (depth > DeepestCollection)
            throw new IppFormatException($"Collections are nested more than {DeepestCollection} deep.");
        var members = new List<IppAttribute>();
        List<IppValue>? values = null;
        while (true)
        {
            var tag = ReadTag();
            if (ReadName().Length > 0)
                throw new IppFormatException("A value inside of a collection has a name.");
            switch (tag)
            {
                case IppTag.EndCollection:
                    Take(ReadLength());
                    return members.TrueForAll(member => member.Values.Count > 0) ? members : throw new IppFormatException("A member has no value.");
                case IppTag.MemberName:
                    members.Add(new(Encoding.UTF8.GetString(Take(ReadLength()).Span), values = []));
                    break;
                case < IppTag.Unsupported:
                    throw new IppFormatException("A group begins inside of a collection.");
                default:
                    (values ?? throw new IppFormatException("A member's value stands before its name.")).Add(ReadValue(tag, depth));
                    break;
            }
        }
    }

    // RFC 8010, section 3.9.
    private static bool IsWhole(IppTag tag, ReadOnlySpan<byte> value) => tag switch
    {
        IppTag.Integer or IppTag.Enum => value.Length == 4,
        IppTag.Boolean => value.Length == 1,
        IppTag.DateTime => value.Length == 11,
        IppTag.Resolution => value.Length == 9,
        IppTag.RangeOfInteger => value.Length == 8,
        IppTag.TextWithLanguage or IppTag.NameWithLanguage => HasLanguage(value),
        _ => true,
    };

    private static bool HasLanguage(ReadOnlySpan<byte> value)
    {
        if (value.Length < 4 || BinaryPrimitives.ReadUInt16BigEndian(value) is var language && value.Length < 4 + language)
            return false;
        return BinaryPrimitives.ReadUInt16BigEndian(value[(2 + language)..]) == value.Length - 4 - language;
    }

    private IppTag ReadTag() => (IppTag)Take(1).Span[0];

    private string ReadName() => Encoding.UTF8.GetString(Take(ReadLength()).Span);

    private int ReadLength() => ReadNumber() is >= 0 and var length ? length : throw new IppFormatException("A length is negative.");

    private short ReadNumber() => BinaryPrimitives.ReadInt16BigEndian(Take(sizeof(short)).Span);

    private ReadOnlyMemory<byte> Take(int count)
    {
        if (count > _message.Length - _at)
            throw new IppFormatException("The message ends too early.");
        var taken = _message.Slice(_at, count);
        _at += count;
        return taken;
    }
}
