using System.Net;
using System.Net.Sockets;
using System.Text;
using Amazon.S3.Model;

namespace CloudTab.Local.Tests;

/// <summary>What concerns LocalS3 alone: its folder, and where it stops.</summary>
[Collection("LocalS3")]
public sealed class LocalS3OnlyTests(RunningLocalS3 running) : S3Test(running.Endpoint)
{
    [Theory]
    [InlineData("../x")]
    [InlineData("a/../../x")]
    [InlineData("..%2F..%2Fetc%2Fpasswd")]
    [InlineData("%2E%2E/%2E%2E/x")]
    [InlineData("%01%7F%E2%80%AE")]
    public async Task A_key_never_leaves_the_folder(string encoded)
    {
        var bytes = Bytes(10);

        // Signed in the canonical form, in which a slash is a slash and a dot a dot.
        var canonical = encoded.Replace("%2F", "/", StringComparison.Ordinal).Replace("%2E", ".", StringComparison.Ordinal);
        using var put = await Raw(HttpMethod.Put, canonical).SendAsync(Token, _ => bytes);
        Assert.Equal(HttpStatusCode.OK, put.StatusCode);
        using var got = await Raw(HttpMethod.Get, canonical).SendAsync(Token);
        Assert.Equal(bytes, await got.Content.ReadAsByteArrayAsync(Token));
        var listed = await S3.ListObjectsV2Async(new ListObjectsV2Request { BucketName = Bucket }, Token);
        Assert.Equal(Uri.UnescapeDataString(encoded), Assert.Single(listed.S3Objects).Key);

        var expected = Path.Combine(running.Folder, "buckets", Bucket, "objects");
        Assert.Single(Directory.EnumerateFiles(expected, "*", SearchOption.AllDirectories));
        Assert.Equal(["buckets", "lock", "temporary"], Directory.EnumerateFileSystemEntries(running.Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("tagging")]
    [InlineData("acl")]
    [InlineData("versionId=1")]
    public async Task What_CloudTab_does_not_use_is_not_implemented(string query)
    {
        using var answer = await Raw(HttpMethod.Get, "key?" + query).SendAsync(Token);
        await RefusedAsync(HttpStatusCode.NotImplemented, "NotImplemented", answer);
    }

    [Fact]
    public async Task Copies_and_conditional_writes_are_not_implemented()
    {
        await PutAsync("key", Bytes(10));
        await RefusedAsync(HttpStatusCode.NotImplemented, "NotImplemented", S3.CopyObjectAsync(Bucket, "key", Bucket, "copy", Token));
        var put = new PutObjectRequest { BucketName = Bucket, Key = "key", ContentBody = "first", IfNoneMatch = "*" };
        await RefusedAsync(HttpStatusCode.NotImplemented, "NotImplemented", S3.PutObjectAsync(put, Token));
    }

    [Fact]
    public async Task Concurrent_puts_of_one_key_leave_one_of_them()
    {
        var bodies = Enumerable.Range(0, 8).Select(_ => Bytes(300_000)).ToList();
        await Task.WhenAll(bodies.Select(body => PutAsync("key", body)));
        var left = await GetAsync("key");
        Assert.Contains(bodies, body => body.AsSpan().SequenceEqual(left));
        var listed = Assert.Single((await S3.ListObjectsV2Async(new ListObjectsV2Request { BucketName = Bucket }, Token)).S3Objects);
        Assert.Equal((await S3.GetObjectMetadataAsync(Bucket, "key", Token)).ETag, listed.ETag);
    }

    [Fact]
    public async Task A_connection_that_breaks_leaves_nothing()
    {
        var target = Raw(HttpMethod.Put, "key").Presign(TimeSpan.FromMinutes(5)).PathAndQuery;
        using (var client = new TcpClient())
        {
            await client.ConnectAsync(Endpoint.Address.Host, Endpoint.Address.Port, Token);
            var stream = client.GetStream();
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"PUT {target} HTTP/1.1\r\nHost: {Endpoint.Address.Authority}\r\nContent-Length: 1000000\r\n\r\n"), Token);
            await stream.WriteAsync(Bytes(500_000), Token);
        }

        var temporary = Path.Combine(running.Folder, "temporary");
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Token);
        limit.CancelAfter(TimeSpan.FromSeconds(20));
        while (Directory.EnumerateFiles(temporary).Any(file => new FileInfo(file) is { Exists: true, Length: >= 400_000 }))
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, limit.Token);
        await RefusedAsync(HttpStatusCode.NotFound, "NoSuchKey", S3.GetObjectAsync(Bucket, "key", Token));
    }
}
