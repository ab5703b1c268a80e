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

        var (bytes, hadPlace) = await CleanAsync(tiff);

        Assert.True(hadPlace);
        Assert.Equal(tiff.Length, bytes.Length);
        Assert.DoesNotContain(Place, Encoding.Latin1.GetString(bytes), StringComparison.Ordinal);
        Assert.DoesNotContain(Maker, Encoding.Latin1.GetString(bytes), StringComparison.Ordinal);
        // Width and height of both pages.
        Assert.Equal([(256, 40u), (257, 30u), (256, 8u), (257, 6u)], FieldsOf(bytes, isBigEndian));
    }

    /// <summary>At its end is the directory of the place, and before that the page's: it is cut in each, and between them.</summary>
    [Theory]
    [InlineData(10, true)]
    [InlineData(18, true)]
    [InlineData(28, false)]
    public async Task A_TIFF_that_is_cut_leaves_without_what_the_rest_tells(int missing, bool hadPlace)
    {
        byte[] maker = [.. Encoding.Latin1.GetBytes(Maker), 0];
        var page = 8 + maker.Length;
        var numbers = new Numbers(IsBigEndian: false);
        byte[] tiff = [
            .. "II"u8, .. numbers.Short(42), .. numbers.Long(page), .. maker,
            .. numbers.Short(4), .. numbers.Entry(256, 4, 1, 40), .. numbers.Entry(257, 4, 1, 30), .. numbers.Entry(0x010F, 2, maker.Length, 8), .. numbers.Entry(0x8825, 4, 1, page + 54), .. numbers.Long(0),
            .. numbers.Short(1), .. numbers.Entry(2, 5, 2, 8), .. numbers.Long(0)];

        var cleaned = await CleanAsync(tiff[..^missing]);

        Assert.Equal(hadPlace, cleaned.HadPlace);
        Assert.Equal(tiff.Length - missing, cleaned.Bytes.Length);
        Assert.DoesNotContain(Maker, Encoding.Latin1.GetString(cleaned.Bytes), StringComparison.Ordinal);
        Assert.Equal([(256, 40u), (257, 30u)], FieldsOf(cleaned.Bytes, isBigEndian: false));
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

    /// <summary>There is no IndexedDB, as in some private windows. (Node.js has none.)</summary>
    [Fact]
    public async Task A_browser_that_keeps_no_file_does_not_say_that_it_did()
    {
        var isKept = await Scripts.RunAsync("customer/memory.ts", "({ Memory }) => new Memory('/s/corner-print', null).keep({ id: 'one' }, new Blob(['text']))");

        Assert.False(isKept.GetBoolean());
    }

    [Fact]
    public async Task A_pause_ends_at_once_if_it_was_cancelled_before()
    {
        var first = await Scripts.RunAsync("customer/pause.ts", """
            ({ pause }) => Promise.race([pause(5, 0, AbortSignal.abort()).then(() => 'ended'), new Promise((resolve) => setTimeout(resolve, 1000, 'still waiting').unref())])
            """);

        Assert.Equal("ended", first.GetString());
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

    /// <summary>What leaves of a TIFF that the browser cannot read at once: few can above 2 GB.</summary>
    private static async Task<(byte[] Bytes, bool HadPlace)> CleanAsync(byte[] tiff)
    {
        var cleaned = await Scripts.RunAsync("customer/photo.ts", $$"""
            async ({ clean }) => {
              const file = new Blob([new Uint8Array({{JsonSerializer.Serialize(tiff.Select(one => (int)one))}})])
              file.arrayBuffer = () => Promise.reject(new DOMException('Too large.', 'NotReadableError'))
              const { blob, hadPlace } = await clean(file, 'image/tiff', 0)
              return { hadPlace, bytes: Buffer.from(await blob.slice().arrayBuffer()).toString('base64') }
            }
            """);
        return (cleaned.GetProperty("bytes").GetBytesFromBase64(), cleaned.GetProperty("hadPlace").GetBoolean());
    }

    /// <summary>Two pages. The first tells who made it, and where it was taken, at the end of its directory and of the file.</summary>
    private static byte[] Tiff(bool isBigEndian)
    {
        byte[] maker = [.. Encoding.Latin1.GetBytes(Maker), 0], place = Encoding.Latin1.GetBytes(Place);
        const int first = 8, second = first + 2 + 4 * 12 + 4, gps = second + 2 + 2 * 12 + 4, values = gps + 2 + 12 + 4;
        var numbers = new Numbers(isBigEndian);
        return [
            .. isBigEndian ? "MM"u8 : "II"u8, .. numbers.Short(42), .. numbers.Long(first),
            .. numbers.Short(4), .. numbers.Entry(256, 4, 1, 40), .. numbers.Entry(257, 4, 1, 30), .. numbers.Entry(0x010F, 2, maker.Length, values), .. numbers.Entry(0x8825, 4, 1, gps), .. numbers.Long(second),
            .. numbers.Short(2), .. numbers.Entry(256, 4, 1, 8), .. numbers.Entry(257, 4, 1, 6), .. numbers.Long(0),
            .. numbers.Short(1), .. numbers.Entry(2, 5, place.Length / 8, values + maker.Length), .. numbers.Long(0),
            .. maker, .. place];
    }

    /// <summary>Writes a TIFF's numbers in either order.</summary>
    private sealed record Numbers(bool IsBigEndian)
    {
        public byte[] Short(int value) => Ordered(BitConverter.GetBytes((ushort)value));

        public byte[] Long(int value) => Ordered(BitConverter.GetBytes(value));

        public byte[] Entry(int tag, int type, int count, int value) => [.. Short(tag), .. Short(type), .. Long(count), .. Long(value)];

        private byte[] Ordered(byte[] bytes) => IsBigEndian ? [.. bytes.Reverse()] : bytes;
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
