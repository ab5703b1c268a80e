using System.Buffers.Binary;
using System.Globalization;
using System.IO.Hashing;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using CloudTab.Relay;

namespace CloudTab.Services.Tests;

/// <summary>The extensions checksum and checksum-trailer.</summary>
public sealed class TusChecksumTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    private readonly HttpClient _client = relay.UploadApi();

    [Theory]
    [InlineData("sha1")]
    [InlineData("sha256")]
    [InlineData("crc32")]
    public async Task Bytes_that_match_are_kept_and_others_are_not(string algorithm)
    {
        var file = Sample.Pdf();
        var (sessionId, upload) = await _client.BegunAsync(file);

        using var first = await _client.PatchAsync(upload, 0, file.Content[..400], Checksum(algorithm, file.Content[..400]));
        Assert.Equal(400, first.Number("Upload-Offset"));
        using var wrong = await _client.PatchAsync(upload, 400, file.Content[400..], Checksum(algorithm, file.Content));
        await wrong.IsProblemAsync((HttpStatusCode)460, "checksum_mismatch");
        Assert.Equal(400, await _client.OffsetAsync(upload));
        using var right = await _client.PatchAsync(upload, 400, file.Content[400..], Checksum(algorithm, file.Content[400..]));
        Assert.Equal(HttpStatusCode.NoContent, right.StatusCode);

        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(ObjectUpload.PartSize - 1)]
    [InlineData(ObjectUpload.PartSize + 100)]
    public async Task A_mismatch_discards_whole_parts_as_well(int before)
    {
        var file = Sample.Pdf(UploadFixture.MaxFileSize);
        var (sessionId, upload) = await _client.BegunAsync(file);
        using var first = await _client.PatchAsync(upload, 0, file.Content[..before]);
        var damaged = file.Content[before..];
        damaged[^1] ^= 1;
        var checksum = Checksum("sha256", file.Content[before..]);

        using var wrong = await _client.PatchAsync(upload, before, damaged, checksum);
        await wrong.IsProblemAsync((HttpStatusCode)460, "checksum_mismatch");
        Assert.Equal(before, await _client.OffsetAsync(upload));
        using var right = await _client.PatchAsync(upload, before, file.Content[before..], checksum);
        Assert.Equal(HttpStatusCode.NoContent, right.StatusCode);

        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Theory]
    [InlineData("md5 1B2M2Y8AsgTpgAmY7PhCfg==")]
    [InlineData("SHA1 2jmj7l5rSw0yVb/vlWAYkK/YBwk=")]
    [InlineData("sha1")]
    [InlineData("sha1 not-base64!")]
    [InlineData("sha1  2jmj7l5rSw0yVb/vlWAYkK/YBwk=")]
    public async Task A_checksum_that_cannot_be_checked_is_refused(string checksum)
    {
        var upload = await _client.BeginAsync(await _client.CreateAsync(), Sample.Pdf());

        using var answer = await _client.PatchAsync(upload, 0, Sample.Pdf().Content, ("Upload-Checksum", checksum));

        await answer.IsProblemAsync(HttpStatusCode.BadRequest, "invalid_checksum");
        Assert.Equal(0, await _client.OffsetAsync(upload));
    }

    [Theory]
    [InlineData("sha1", true, "204")]
    [InlineData("sha256", true, "204")]
    [InlineData("crc32", true, "204")]
    [InlineData("sha1", false, "460")]
    [InlineData("md5", true, "400")]
    [InlineData(null, true, "400")]
    public async Task The_checksum_may_come_as_a_trailer(string? algorithm, bool matches, string status)
    {
        var file = Sample.Pdf();
        var (sessionId, upload) = await _client.BegunAsync(file);
        var trailer = algorithm switch
        {
            null => "",
            "md5" => "Upload-Checksum: md5 1B2M2Y8AsgTpgAmY7PhCfg==\r\n",
            _ => $"Upload-Checksum: {Checksum(algorithm, matches ? file.Content : [1]).Value}\r\n",
        };

        var answer = await SendChunkedAsync(upload, file.Content, trailer);

        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.Equal(status == "204" ? 1_000 : 0, await _client.OffsetAsync(upload));
        if (status == "204")
            await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task Bytes_damaged_in_transit_do_not_end_an_upload()
    {
        var (upload, rest) = await BeginTextAsync();

        using var answer = await _client.PatchAsync(upload, rest.Length, Damage(rest), Checksum("sha1", rest));

        await answer.IsProblemAsync((HttpStatusCode)460, "checksum_mismatch");
        Assert.Equal(rest.Length, await _client.OffsetAsync(upload));
        using var again = await _client.PatchAsync(upload, rest.Length, rest, Checksum("sha1", rest));
        Assert.Equal(HttpStatusCode.NoContent, again.StatusCode);
    }

    [Fact]
    public async Task Unacceptable_bytes_end_an_upload_if_their_checksum_matches()
    {
        var (upload, rest) = await BeginTextAsync();

        using var answer = await _client.PatchAsync(upload, rest.Length, Damage(rest), Checksum("sha1", Damage(rest)));

        await answer.IsProblemAsync(HttpStatusCode.UnsupportedMediaType, "type_not_accepted");
        using var head = await _client.HeadAsync(upload);
        Assert.Equal(HttpStatusCode.Gone, head.StatusCode);
    }

    [Fact]
    public async Task A_request_cut_before_its_checksum_could_be_verified_does_not_change_the_offset()
    {
        var file = Sample.Pdf(UploadFixture.MaxFileSize);
        var (sessionId, upload) = await _client.BegunAsync(file);
        using var first = await _client.PatchAsync(upload, 0, file.Content[..300]);

        using (var socket = await RawPatch.SendAsync(
            relay.Address, upload, 300, file.Content.Length - 300, file.Content.AsMemory(300..^1), $"Upload-Checksum: {Checksum("sha1", file.Content[300..]).Value}\r\n"))
        {
            await UntilAsync(async () => (await relay.OpenUploadsAsync()).Count > 0);
        }

        Assert.Equal(300, await _client.OffsetAsync(upload));
        await _client.CompletedAsync(upload, file, from: 300);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    // The halves of a text that is long enough to be recognised as one; the first is sent.
    private async Task<(string Upload, byte[] Other)> BeginTextAsync()
    {
        var text = Sample.Text(20_000);
        var upload = await _client.BeginAsync(await _client.CreateAsync(), text);
        using var first = await _client.PatchAsync(upload, 0, text.Content[..10_000]);
        return (upload, text.Content[10_000..]);
    }

    // A NUL: not text any more.
    private static byte[] Damage(byte[] text) => [.. text[..^1], 0];

    private static (string Name, string Value) Checksum(string algorithm, byte[] bytes)
    {
        var crc = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(crc, Crc32.HashToUInt32(bytes));
#pragma warning disable CA5350 // the protocol's own
        var value = algorithm switch
        {
            "sha1" => SHA1.HashData(bytes),
            "sha256" => SHA256.HashData(bytes),
            _ => crc,
        };
#pragma warning restore CA5350
        return ("Upload-Checksum", $"{algorithm} {Convert.ToBase64String(value)}");
    }

    // HttpClient sends no trailers.
    private async Task<string> SendChunkedAsync(string upload, byte[] body, string trailer)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, relay.Address.Port, Token);
        await socket.SendAsync(
            Encoding.ASCII.GetBytes(
                $"PATCH {upload} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\n"
                + "Transfer-Encoding: chunked\r\nTrailer: Upload-Checksum\r\nConnection: close\r\n\r\n"),
            Token);
        await socket.SendAsync(Encoding.ASCII.GetBytes(body.Length.ToString("x", CultureInfo.InvariantCulture) + "\r\n"), Token);
        await socket.SendAsync(body, Token);
        await socket.SendAsync(Encoding.ASCII.GetBytes($"\r\n0\r\n{trailer}\r\n"), Token);
        return await RawHttp.ReadAsync(socket);
    }
}
