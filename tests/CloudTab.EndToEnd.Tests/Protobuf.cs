using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace CloudTab.EndToEnd.Tests;

/// <summary>
/// A message on the wire (https://protobuf.dev/programming-guides/encoding/), by the numbers of its fields: enough to read the few that a
/// test looks at.
/// </summary>
public sealed class Protobuf
{
    private readonly List<(int Field, ulong Number, ReadOnlyMemory<byte> Bytes)> _fields = [];

    public Protobuf(ReadOnlyMemory<byte> body)
    {
        while (!body.IsEmpty)
        {
            var (field, wireType) = Math.DivRem(Varint(ref body), 8);
            _fields.Add(wireType switch
            {
                0 => ((int)field, Varint(ref body), default),
                1 => ((int)field, BinaryPrimitives.ReadUInt64LittleEndian(Take(ref body, 8).Span), default),
                2 => ((int)field, 0, Take(ref body, (int)Varint(ref body))),
                5 => ((int)field, BinaryPrimitives.ReadUInt32LittleEndian(Take(ref body, 4).Span), default),
                _ => throw new InvalidDataException($"Wire type {wireType.ToString(CultureInfo.InvariantCulture)}"),
            });
        }
    }

    public bool Has(int field) => _fields.Exists(one => one.Field == field);

    public ulong Number(int field) => _fields.Find(one => one.Field == field).Number;

    public string Text(int field) => Encoding.UTF8.GetString(_fields.Find(one => one.Field == field).Bytes.Span);

    /// <summary>Bytes in hexadecimal: ids of traces and spans.</summary>
    public string Hex(int field) => Convert.ToHexStringLower(_fields.Find(one => one.Field == field).Bytes.Span);

    public IEnumerable<Protobuf> Messages(int field) => _fields.Where(one => one.Field == field).Select(one => new Protobuf(one.Bytes));

    private static ReadOnlyMemory<byte> Take(ref ReadOnlyMemory<byte> body, int length)
    {
        var taken = body[..length];
        body = body[length..];
        return taken;
    }

    private static ulong Varint(ref ReadOnlyMemory<byte> body)
    {
        var (value, shift) = (0UL, 0);
        while (true)
        {
            var next = Take(ref body, 1).Span[0];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return value;
            shift += 7;
        }
    }
}

/// <summary>OTLP's attributes.</summary>
public static class Attributes
{
    /// <summary>The attributes in a field of a message: texts as they are, whole numbers as long; others are left out.</summary>
    public static IReadOnlyDictionary<string, object?> Of(Protobuf message, int field)
    {
        var attributes = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (var pair in message.Messages(field))
        {
            var value = pair.Messages(2).Single();
            attributes[pair.Text(1)] = value.Has(1) ? value.Text(1) : value.Has(3) ? (long)value.Number(3) : null;
        }

        return attributes;
    }
}
