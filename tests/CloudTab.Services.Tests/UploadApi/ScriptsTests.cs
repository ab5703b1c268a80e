using System.Buffers.Binary;
using System.Text;
using System.Text.Json;

namespace CloudTab.Services.Tests;

/// <summary>Functions of the pages' scripts that need no browser.</summary>
public sealed class ScriptsTests
{
    private const string Place = "50 degrees north";
    private const string Maker = "Camera Works";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_TIFF_leaves_without_the_place_where_it_was_taken(bool isBigEndian)
    {
        var tiff = Tiff(isBigEndian);

        var cleaned = await Scripts.RunAsync("customer/photo.ts", $$"""
            async ({ clean }) => {
              const { blob, hadPlace } = await clean(new Blob([new Uint8Array({{JsonSerializer.Serialize(tiff.Select(one => (int)one))}})]), 'image/tiff', 0)
              return { hadPlace, bytes: Buffer.from(await blob.arrayBuffer()).toString('base64') }
            }
            """);

        Assert.True(cleaned.GetProperty("hadPlace").GetBoolean());
        var bytes = cleaned.GetProperty("bytes").GetBytesFromBase64();
        Assert.Equal(tiff.Length, bytes.Length);
        Assert.DoesNotContain(Place, Encoding.Latin1.GetString(bytes), StringComparison.Ordinal);
        Assert.DoesNotContain(Maker, Encoding.Latin1.GetString(bytes), StringComparison.Ordinal);
        // Width and height of both pages.
        Assert.Equal([(256, 40u), (257, 30u), (256, 8u), (257, 6u)], FieldsOf(bytes, isBigEndian));
    }

    [Fact]
    public async Task A_TIFF_that_tells_nothing_stays_as_it_is()
    {
        var cleaned = await Scripts.RunAsync("customer/photo.ts", $$"""
            async ({ clean }) => {
              const file = new Blob([new Uint8Array({{JsonSerializer.Serialize(Pictures.Tiff(40, 30).Select(one => (int)one))}})])
              const cut = file.slice(0, 30)
              return [(await clean(file, 'image/tiff', 0)).blob === file, (await clean(cut, 'image/tiff', 0)).blob === cut]
            }
            """);

        Assert.Equal("[true,true]", cleaned.GetRawText());
    }

    [Theory]
    [InlineData("7-9")]
    [InlineData("4")]
    public async Task Pages_that_a_document_does_not_have_are_not_printed(string ranges)
    {
        var reason = await Scripts.RunAsync("preview/printing.ts", $$"""
            ({ printSheets }) => printSheets({ count: 3 }, { copies: 1, media: 'a4', pageRanges: '{{ranges}}', numberUp: 1, scaling: 'fit' })
              .then(() => 'printed', (failure) => failure.reason)
            """);

        Assert.Equal("noPages", reason.GetString());
    }

    /// <summary>Two pages. The first tells who made it, and where it was taken, at the end of its directory and of the file.</summary>
    private static byte[] Tiff(bool isBigEndian)
    {
        byte[] maker = [.. Encoding.Latin1.GetBytes(Maker), 0], place = Encoding.Latin1.GetBytes(Place);
        const int first = 8, second = first + 2 + 4 * 12 + 4, gps = second + 2 + 2 * 12 + 4, values = gps + 2 + 12 + 4;
        return [
            .. isBigEndian ? "MM"u8 : "II"u8, .. Short(42), .. Long(first),
            .. Short(4), .. Entry(256, 4, 1, 40), .. Entry(257, 4, 1, 30), .. Entry(0x010F, 2, maker.Length, values), .. Entry(0x8825, 4, 1, gps), .. Long(second),
            .. Short(2), .. Entry(256, 4, 1, 8), .. Entry(257, 4, 1, 6), .. Long(0),
            .. Short(1), .. Entry(2, 5, place.Length / 8, values + maker.Length), .. Long(0),
            .. maker, .. place];

        byte[] Short(int value) => Ordered(BitConverter.GetBytes((ushort)value));
        byte[] Long(int value) => Ordered(BitConverter.GetBytes(value));
        byte[] Ordered(byte[] bytes) => isBigEndian ? [.. bytes.Reverse()] : bytes;
        byte[] Entry(int tag, int type, int count, int value) => [.. Short(tag), .. Short(type), .. Long(count), .. Long(value)];
    }

    private static List<(int Tag, uint Value)> FieldsOf(ReadOnlySpan<byte> tiff, bool isBigEndian)
    {
        var fields = new List<(int, uint)>();
        for (var directory = (int)Long(tiff, 4); directory != 0; directory = (int)Long(tiff, directory + 2 + 12 * Short(tiff, directory)))
        {
            for (var at = directory + 2; at < directory + 2 + 12 * Short(tiff, directory); at += 12)
                fields.Add((Short(tiff, at), Long(tiff, at + 8)));
        }

        return fields;

        int Short(ReadOnlySpan<byte> bytes, int at) => isBigEndian ? BinaryPrimitives.ReadUInt16BigEndian(bytes[at..]) : BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);
        uint Long(ReadOnlySpan<byte> bytes, int at) => isBigEndian ? BinaryPrimitives.ReadUInt32BigEndian(bytes[at..]) : BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);
    }
}
