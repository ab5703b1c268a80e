using System.Buffers.Binary;
using System.Globalization;
using Google.Protobuf;

namespace CloudTab.DevHost.Dashboard.Otlp;

/// <summary>Trace and span ids: 16 and 8 bytes on the wire, numbers in memory, lower-case hexadecimal for people. Zero is none.</summary>
internal static class Ids
{
    public static UInt128 Trace(ByteString bytes) => bytes.Length == 16 ? BinaryPrimitives.ReadUInt128BigEndian(bytes.Span) : 0;

    public static ulong Span(ByteString bytes) => bytes.Length == 8 ? BinaryPrimitives.ReadUInt64BigEndian(bytes.Span) : 0;

    public static string? Text(UInt128 trace) => trace == 0 ? null : trace.ToString("x32", CultureInfo.InvariantCulture);

    public static string? Text(ulong span) => span == 0 ? null : span.ToString("x16", CultureInfo.InvariantCulture);

    public static bool TryTrace(string text, out UInt128 trace) =>
        UInt128.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out trace) && text.Length == 32;
}
