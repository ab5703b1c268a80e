using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using CloudTab.Testing;

namespace CloudTab.Local.Tests;

/// <summary>LocalS3 as a process: what it keeps, what a crash leaves, what it costs, when it refuses to start.</summary>
public sealed class ProcessTests
{
    private const string Bucket = "bucket";

    [Fact]
    public async Task Everything_is_still_there_after_a_restart()
    {
        await using var server = await LocalS3Server.StartNewAsync(Token);
        using var client = Client(server);
        await client.PutBucketAsync(Bucket, Token);
        var put = new PutObjectRequest { BucketName = Bucket, Key = "ü/key", ContentBody = "text", ContentType = "text/plain" };
        put.Metadata["name"] = "value";
        await client.PutObjectAsync(put, Token);
        var rule = new Amazon.S3.Model.LifecycleRule { Status = LifecycleRuleStatus.Enabled, Expiration = new LifecycleRuleExpiration { Days = 1 }, Filter = new LifecycleFilter() };
        await client.PutLifecycleConfigurationAsync(Bucket, new LifecycleConfiguration { Rules = [rule] }, Token);
        var upload = (await client.InitiateMultipartUploadAsync(Bucket, "big", Token)).UploadId;
        var part = await client.UploadPartAsync(new UploadPartRequest { BucketName = Bucket, Key = "big", UploadId = upload, PartNumber = 1, InputStream = new MemoryStream([1, 2, 3]) }, Token);

        var stopping = Stopwatch.StartNew();
        Assert.Equal(0, await server.StopAsync());
        Assert.InRange(stopping.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(10));
        await server.StartAsync(Token);

        using var answer = await client.GetObjectAsync(Bucket, "ü/key", Token);
        Assert.Equal(("text/plain", "value"), (answer.Headers.ContentType, answer.Metadata["name"]));
        Assert.Equal("ü/key", Assert.Single((await client.ListObjectsV2Async(new ListObjectsV2Request { BucketName = Bucket }, Token)).S3Objects).Key);
        Assert.Single((await client.GetLifecycleConfigurationAsync(Bucket, Token)).Configuration.Rules);
        await client.CompleteMultipartUploadAsync(new CompleteMultipartUploadRequest { BucketName = Bucket, Key = "big", UploadId = upload, PartETags = [new PartETag(1, part.ETag)] }, Token);
        Assert.Equal(3, (await client.GetObjectMetadataAsync(Bucket, "big", Token)).ContentLength);
    }

    [Fact]
    public async Task A_crash_leaves_whole_objects_or_none()
    {
        await using var server = await LocalS3Server.StartNewAsync(Token);
        using var client = Client(server);
        await client.PutBucketAsync(Bucket, Token);
        var body = RandomNumberGenerator.GetBytes(1_500_000);
        var etag = $"\"{Convert.ToHexStringLower(MD5.HashData(body))}\"";
        var acknowledged = new List<string>();
        for (var round = 0; round < 8; round++)
        {
            var puts = Enumerable.Range(0, 6).Select(i => TryPutAsync(client, $"{round}-{i}", body)).ToList();

            // As soon as the first is through, the others are somewhere in the middle.
            await Task.WhenAny(puts);
            await server.KillAsync();
            acknowledged.AddRange((await Task.WhenAll(puts)).OfType<string>());
            await server.StartAsync(Token);
        }

        Assert.Empty(Directory.EnumerateFiles(Path.Combine(server.Folder, "temporary")));
        var listed = (await client.ListObjectsV2Async(new ListObjectsV2Request { BucketName = Bucket }, Token)).S3Objects;
        Assert.Subset(listed.Select(item => item.Key).ToHashSet(StringComparer.Ordinal), acknowledged.ToHashSet(StringComparer.Ordinal));
        Assert.NotEmpty(acknowledged);
        foreach (var item in listed)
        {
            using var answer = await client.GetObjectAsync(Bucket, item.Key, Token);
            Assert.Equal((etag, etag), (item.ETag, answer.ETag));
            Assert.Equal(MD5.HashData(body), await MD5.HashDataAsync(answer.ResponseStream, Token));
        }
    }

    [Fact]
    public async Task Memory_does_not_grow_with_the_object()
    {
        await using var server = await LocalS3Server.StartNewAsync(Token);
        using var client = Client(server);
        await client.PutBucketAsync(Bucket, Token);
        const long size = 512L * 1024 * 1024;
        await client.PutObjectAsync(new PutObjectRequest { BucketName = Bucket, Key = "key", InputStream = new ZeroStream(size) }, Token);
        using var answer = await client.GetObjectAsync(Bucket, "key", Token);
        await answer.ResponseStream.CopyToAsync(Stream.Null, Token);

        var peak = PeakMemory(server.Process.Id);
        Assert.InRange(peak, 1, 250 * 1024 * 1024);
    }

