using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace CloudTab.PrintAgent;

/// <summary>Writes messages (RFC 8010, section 3.1).</summary>
internal static class IppEncoder
{
    public static byte[] Encode(IppMessage message)
    {
        var output = new ArrayBufferWriter<byte>(1024);
        Number(output, message.Version);
        Number(output, message.Code);
        BinaryPrimitives.WriteInt32BigEndian(output.GetSpan(sizeof(int)), message.RequestId);
        output.Advance(sizeof(int));
        foreach (var group in message.Groups)
        {
            Tag(output, group.Tag);
            foreach (var attribute in group.Attributes)
                Attribute(output, attribute);
        }

        Tag(output, IppTag.EndOfAttributes);
        return output.WrittenSpan.ToArray();
    }

    // The second and later values of a set have no name (section 3.1.5).
    private static void Attribute(ArrayBufferWriter<byte> output, IppAttribute attribute)
    {
        var name = Encoding.UTF8.GetBytes(attribute.Name);
        foreach (var value in attribute.Values)
        {
            Field(output, value.Tag, name, value.Bytes.Span);
            if (value.Members is { } members)
                Members(output, members);
            name = [];
        }
    }

    // A member's name is a value of its own before the member's values, and none of them has a name field (section 3.1.6).
    private static void Members(ArrayBufferWriter<byte> output, IReadOnlyList<IppAttribute> members)
    {
        foreach (var member in members)
        {
            Field(output, IppTag.MemberName, [], Encoding.UTF8.GetBytes(member.Name));
            Attribute(output, member with { Name = "" });
        }

        Field(output, IppTag.EndCollection, [], []);
    }

    private static void Field(ArrayBufferWriter<byte> output, IppTag tag, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        Tag(output, tag);
        Number(output, checked((short)name.Length));
        output.Write(name);
        Number(output, checked((short)value.Length));
        output.Write(value);
    }

    private static void Tag(ArrayBufferWriter<byte> output, IppTag tag) => output.Write([(byte)tag]);

    private static void Number(ArrayBufferWriter<byte> output, short value)
    {
        BinaryPrimitives.WriteInt16BigEndian(output.GetSpan(sizeof(short)), value);
        output.Advance(sizeof(short));
    }
}
