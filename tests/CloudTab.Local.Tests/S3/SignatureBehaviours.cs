using System.Globalization;
using System.Net;
using System.Text;
using CloudTab.Testing;

namespace CloudTab.Local.Tests;

/// <summary>What must be refused by any S3, so that nobody gets at a file without the keys, nor at a file that was altered on its way.</summary>
public abstract class SignatureBehaviours(S3Endpoint endpoint) : S3Test(endpoint)
{
    private const string Streaming = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
    private static readonly DateTimeOffset Now = TimeProvider.System.GetUtcNow();

    [Fact]
    public async Task A_request_without_signature_is_refused()
    {
        await PutAsync("key", Bytes(10));
        using var answer = await SignedRequest.GetAsync(new Uri(Endpoint.Address, $"/{Bucket}/key"), Token);
        await RefusedAsync(HttpStatusCode.Forbidden, "AccessDenied", answer);
    }

    [Fact]
    public async Task A_signature_of_another_secret_is_refused()
    {
        var request = new SignedRequest(Endpoint, HttpMethod.Put, $"/{Bucket}/key") { Secret = "wrong" };
        using var answer = await request.SendAsync(Token, _ => Bytes(10));
        await RefusedAsync(HttpStatusCode.Forbidden, "SignatureDoesNotMatch", answer);
        await RefusedAsync(HttpStatusCode.NotFound, "NoSuchKey", S3.GetObjectAsync(Bucket, "key", Token));
    }

    [Fact]
    public async Task An_unknown_access_key_is_refused()
    {
        using var answer = await new SignedRequest(Endpoint, HttpMethod.Get, $"/{Bucket}/key") { AccessKeyId = "NOBODY" }.SendAsync(Token);
        await RefusedAsync(HttpStatusCode.Forbidden, "InvalidAccessKeyId", answer);
    }

    [Theory]
    [InlineData(-16)]
    [InlineData(16)]
    public async Task A_clock_that_is_off_by_more_than_15_minutes_is_refused(int minutes)
    {
        using var answer = await new SignedRequest(Endpoint, HttpMethod.Get, $"/{Bucket}/key") { Time = Now.AddMinutes(minutes) }.SendAsync(Token);
        await RefusedAsync(HttpStatusCode.Forbidden, "RequestTimeTooSkewed", answer);
    }

    [Fact]
    public async Task A_clock_that_is_off_by_ten_minutes_is_accepted()
    {
        await PutAsync("key", Bytes(10));
        using var answer = await new SignedRequest(Endpoint, HttpMethod.Get, $"/{Bucket}/key") { Time = Now.AddMinutes(-10) }.SendAsync(Token);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public async Task A_body_that_is_not_what_was_signed_is_refused()
    {
        var body = Encoding.UTF8.GetBytes("signed");
        var request = new SignedRequest(Endpoint, HttpMethod.Put, $"/{Bucket}/key") { Payload = SignedRequest.Sha256(body) };
        using var answer = await request.SendAsync(Token, _ => Encoding.UTF8.GetBytes("edited"));
        await RefusedAsync(HttpStatusCode.BadRequest, "XAmzContentSHA256Mismatch", answer);
        await RefusedAsync(HttpStatusCode.NotFound, "NoSuchKey", S3.GetObjectAsync(Bucket, "key", Token));
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(100_000, true)]
    [InlineData(131_072, true)]
    [InlineData(100_000, false)]
    public async Task A_body_is_stored_whose_hash_is_signed_or_that_is_not_signed(int size, bool isSigned)
    {
        var bytes = Bytes(size);
        var request = new SignedRequest(Endpoint, HttpMethod.Put, $"/{Bucket}/key") { Payload = isSigned ? SignedRequest.Sha256(bytes) : "UNSIGNED-PAYLOAD" };
        using var answer = await request.SendAsync(Token, _ => bytes);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(bytes, await GetAsync("key"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(100_000)]
    [InlineData(131_072)]
    public async Task Signed_chunks_are_put_together(int size)
    {
        var bytes = Bytes(size);
        using var answer = await Chunked(size).SendAsync(Token, request => request.Chunk(bytes, 65_536));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(bytes, await GetAsync("key"));
    }

    [Theory]
    [InlineData(90)]
    [InlineData(70_000)]
    public async Task An_altered_chunk_is_refused(int position)
    {
        using var answer = await Chunked(100_000).SendAsync(Token, request =>
        {
            var framed = request.Chunk(Bytes(100_000), 65_536);
            framed[position] ^= 1;
            return framed;
        });

        // The second is Ceph's word for it.
        Assert.Contains(await SignedRequest.ErrorCodeAsync(answer, Token), (string[])["SignatureDoesNotMatch", "XAmzContentSHA256Mismatch"]);
        await RefusedAsync(HttpStatusCode.NotFound, "NoSuchKey", S3.GetObjectAsync(Bucket, "key", Token));
    }

    [Fact]
    public async Task A_presigned_link_works_until_it_expires()
    {
        var bytes = Bytes(10);
        await PutAsync("key", bytes);
        using var valid = await SignedRequest.GetAsync(Raw(HttpMethod.Get, "key").Presign(TimeSpan.FromMinutes(5)), Token);
        Assert.Equal(bytes, await valid.Content.ReadAsByteArrayAsync(Token));

        var old = new SignedRequest(Endpoint, HttpMethod.Get, $"/{Bucket}/key") { Time = Now.AddMinutes(-10) };
        using var expired = await SignedRequest.GetAsync(old.Presign(TimeSpan.FromMinutes(5)), Token);
        await RefusedAsync(HttpStatusCode.Forbidden, "AccessDenied", expired);
    }

    [Theory]
    [InlineData("X-Amz-Expires=300", "X-Amz-Expires=3000")]
    [InlineData("/key?", "/other?")]
    [InlineData("response-content-type=text%2Fplain", "response-content-type=text%2Fhtml")]
    public async Task A_presigned_link_that_was_altered_is_refused(string original, string altered)
    {
        await PutAsync("key", Bytes(10));
        await PutAsync("other", Bytes(10));
        var url = Raw(HttpMethod.Get, "key").Presign(TimeSpan.FromMinutes(5), ("response-content-type", "text/plain")).OriginalString;
        Assert.Contains(original, url, StringComparison.Ordinal);
        using var answer = await SignedRequest.GetAsync(new Uri(url.Replace(original, altered, StringComparison.Ordinal)), Token);
        await RefusedAsync(HttpStatusCode.Forbidden, "SignatureDoesNotMatch", answer);
    }

    [Fact]
    public async Task A_link_to_read_is_no_link_to_write()
    {
        var url = Raw(HttpMethod.Get, "key").Presign(TimeSpan.FromMinutes(5));
        using var request = new HttpRequestMessage(HttpMethod.Put, url) { Content = new ByteArrayContent(Bytes(10)) };
        using var answer = await SignedRequest.SendPlainAsync(request, Token);
        await RefusedAsync(HttpStatusCode.Forbidden, "SignatureDoesNotMatch", answer);
    }

    private protected SignedRequest Chunked(int size, string payload = Streaming)
    {
        var request = new SignedRequest(Endpoint, HttpMethod.Put, $"/{Bucket}/key") { Payload = payload };
        request.Headers["x-amz-decoded-content-length"] = size.ToString(CultureInfo.InvariantCulture);
        request.Headers["content-encoding"] = "aws-chunked";
        return request;
    }
}
