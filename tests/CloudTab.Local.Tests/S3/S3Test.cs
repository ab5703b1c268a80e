using System.Net;
using System.Security.Cryptography;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using CloudTab.Testing;

namespace CloudTab.Local.Tests;

/// <summary>A test against some S3: a bucket of its own, and the SDK's client as CloudTab sets it up.</summary>
public abstract class S3Test(S3Endpoint endpoint) : IAsyncLifetime
{
    protected S3Endpoint Endpoint { get; } = endpoint;

    protected string Bucket { get; } = "test-" + Guid.NewGuid().ToString("N");

    protected AmazonS3Client S3 { get; } = Client(endpoint);

    public async ValueTask InitializeAsync() => await S3.PutBucketAsync(Bucket, Token);

    public ValueTask DisposeAsync()
    {
        S3.Dispose();
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    /// <summary>A client with the checksums that the SDK adds by default.</summary>
    protected AmazonS3Client DefaultClient() => Client(Endpoint, config =>
    {
        config.RequestChecksumCalculation = RequestChecksumCalculation.WHEN_SUPPORTED;
        config.ResponseChecksumValidation = ResponseChecksumValidation.WHEN_SUPPORTED;
    });

    private static AmazonS3Client Client(S3Endpoint endpoint, Action<AmazonS3Config>? configure = null) => endpoint.CreateClient(config =>
    {
        config.UseHttp = true;
        config.MaxErrorRetry = 0;

        // Ceph may leave a refused body unread and take its rest for the next request: no connection is shared between tests.
        config.CacheHttpClient = false;
        configure?.Invoke(config);
    });

    private protected SignedRequest Raw(HttpMethod method, string key) => new(Endpoint, method, $"/{Bucket}/{key}");

    protected async Task<string> PutAsync(string key, byte[] bytes)
    {
        var answer = await S3.PutObjectAsync(new PutObjectRequest { BucketName = Bucket, Key = key, InputStream = new MemoryStream(bytes) }, Token);
        return answer.ETag;
    }

    protected async Task<byte[]> GetAsync(string key)
    {
        using var answer = await S3.GetObjectAsync(Bucket, key, Token);
        return await ReadAsync(answer);
    }

    protected static async Task<byte[]> ReadAsync(GetObjectResponse answer)
    {
        using var bytes = new MemoryStream();
        await answer.ResponseStream.CopyToAsync(bytes, Token);
        return bytes.ToArray();
    }

    protected static byte[] Bytes(int count) => RandomNumberGenerator.GetBytes(count);

    /// <summary>The call is refused with this status and, where the answer has a body, this code.</summary>
    protected static async Task RefusedAsync(HttpStatusCode status, string? code, Task call)
    {
        var refusal = await Assert.ThrowsAnyAsync<AmazonS3Exception>(() => call);
        Assert.Equal(status, refusal.StatusCode);
        if (code is not null)
            Assert.Equal(code, refusal.ErrorCode);
    }

    /// <summary>The answer is a refusal with this status and code.</summary>
    protected static async Task RefusedAsync(HttpStatusCode status, string code, HttpResponseMessage answer)
    {
        Assert.Equal((status, code), (answer.StatusCode, await SignedRequest.ErrorCodeAsync(answer, Token)));
    }
}
