using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace CloudTab.PrintAgent;

/// <summary>Messages of multicast DNS as they are on the wire (RFC 1035, section 4; RFC 6762). Anybody in the network may have sent them.</summary>
internal static class DnsMessage
{
    private const int HeaderLength = 12;
    private const int LongestName = 255;
    private const int MostRecords = 500;
    private const ushort Internet = 1;
    private const ushort CacheFlush = 0x8000; // RFC 6762, section 10.2
    private const ushort ResponseAndErrors = 0xF80F; // QR, opcode and rcode
    private const ushort Response = 0x8000;

    public static byte[] Query(params IReadOnlyCollection<(string Name, DnsType Type)> questions)
    {
        var bytes = new List<byte>([0, 0, 0, 0, (byte)(questions.Count >> 8), (byte)questions.Count, 0, 0, 0, 0, 0, 0]);
        foreach (var (name, type) in questions)
        {
            foreach (var label in Labels(name))
            {
                var text = Encoding.UTF8.GetBytes(label);
                bytes.Add((byte)text.Length);
                bytes.AddRange(text);
            }

            bytes.AddRange([0, 0, (byte)type, 0, (byte)Internet]);
        }

        return [.. bytes];
    }

    /// <summary>The records of an answer, in all of its sections, that are of a type that is known here.</summary>
    /// <exception cref="FormatException">It is no answer, or not well formed.</exception>
    public static IReadOnlyList<DnsRecord> Read(ReadOnlySpan<byte> message)
    {
        if (message.Length < HeaderLength || (Number(message, 2) & ResponseAndErrors) != Response)
            throw new FormatException("This is no answer.");
        var at = HeaderLength;
        for (var questions = Number(message, 4); questions > 0; questions--)
        {
            ReadName(message, ref at);
            at += 4;
        }

        var records = new List<DnsRecord>();
        for (var left = Math.Min(MostRecords, Number(message, 6) + Number(message, 8) + Number(message, 10)); left > 0; left--)
        {
            var name = ReadName(message, ref at);
            var (type, kind, length) = ((DnsType)Number(message, at), Number(message, at + 2), Number(message, at + 8));
            at += 10;
            if (at + length > message.Length)
                throw new FormatException("A record is longer than the message.");
            if ((kind & ~CacheFlush) == Internet && Read(message, name, type, at, length) is { } record)
                records.Add(record);
            at += length;
        }

        return records;
    }

    /// <summary>The labels of a name, in which `\.` is a dot of a label and `\\` a backslash (RFC 6763, section 4.3).</summary>
    public static IReadOnlyList<string> Labels(string name)
    {
        var labels = new List<string>();
        var label = new StringBuilder();
        for (var i = 0; i < name.Length; i++)
        {
            if (name[i] == '.')
            {
                labels.Add(label.ToString());
                label.Clear();
                continue;
            }

            i += name[i] == '\\' && i + 1 < name.Length ? 1 : 0;
            label.Append(name[i]);
        }

        return label.Length > 0 ? [.. labels, label.ToString()] : labels;
    }

    private static DnsRecord? Read(ReadOnlySpan<byte> message, string name, DnsType type, int at, int length)
    {
        switch (type)
        {
            case DnsType.A when length == 4:
                return new(name, type, Address: new IPAddress(message.Slice(at, length)));
            case DnsType.Ptr:
                return new(name, type, ReadName(message, ref at));
            case DnsType.Srv:
                var port = Number(message, at + 4);
                at += 6;
                return new(name, type, ReadName(message, ref at), port);
            case DnsType.Txt:
                return new(name, type, Texts: Texts(message.Slice(at, length)));
            default:
                return null;
        }
    }

    private static Dictionary<string, string> Texts(ReadOnlySpan<byte> data)
    {
        var texts = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        while (data is [var length, ..])
        {
            if (length >= data.Length)
                throw new FormatException("A text is longer than its record.");
            var parts = Encoding.UTF8.GetString(data.Slice(1, length)).Split('=', 2);
            texts.TryAdd(parts[0], parts.Length > 1 ? parts[1] : "");
            data = data[(1 + length)..];
        }

        return texts;
    }

    // A pointer goes on further to the front, so that no name is without end.
    private static string ReadName(ReadOnlySpan<byte> message, ref int at)
    {
        var (name, position, earliest, isBehind) = (new StringBuilder(), at, at, false);
        while (true)
        {
            if (position >= message.Length)
                throw new FormatException("A name is longer than the message.");
            var length = message[position];
            if (length >= 0xC0)
            {
                var target = Number(message, position) & 0x3FFF;
                if (target >= earliest)
                    throw new FormatException("A name points forwards.");
                at = isBehind ? at : position + 2;
                (position, earliest, isBehind) = (target, target, true);
                continue;
            }

            if (length == 0)
            {
                at = isBehind ? at : position + 1;
                return name.ToString();
            }

            if (length > 63 || position + 1 + length > message.Length || name.Length + length > LongestName)
                throw new FormatException("A name is too long.");
            var label = Encoding.UTF8.GetString(message.Slice(position + 1, length)).Replace("\\", "\\\\", StringComparison.Ordinal).Replace(".", "\\.", StringComparison.Ordinal);
            name.Append(label).Append('.');
            position += 1 + length;
        }
    }

    private static ushort Number(ReadOnlySpan<byte> message, int at) =>
        at + 2 <= message.Length ? BinaryPrimitives.ReadUInt16BigEndian(message[at..]) : throw new FormatException("The message ends too early.");
}
