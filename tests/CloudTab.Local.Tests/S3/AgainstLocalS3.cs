using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Xml.Linq;
using Amazon.S3;
using Amazon.S3.Model;
using CloudTab.Testing;

namespace CloudTab.Local.Tests;

/// <summary>One LocalS3 for all the behaviours that are tested against it.</summary>
public sealed class RunningLocalS3 : IAsyncLifetime
{
    private LocalS3Server? _server;

    public S3Endpoint Endpoint => _server!.Endpoint;

    public string Folder => _server!.Folder;

    public async ValueTask InitializeAsync() => _server = await LocalS3Server.StartNewAsync(TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync() => _server?.DisposeAsync() ?? ValueTask.CompletedTask;
}

[CollectionDefinition("LocalS3")]
public sealed class LocalS3Collection : ICollectionFixture<RunningLocalS3>;

[Collection("LocalS3")]
public sealed class LocalS3Objects(RunningLocalS3 running) : ObjectBehaviours(running.Endpoint);

[Collection("LocalS3")]
public sealed class LocalS3Listing(RunningLocalS3 running) : ListingBehaviours(running.Endpoint);

[Collection("LocalS3")]
public sealed class LocalS3Buckets(RunningLocalS3 running) : BucketBehaviours(running.Endpoint);

// The tests below are AWS's rules where Ceph 16 has others, so they cannot be shared.
[Collection("LocalS3")]
public sealed class LocalS3Multipart(RunningLocalS3 running) : MultipartBehaviours(running.Endpoint)
{
    /// <summary>Ceph puts them in order itself.</summary>
    [Fact]
    public async Task Parts_must_be_named_in_order()
    {
        var upload = await BeginAsync("key");
        var request = new SignedRequest(Endpoint, HttpMethod.Post, $"/{Bucket}/key?uploadId={upload}");
        const string document = """
            <CompleteMultipartUpload>
              <Part><PartNumber>2</PartNumber><ETag>"a"</ETag></Part>
              <Part><PartNumber>1</PartNumber><ETag>"b"</ETag></Part>
            </CompleteMultipartUpload>
            """;
        using var answer = await request.SendAsync(Token, _ => Encoding.UTF8.GetBytes(document));
        await RefusedAsync(HttpStatusCode.BadRequest, "InvalidPartOrder", answer);
    }

    /// <summary>Ceph answers with an internal error, or NoSuchKey.</summary>
    [Fact]
    public async Task Whatever_concerns_no_upload_is_404()
    {
        var upload = await BeginAsync("key");
        await RefusedAsync(HttpStatusCode.NotFound, "NoSuchUpload", UploadAsync("other", upload, 1, Bytes(10)));
        await S3.AbortMultipartUploadAsync(Bucket, "key", upload, Token);
        await RefusedAsync(HttpStatusCode.NotFound, "NoSuchUpload", UploadAsync("key", upload, 1, Bytes(10)));
        await RefusedAsync(HttpStatusCode.NotFound, "NoSuchUpload", CompleteAsync("key", upload, [new PartETag(1, "a")]));
        await RefusedAsync(HttpStatusCode.NotFound, "NoSuchUpload", S3.ListPartsAsync(Bucket, "key", upload, Token));
    }
}

[Collection("LocalS3")]
public sealed class LocalS3Signatures(RunningLocalS3 running) : SignatureBehaviours(running.Endpoint)
{
    /// <summary>Ceph refuses the first, and does not look at the last chunk's signature.</summary>
    [Theory]
    [InlineData(false, HttpStatusCode.OK)]
    [InlineData(true, HttpStatusCode.Forbidden)]
    public async Task The_last_chunk_is_checked_like_the_others(bool altered, HttpStatusCode expected)
    {
        using var answer = await Chunked(0).SendAsync(Token, request =>
        {
            var framed = request.Chunk([], 65_536);
            framed[40] ^= (byte)(altered ? 1 : 0);
            return framed;
        });
        Assert.Equal(expected, answer.StatusCode);
    }

    /// <summary>Ceph keeps it as if it were the object's own coding.</summary>
    [Fact]
    public async Task The_chunks_coding_is_not_kept()
    {
        await PutAsync("key", Bytes(10));
        Assert.NotEqual("aws-chunked", (await S3.GetObjectMetadataAsync(Bucket, "key", Token)).Headers.ContentEncoding);
    }