    [Fact]
    public async Task A_full_disk_is_said_so_and_leaves_nothing()
    {
        var folder = Directory.CreateTempSubdirectory("cloudtab-full-").FullName;
        try
        {
            Assert.SkipUnless(await RunAsync("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder), "Mounting a small file system takes root.");
            try
            {
                await using var server = await LocalS3Server.StartNewAsync(Token, folder);
                using var client = Client(server);
                await client.PutBucketAsync(Bucket, Token);
                await client.PutObjectAsync(new PutObjectRequest { BucketName = Bucket, Key = "fits", InputStream = new ZeroStream(3_000_000) }, Token);
                var refusal = await Assert.ThrowsAnyAsync<AmazonS3Exception>(() =>
                    client.PutObjectAsync(new PutObjectRequest { BucketName = Bucket, Key = "too-big", InputStream = new ZeroStream(20_000_000) }, Token));
                Assert.Equal((HttpStatusCode.InsufficientStorage, "InsufficientStorage"), (refusal.StatusCode, refusal.ErrorCode));
                Assert.Empty(Directory.EnumerateFiles(Path.Combine(folder, "temporary")));
                Assert.Equal("fits", Assert.Single((await client.ListObjectsV2Async(new ListObjectsV2Request { BucketName = Bucket }, Token)).S3Objects).Key);
                await client.DeleteObjectAsync(Bucket, "fits", Token);
                await client.PutObjectAsync(new PutObjectRequest { BucketName = Bucket, Key = "later", InputStream = new ZeroStream(5_000_000) }, Token);
            }
            finally
            {
                await RunAsync("umount", folder);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("LOCALS3_DATA", "", "LOCALS3_DATA must name the folder to keep objects in")]
    [InlineData("AWS_ACCESS_KEY_ID", "", "AWS_ACCESS_KEY_ID must be set")]
    [InlineData("AWS_SECRET_ACCESS_KEY", "", "AWS_SECRET_ACCESS_KEY must be set")]
    [InlineData("AWS_REGION", "Nowhere!", "AWS_REGION must be a region's name, such as us-east-1")]
    [InlineData("ASPNETCORE_URLS", "http://0.0.0.0:0", "can be reached from other machines; LocalS3 listens on loopback only")]
    public async Task A_bad_setting_stops_the_start_with_one_line(string name, string value, string complaint)
    {
        var folder = Directory.CreateTempSubdirectory("cloudtab-start-").FullName;
        try
        {
            var environment = new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["ASPNETCORE_URLS"] = "http://127.0.0.1:0",
                ["LOCALS3_DATA"] = folder,
                ["AWS_ACCESS_KEY_ID"] = "key",
                ["AWS_SECRET_ACCESS_KEY"] = "secret",
                [name] = value,
            };
            await using var process = await ChildProcess.StartAsync("CloudTab.LocalS3", environment, ready: null, Token);
            Assert.Equal(1, await process.WaitForExitAsync(Token));
            var line = Assert.Single(process.Output.Split('\n'), line => line.StartsWith("LocalS3 cannot start", StringComparison.Ordinal));
            Assert.Contains(complaint, line, StringComparison.Ordinal);
            Assert.DoesNotContain("   at ", process.Output, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task A_folder_belongs_to_one_process()
    {
        await using var server = await LocalS3Server.StartNewAsync(Token);
        var refusal = await Assert.ThrowsAsync<InvalidOperationException>(() => LocalS3Server.StartNewAsync(Token, server.Folder));
        Assert.Contains("LocalS3 cannot start", refusal.Message, StringComparison.Ordinal);
    }

    private static AmazonS3Client Client(LocalS3Server server) => server.Endpoint.CreateClient(config => config.MaxErrorRetry = 0);

    private static async Task<string?> TryPutAsync(AmazonS3Client client, string key, byte[] body)
    {
        try
        {
            await client.PutObjectAsync(new PutObjectRequest { BucketName = Bucket, Key = key, InputStream = new MemoryStream(body) }, Token);
            return key;
        }
        catch (Exception exception) when (exception is AmazonClientException or HttpRequestException or IOException)
        {
            return null;
        }
    }

    private static long PeakMemory(int processId)
    {
        var line = File.ReadLines($"/proc/{processId.ToString(CultureInfo.InvariantCulture)}/status").Single(text => text.StartsWith("VmHWM:", StringComparison.Ordinal));
        return long.Parse(line["VmHWM:".Length..^"kB".Length], NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture) * 1024;
    }

    private static async Task<bool> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        await process.WaitForExitAsync(Token);
        return process.ExitCode == 0;
    }

    /// <summary>As many zeros as asked for, in no memory.</summary>
    private sealed class ZeroStream(long length) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => true;

        public override bool CanWrite => false;

        public override long Length => length;

        public override long Position { get; set; }

        public override int Read(byte[] buffer, int offset, int count)
        {
            var read = (int)Math.Min(count, length - Position);
            buffer.AsSpan(offset, read).Clear();
            Position += read;
            return read;
        }

        public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
        {
            SeekOrigin.Begin => offset,
            SeekOrigin.Current => Position + offset,
            _ => length + offset,
        };

        public override void Flush()
        {
        }

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
