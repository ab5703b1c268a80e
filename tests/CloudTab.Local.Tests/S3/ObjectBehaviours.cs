using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Amazon.S3.Model;
using CloudTab.Testing;

namespace CloudTab.Local.Tests;

/// <summary>What CloudTab expects of single objects, of any S3.</summary>
public abstract class ObjectBehaviours(S3Endpoint endpoint) : S3Test(endpoint)
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(64 * 1024)]
    [InlineData(3_000_017)]
    public async Task An_object_comes_back_as_it_was_put(int size)
    {
        var bytes = Bytes(size);
        var put = new PutObjectRequest { BucketName = Bucket, Key = "a/b.pdf", InputStream = new MemoryStream(bytes), ContentType = "application/pdf" };
        put.Headers.CacheControl = "no-store";
        put.Headers.ContentDisposition = "attachment";
        put.Metadata["file-id"] = "42";
        var stored = await S3.PutObjectAsync(put, Token);

        using var answer = await S3.GetObjectAsync(Bucket, "a/b.pdf", Token);
        Assert.Equal(bytes, await ReadAsync(answer));
        Assert.Equal($"\"{Convert.ToHexStringLower(MD5.HashData(bytes))}\"", answer.ETag);
        Assert.Equal(answer.ETag, stored.ETag);
        Assert.Equal("application/pdf", answer.Headers.ContentType);
        Assert.Equal("no-store", answer.Headers.CacheControl);
        Assert.Equal("attachment", answer.Headers.ContentDisposition);
        Assert.Equal("42", answer.Metadata["file-id"]);

        var head = await S3.GetObjectMetadataAsync(Bucket, "a/b.pdf", Token);
        Assert.Equal((size, answer.ETag, "42"), (head.ContentLength, head.ETag, head.Metadata["file-id"]));
        Assert.InRange(head.LastModified!.Value.ToUniversalTime(), TimeProvider.System.GetUtcNow().UtcDateTime.AddMinutes(-2), TimeProvider.System.GetUtcNow().UtcDateTime.AddMinutes(2));
    }

    [Fact]
    public async Task A_second_put_replaces_the_first()
    {
        await PutAsync("key", Bytes(5000));
        var second = Bytes(300);
        await PutAsync("key", second);
        Assert.Equal(second, await GetAsync("key"));
    }

    [Theory]
    [InlineData("bytes=0-0", 0, 1)]
    [InlineData("bytes=10-19", 10, 10)]
    [InlineData("bytes=990-", 990, 10)]
    [InlineData("bytes=-5", 995, 5)]
    [InlineData("bytes=-5000", 0, 1000)]
    [InlineData("bytes=900-5000", 900, 100)]
    public async Task A_range_is_answered_with_those_bytes(string range, int first, int length)
    {
        var bytes = Bytes(1000);
        await PutAsync("key", bytes);
        var request = Raw(HttpMethod.Get, "key");
        request.UnsignedHeaders["Range"] = range;

        using var answer = await request.SendAsync(Token);
        Assert.Equal(HttpStatusCode.PartialContent, answer.StatusCode);
        Assert.Equal($"bytes {first}-{first + length - 1}/1000", answer.Content.Headers.ContentRange!.ToString());
        Assert.Equal(bytes[first..(first + length)], await answer.Content.ReadAsByteArrayAsync(Token));
    }

    [Fact]
    public async Task A_range_behind_the_end_is_refused()
    {
        await PutAsync("key", Bytes(1000));
        var request = new GetObjectRequest { BucketName = Bucket, Key = "key", ByteRange = new Amazon.S3.Model.ByteRange(1000, 1001) };
        await RefusedAsync(HttpStatusCode.RequestedRangeNotSatisfiable, "InvalidRange", S3.GetObjectAsync(request, Token));
    }

    [Fact]
    public async Task Conditions_on_the_entity_tag_are_honoured()
    {
        var etag = await PutAsync("key", Bytes(10));
        await RefusedAsync(HttpStatusCode.NotModified, null, S3.GetObjectAsync(new GetObjectRequest { BucketName = Bucket, Key = "key", EtagToNotMatch = etag }, Token));
        await RefusedAsync(HttpStatusCode.PreconditionFailed, "PreconditionFailed", S3.GetObjectAsync(new GetObjectRequest { BucketName = Bucket, Key = "key", EtagToMatch = "\"0123\"" }, Token));
        using var matching = await S3.GetObjectAsync(new GetObjectRequest { BucketName = Bucket, Key = "key", EtagToMatch = etag }, Token);
        using var changed = await S3.GetObjectAsync(new GetObjectRequest { BucketName = Bucket, Key = "key", EtagToNotMatch = "\"0123\"" }, Token);
        Assert.Equal((10, 10), (matching.ContentLength, changed.ContentLength));
    }

    [Theory]
    [InlineData("If-Modified-Since", 60, HttpStatusCode.NotModified)]
    [InlineData("If-Modified-Since", -3600, HttpStatusCode.OK)]
    [InlineData("If-Unmodified-Since", -3600, HttpStatusCode.PreconditionFailed)]
    [InlineData("If-Unmodified-Since", 60, HttpStatusCode.OK)]
    public async Task Conditions_on_the_time_are_honoured(string header, int seconds, HttpStatusCode expected)
    {
        await PutAsync("key", Bytes(10));
        var request = Raw(HttpMethod.Get, "key");
        request.UnsignedHeaders[header] = TimeProvider.System.GetUtcNow().AddSeconds(seconds).ToString("R", CultureInfo.InvariantCulture);
        using var answer = await request.SendAsync(Token);
        Assert.Equal(expected, answer.StatusCode);
    }

    [Fact]
    public async Task What_is_not_there_is_404()
    {
        await RefusedAsync(HttpStatusCode.NotFound, "NoSuchKey", S3.GetObjectAsync(Bucket, "missing", Token));
        await RefusedAsync(HttpStatusCode.NotFound, null, S3.GetObjectMetadataAsync(Bucket, "missing", Token));
        await RefusedAsync(HttpStatusCode.NotFound, "NoSuchBucket", S3.GetObjectAsync(Bucket + "-missing", "key", Token));
    }

    [Fact]
    public async Task Deleting_twice_is_no_error()
    {
        await PutAsync("key", Bytes(10));
        Assert.Equal(HttpStatusCode.NoContent, (await S3.DeleteObjectAsync(Bucket, "key", Token)).HttpStatusCode);
        Assert.Equal(HttpStatusCode.NoContent, (await S3.DeleteObjectAsync(Bucket, "key", Token)).HttpStatusCode);
        await RefusedAsync(HttpStatusCode.NotFound, "NoSuchKey", S3.GetObjectAsync(Bucket, "key", Token));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_thousand_objects_are_deleted_at_once(bool quiet)
    {
        await PutAsync("kept", Bytes(1));
        for (var i = 0; i < 20; i++)
            await PutAsync($"key {i} & <ü>", Bytes(1));

        // Those that are not there count as deleted.
        var keys = Enumerable.Range(0, 1000).Select(i => new KeyVersion { Key = $"key {i} & <ü>" }).ToList();
        var answer = await S3.DeleteObjectsAsync(new DeleteObjectsRequest { BucketName = Bucket, Objects = keys, Quiet = quiet }, Token);
        Assert.Equal(quiet ? 0 : 1000, answer.DeletedObjects?.Count ?? 0);
        Assert.Empty(answer.DeleteErrors ?? []);

        var left = await S3.ListObjectsV2Async(new ListObjectsV2Request { BucketName = Bucket }, Token);
        Assert.Equal("kept", Assert.Single(left.S3Objects).Key);
    }

    [Fact]
    public async Task A_body_that_is_not_what_its_MD5_says_is_refused()
    {
        var put = new PutObjectRequest { BucketName = Bucket, Key = "key", InputStream = new MemoryStream(Bytes(10)), MD5Digest = Convert.ToBase64String(MD5.HashData("other"u8)) };
        await RefusedAsync(HttpStatusCode.BadRequest, "BadDigest", S3.PutObjectAsync(put, Token));
        await RefusedAsync(HttpStatusCode.NotFound, "NoSuchKey", S3.GetObjectAsync(Bucket, "key", Token));
    }

    [Theory]
    [InlineData("white space+plus%percent")]
    [InlineData("a//b/")]
    [InlineData("quote'(\"*)!~&=?#")]
    [InlineData("ü/हिन्दी/中文/😀")]
    public async Task Any_key_is_a_key(string key)
    {
        var bytes = Bytes(10);
        await PutAsync(key, bytes);
        Assert.Equal(bytes, await GetAsync(key));
        var listed = await S3.ListObjectsV2Async(new ListObjectsV2Request { BucketName = Bucket }, Token);
        Assert.Equal(key, Assert.Single(listed.S3Objects).Key);
    }

    [Fact]
    public async Task A_key_may_have_1024_bytes_and_no_more()
    {
        var longest = string.Concat(Enumerable.Repeat("ü", 512));
        var bytes = Bytes(10);
        await PutAsync(longest, bytes);
        Assert.Equal(bytes, await GetAsync(longest));
        await Assert.ThrowsAnyAsync<Amazon.S3.AmazonS3Exception>(() => PutAsync(longest + "x", bytes));
    }

    [Fact]
    public async Task A_presigned_link_answers_with_the_name_it_was_made_for()
    {
        var bytes = Bytes(1000);
        await PutAsync("2026-11-23/key", bytes);
        var disposition = $"attachment; filename*=UTF-8''{Uri.EscapeDataString("रसीद 😀.pdf")}";
        var url = await S3.GetPreSignedURLAsync(new GetPreSignedUrlRequest
        {
            BucketName = Bucket,
            Key = "2026-11-23/key",
            Protocol = Amazon.S3.Protocol.HTTP,
            Expires = TimeProvider.System.GetUtcNow().UtcDateTime.AddMinutes(5),
            ResponseHeaderOverrides = { ContentDisposition = disposition, ContentType = "application/pdf", CacheControl = "no-store" },
        });

        using var answer = await SignedRequest.GetAsync(new Uri(url), Token);
        Assert.Equal(bytes, await answer.Content.ReadAsByteArrayAsync(Token));
        Assert.Equal(disposition, Assert.Single(answer.Content.Headers.GetValues("Content-Disposition")));
        Assert.Equal("application/pdf", answer.Content.Headers.ContentType!.ToString());
        Assert.Equal("no-store", answer.Headers.CacheControl!.ToString());

        // Another name needs another signature.
        using var altered = await SignedRequest.GetAsync(new Uri(url.Replace(".pdf", ".exe", StringComparison.Ordinal)), Token);
        await RefusedAsync(HttpStatusCode.Forbidden, "SignatureDoesNotMatch", altered);
    }

    [Fact]
    public async Task Metadata_keeps_its_text()
    {
        var put = new PutObjectRequest { BucketName = Bucket, Key = "key", InputStream = new MemoryStream(Encoding.UTF8.GetBytes("x")) };
        put.Metadata["name"] = "a, b; \"c\"";
        await S3.PutObjectAsync(put, Token);
        Assert.Equal("a, b; \"c\"", (await S3.GetObjectMetadataAsync(Bucket, "key", Token)).Metadata["name"]);
    }
}
