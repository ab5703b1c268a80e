using System.Globalization;
using System.Net;
using System.Text;
using Amazon.S3;
using Amazon.S3.Model;

namespace CloudTab.Local.Tests;

/// <summary>
/// The checksums that AWS's SDK sends by default and that CloudTab signs, in headers and after the body. Against LocalS3 only: Ceph has them
/// since version 18, and Debian has 16.
/// </summary>
[Collection("LocalS3")]
public sealed class ChecksumTests(RunningLocalS3 running) : S3Test(running.Endpoint)
{
    private const string Unsigned = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
    private const string Signed = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
    private static readonly byte[] Body = Encoding.ASCII.GetBytes("123456789");

    // The catalogues' check values: each algorithm's checksum of the text above.
    public static TheoryData<string, string> Known { get; } = new()
    {
        { "x-amz-checksum-crc32", Base64("cbf43926") },
        { "x-amz-checksum-sha256", Base64("15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225") },
    };

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3_000_017)]
    public async Task The_SDK_stores_and_reads_with_its_own_defaults(int size)
    {
        using var client = DefaultClient();
        var bytes = Bytes(size);
        await client.PutObjectAsync(new PutObjectRequest { BucketName = Bucket, Key = "key", InputStream = new MemoryStream(bytes) }, Token);
        using var answer = await client.GetObjectAsync(new GetObjectRequest { BucketName = Bucket, Key = "key", ChecksumMode = ChecksumMode.ENABLED }, Token);
        Assert.Equal(bytes, await ReadAsync(answer));
        Assert.NotNull(answer.ChecksumCRC32);
    }

    [Fact]
    public async Task The_SDK_uploads_parts_and_deletes_with_its_own_defaults()
    {
        using var client = DefaultClient();
        var bytes = Bytes(6 * 1024 * 1024);
        var upload = await client.InitiateMultipartUploadAsync(Bucket, "key", Token);
        var part = await client.UploadPartAsync(
            new UploadPartRequest { BucketName = Bucket, Key = "key", UploadId = upload.UploadId, PartNumber = 1, InputStream = new MemoryStream(bytes), PartSize = bytes.Length }, Token);
        await client.CompleteMultipartUploadAsync(
            new CompleteMultipartUploadRequest { BucketName = Bucket, Key = "key", UploadId = upload.UploadId, PartETags = [new PartETag(part)] }, Token);
        using var answer = await client.GetObjectAsync(Bucket, "key", Token);
        Assert.Equal(bytes, await ReadAsync(answer));

        await client.DeleteObjectsAsync(new DeleteObjectsRequest { BucketName = Bucket, Objects = [new KeyVersion { Key = "key" }] }, Token);
        await RefusedAsync(HttpStatusCode.NotFound, "NoSuchKey", client.GetObjectAsync(Bucket, "key", Token));
    }

    [Theory]
    [MemberData(nameof(Known))]
    public async Task Every_checksum_is_verified_in_a_header(string name, string value)
    {
        await VerifiedAsync(value, checksum =>
        {
            var request = Raw(HttpMethod.Put, "key");
            request.Headers[name] = checksum;
            return request.SendAsync(Token, _ => Body);
        });
    }

    [Theory]
    [MemberData(nameof(Known))]
    public async Task Every_checksum_is_verified_after_a_signed_body(string name, string value)
    {
        await VerifiedAsync(value, checksum => Streaming(Signed, name).SendAsync(Token, request => request.Chunk(Body, 5, (name, checksum))));
    }

    [Theory]
    [MemberData(nameof(Known))]
    public async Task Every_checksum_is_verified_after_an_unsigned_body(string name, string value)
    {
        await VerifiedAsync(value, checksum => Streaming(Unsigned, name).SendAsync(Token, _ => Encoding.ASCII.GetBytes($"9\r\n123456789\r\n0\r\n{name}:{checksum}\r\n\r\n")));
    }

    [Fact]
    public async Task A_checksum_that_is_not_known_is_refused()
    {
        var request = Raw(HttpMethod.Put, "key");
        request.Headers["x-amz-checksum-crc64nvme"] = Base64("ae8b14860a799888");
        using var answer = await request.SendAsync(Token, _ => Body);
        await RefusedAsync(HttpStatusCode.BadRequest, "InvalidRequest", answer);
    }

    [Fact]
    public async Task A_trailer_that_was_altered_is_refused()
    {
        const string name = "x-amz-checksum-crc32";
        using var answer = await Streaming(Signed, name).SendAsync(Token, request =>
        {
            var framed = Encoding.ASCII.GetString(request.Chunk(Body, 5, (name, Base64("00000000"))));
            return Encoding.ASCII.GetBytes(framed.Replace(Base64("00000000"), Base64("cbf43926"), StringComparison.Ordinal));
        });
        await RefusedAsync(HttpStatusCode.Forbidden, "SignatureDoesNotMatch", answer);
    }

    [Theory]
    [InlineData("9\r\n123456789\r\n0\r\n\r\n", "MalformedTrailerError")]
    [InlineData("9\r\n123456789\r\n0\r\nx-amz-checksum-sha1:AAAA\r\n\r\n", "MalformedTrailerError")]
    [InlineData("8\r\n12345678\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n", "IncompleteBody")]
    [InlineData("9\r\n123456789\r\n1\r\n0\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n", "IncompleteBody")]
    [InlineData("9\r\n1234567890\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n", "InvalidRequest")]
    [InlineData("zz\r\n", "InvalidRequest")]
    [InlineData("9\r\n1234", "IncompleteBody")]
    public async Task Broken_framing_is_refused(string framed, string code)
    {
        using var answer = await Streaming(Unsigned, "x-amz-checksum-crc32").SendAsync(Token, _ => Encoding.ASCII.GetBytes(framed));
        await RefusedAsync(HttpStatusCode.BadRequest, code, answer);
        await RefusedAsync(HttpStatusCode.NotFound, "NoSuchKey", S3.GetObjectAsync(Bucket, "key", Token));
    }

    private static string Base64(string hexadecimal) => Convert.ToBase64String(Convert.FromHexString(hexadecimal));

    private SignedRequest Streaming(string payload, string trailer)
    {
        var request = new SignedRequest(Endpoint, HttpMethod.Put, $"/{Bucket}/key") { Payload = payload };
        request.Headers["x-amz-decoded-content-length"] = Body.Length.ToString(CultureInfo.InvariantCulture);
        request.Headers["x-amz-trailer"] = trailer;
        request.Headers["content-encoding"] = "aws-chunked";
        return request;
    }

    /// <summary>With another checksum it is refused and leaves nothing; with the right one it is stored.</summary>
    private async Task VerifiedAsync(string checksum, Func<string, Task<HttpResponseMessage>> put)
    {
        var other = Convert.FromBase64String(checksum);
        other[^1] ^= 1;
        using var refused = await put(Convert.ToBase64String(other));
        await RefusedAsync(HttpStatusCode.BadRequest, "BadDigest", refused);
        await RefusedAsync(HttpStatusCode.NotFound, "NoSuchKey", S3.GetObjectAsync(Bucket, "key", Token));

        using var accepted = await put(checksum);
        Assert.Equal(HttpStatusCode.OK, accepted.StatusCode);
        Assert.Equal(Body, await GetAsync("key"));
    }
}