    /// <summary>Ceph does not look at the region.</summary>
    [Fact]
    public async Task A_signature_for_another_region_is_refused()
    {
        using var answer = await new SignedRequest(Endpoint, HttpMethod.Get, $"/{Bucket}/key") { Region = "eu-north-1" }.SendAsync(Token);
        await RefusedAsync(HttpStatusCode.BadRequest, "AuthorizationHeaderMalformed", answer);
        Assert.Contains("<Region>us-east-1</Region>", await answer.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_header_of_S3_that_is_not_signed_is_refused()
    {
        var request = Raw(HttpMethod.Put, "key");
        request.UnsignedHeaders["x-amz-meta-added"] = "on the way";
        using var answer = await request.SendAsync(Token, _ => Bytes(10));
        await RefusedAsync(HttpStatusCode.Forbidden, "AccessDenied", answer);
    }

    [Theory]
    [InlineData(7 * 86_400, HttpStatusCode.OK)]
    [InlineData(7 * 86_400 + 1, HttpStatusCode.BadRequest)]
    public async Task A_presigned_link_lives_a_week_at_most(int seconds, HttpStatusCode expected)
    {
        await PutAsync("key", Bytes(10));
        using var answer = await SignedRequest.GetAsync(Raw(HttpMethod.Get, "key").Presign(TimeSpan.FromSeconds(seconds)), Token);
        Assert.Equal(expected, answer.StatusCode);
    }

    [Fact]
    public async Task Every_refusal_names_its_request()
    {
        using var answer = await Raw(HttpMethod.Get, "missing").SendAsync(Token);
        var document = XDocument.Parse(await answer.Content.ReadAsStringAsync(Token)).Root!;
        Assert.Equal(Assert.Single(answer.Headers.GetValues("x-amz-request-id")), document.Element("RequestId")!.Value);
        Assert.Equal($"/{Bucket}/missing", document.Element("Resource")!.Value);
    }
}

[Collection("LocalS3")]
public sealed class LocalS3PresignedParts(RunningLocalS3 running) : PresignedPartBehaviours(running.Endpoint)
{
    /// <summary>Ceph 16 takes them.</summary>
    [Fact]
    public async Task Bytes_of_another_checksum_are_refused()
    {
        var bytes = Bytes(1_000);
        var upload = await BeginAsync();
        using var answer = await PutAsync(await LinkAsync(upload, bytes), Bytes(1_000), Sha256(bytes));
        await RefusedAsync(HttpStatusCode.BadRequest, "BadDigest", answer);
        Assert.Empty((await S3.ListPartsAsync(Bucket, "key", upload, Token)).Parts ?? []);
    }

    [Fact]
    public async Task Parts_with_a_SHA_256_belong_into_an_upload_that_was_begun_with_it_and_are_named_with_it_again()
    {
        var bytes = Bytes(1_000);
        var plain = await S3.InitiateMultipartUploadAsync(Bucket, "key", Token);
        using var mixed = await PutAsync(await LinkAsync(plain.UploadId, bytes), bytes, Sha256(bytes));
        await RefusedAsync(HttpStatusCode.BadRequest, "InvalidRequest", mixed);

        var upload = await BeginAsync();
        using var sent = await PutAsync(await LinkAsync(upload, bytes), bytes, Sha256(bytes));
        var tag = sent.Headers.ETag!.Tag;
        await RefusedAsync(HttpStatusCode.BadRequest, "InvalidRequest", CompleteAsync(upload, new PartETag(1, tag)));
        await RefusedAsync(HttpStatusCode.BadRequest, "InvalidPart", CompleteAsync(upload, new PartETag(1, tag) { ChecksumSHA256 = Sha256([]) }));
        await CompleteAsync(upload, new PartETag(1, tag) { ChecksumSHA256 = Sha256(bytes) });
        var stored = await S3.GetObjectMetadataAsync(new GetObjectMetadataRequest { BucketName = Bucket, Key = "key", ChecksumMode = ChecksumMode.ENABLED }, Token);
        Assert.Equal(Sha256(SHA256.HashData(bytes)) + "-1", stored.ChecksumSHA256);
    }
}
