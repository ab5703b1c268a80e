using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace CloudTab.Services.Tests;

/// <summary>Digest fields (RFC 9530), as Resumable Uploads for HTTP uses them.</summary>
public sealed class IetfDigestTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    internal const string Mismatch = "https://iana.org/assignments/http-problem-types#digest-mismatching-values";
    private const string Invalid = "https://iana.org/assignments/http-problem-types#digest-invalid-values";

    private readonly HttpClient _client = relay.UploadApi();

    [Fact]
    public async Task Content_that_does_not_match_its_digest_is_not_appended()
    {
        var file = Sample.Pdf();
        var (sessionId, upload) = await _client.BegunIetfAsync(file);

        using var wrong = await _client.AppendAsync(upload, 0, file.Content[..600], isLast: false, Digest("Content-Digest", file.Content));
        await wrong.IsRefusalAsync(HttpStatusCode.BadRequest, "checksum_mismatch", isFinal: false);
        Assert.Equal(Mismatch, await TypeAsync(wrong));
        Assert.Equal((0, false, null), await _client.RetrieveAsync(upload));

        using var right = await _client.AppendAsync(upload, 0, file.Content[..600], isLast: false, Digest("Content-Digest", file.Content[..600]));
        Assert.Equal(600, right.Number("Upload-Offset"));
        using var rest = await _client.AppendAsync(upload, 600, file.Content[600..], isLast: true, Digest("Content-Digest", file.Content[600..]));
        Assert.Equal(HttpStatusCode.OK, rest.StatusCode);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task A_creation_whose_content_does_not_match_leaves_nothing_if_its_client_got_no_Location()
    {
        var sessionId = await _client.CreateAsync();
        using var request = IetfClient.Request(
            HttpMethod.Post, IetfClient.Creation(sessionId), Sample.Pdf().Content, IetfClient.Complete(true), Digest("Content-Digest", [1]));
        request.Headers.Remove("Upload-Draft-Interop-Version");

        using var answer = await _client.SendAsync(request, Token);

        await answer.IsRefusalAsync(HttpStatusCode.BadRequest, "checksum_mismatch", isFinal: false);
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Theory]
    [InlineData("Repr-Digest")]
    [InlineData("Content-Digest")]
    public async Task A_digest_of_the_wrong_length_is_refused(string name)
    {
        var sessionId = await _client.CreateAsync();

        using var answer = await _client.CreateIetfAsync(sessionId, Sample.Pdf().Content, isWhole: true, (name, "sha-256=:YWJj:"));

        await answer.IsRefusalAsync(HttpStatusCode.BadRequest, "invalid_checksum", isFinal: false);
        Assert.Equal(Invalid, await TypeAsync(answer));
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Theory]
    [InlineData("md5=:1B2M2Y8AsgTpgAmY7PhCfg==:")]
    [InlineData("sha-512=:YWJj:")]
    [InlineData("sha-256=5")]
    [InlineData("sha-256")]
    [InlineData("sha-256=YWJj")]
    public async Task Other_algorithms_and_malformed_digest_fields_are_ignored(string value)
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();

        using var answer = await _client.CreateIetfAsync(
            sessionId, file.Content, isWhole: true, IetfClient.Named(file.Name), ("Repr-Digest", value), ("Content-Digest", value));

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Theory]
    [InlineData("sha-256=1", true)]
    [InlineData("sha-512=3, sha-256=10", true)]
    [InlineData("sha-256=0", false)]
    [InlineData("sha-512=1", false)]
    [InlineData(null, false)]
    public async Task The_digest_of_the_representation_is_returned_if_wanted(string? wanted, bool clientKnowsLocation)
    {
        var file = Sample.Pdf();
        (string, string)[] headers = wanted is null ? [] : [("Want-Repr-Digest", wanted)];

        using var answer = await _client.CreateIetfAsync(await _client.CreateAsync(), file.Content, isWhole: true, headers);

        Assert.Equal(clientKnowsLocation, answer.Headers.TryGetValues("Repr-Digest", out var digest));
        if (clientKnowsLocation)
            Assert.Equal(Digest("Repr-Digest", file.Content).Value, Assert.Single(digest!));
    }

    [Theory]
    [InlineData(true, "HTTP/1.1 200 ")]
    [InlineData(false, "HTTP/1.1 400 ")]
    [InlineData(null, "HTTP/1.1 400 ")]
    public async Task The_digest_of_the_content_may_come_as_a_trailer(bool? isRight, string status)
    {
        var file = Sample.Pdf();
        var (sessionId, upload) = await _client.BegunIetfAsync(file);
        var digest = Digest("Content-Digest", isRight == true ? file.Content : [1]);
        var body = Encoding.ASCII.GetBytes(file.Content.Length.ToString("x", CultureInfo.InvariantCulture) + "\r\n")
            .Concat(file.Content)
            .Concat(Encoding.ASCII.GetBytes($"\r\n0\r\n{(isRight is null ? "" : $"{digest.Name}: {digest.Value}\r\n")}\r\n"));

        using var socket = await RawHttp.SendAsync(
            relay.Address,
            $"PATCH {upload} HTTP/1.1\r\nUpload-Complete: ?1\r\nUpload-Offset: 0\r\nContent-Type: application/partial-upload\r\nTransfer-Encoding: chunked\r\nTrailer: Content-Digest\r\n",
            body.ToArray());

        Assert.StartsWith(status, await RawHttp.ReadAsync(socket), StringComparison.Ordinal);
        if (isRight == true)
            await relay.AssertHoldsAsync(sessionId, file);
    }

    private static async Task<string?> TypeAsync(HttpResponseMessage answer) => (await answer.JsonAsync()).GetProperty("type").GetString();

    private static (string Name, string Value) Digest(string name, byte[] content) => (name, $"sha-256=:{Convert.ToBase64String(SHA256.HashData(content))}:");
}
