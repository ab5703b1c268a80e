using System.Net;
using Amazon.S3;
using Amazon.S3.Model;
using CloudTab.Testing;

namespace CloudTab.Local.Tests;

/// <summary>What CloudTab expects of buckets and their configuration, of any S3.</summary>
public abstract class BucketBehaviours(S3Endpoint endpoint) : S3Test(endpoint)
{
    [Fact]
    public async Task A_bucket_can_be_created_again_by_its_owner()
    {
        await PutAsync("key", [1]);
        await S3.PutBucketAsync(Bucket, Token);
        Assert.Equal([1], await GetAsync("key"));
        Assert.Contains(Bucket, (await S3.ListBucketsAsync(Token)).Buckets.Select(bucket => bucket.BucketName));
    }

    [Fact]
    public async Task A_bucket_answers_head_while_it_exists()
    {
        await S3.HeadBucketAsync(new HeadBucketRequest { BucketName = Bucket }, Token);
        await RefusedAsync(HttpStatusCode.NotFound, null, S3.HeadBucketAsync(new HeadBucketRequest { BucketName = Bucket + "-missing" }, Token));
    }

    [Fact]
    public async Task Only_an_empty_bucket_can_be_deleted()
    {
        await PutAsync("key", Bytes(1));
        await RefusedAsync(HttpStatusCode.Conflict, "BucketNotEmpty", S3.DeleteBucketAsync(Bucket, Token));
        await S3.DeleteObjectAsync(Bucket, "key", Token);
        await S3.DeleteBucketAsync(Bucket, Token);
        await RefusedAsync(HttpStatusCode.NotFound, "NoSuchBucket", S3.DeleteBucketAsync(Bucket, Token));
        await RefusedAsync(HttpStatusCode.NotFound, "NoSuchBucket", PutAsync("key", Bytes(1)));
    }

    [Theory]
    [InlineData("Upper")]
    [InlineData("ab")]
    [InlineData("under_score")]
    public async Task A_name_that_is_no_host_name_is_refused(string name)
    {
        using var answer = await new SignedRequest(Endpoint, HttpMethod.Put, "/" + name).SendAsync(Token);
        await RefusedAsync(HttpStatusCode.BadRequest, "InvalidBucketName", answer);
    }

    [Fact]
    public async Task The_default_region_has_no_name()
    {
        var location = await S3.GetBucketLocationAsync(new GetBucketLocationRequest { BucketName = Bucket }, Token);
        Assert.Contains(location.Location?.Value, (string?[])[null, "", "us-east-1", "default"]);
    }

    [Fact]
    public async Task A_lifecycle_is_kept_until_it_is_deleted()
    {
        await RefusedAsync(HttpStatusCode.NotFound, "NoSuchLifecycleConfiguration", RawLifecycleAsync());
        var rule = new Amazon.S3.Model.LifecycleRule
        {
            Id = "files",
            Status = LifecycleRuleStatus.Enabled,
            Filter = new LifecycleFilter { LifecycleFilterPredicate = new LifecyclePrefixPredicate { Prefix = "2026-" } },
            Expiration = new LifecycleRuleExpiration { Days = 1 },
            AbortIncompleteMultipartUpload = new LifecycleRuleAbortIncompleteMultipartUpload { DaysAfterInitiation = 2 },
        };
        await S3.PutLifecycleConfigurationAsync(Bucket, new LifecycleConfiguration { Rules = [rule] }, Token);

        var kept = Assert.Single((await S3.GetLifecycleConfigurationAsync(Bucket, Token)).Configuration.Rules);
        Assert.Equal(("files", 1, 2), (kept.Id, kept.Expiration.Days, kept.AbortIncompleteMultipartUpload.DaysAfterInitiation));

        await S3.DeleteLifecycleConfigurationAsync(Bucket, Token);
        await RefusedAsync(HttpStatusCode.NotFound, "NoSuchLifecycleConfiguration", RawLifecycleAsync());
    }

    [Fact]
    public async Task Cors_rules_are_applied_to_browsers()
    {
        await PutAsync("key", Bytes(10));
        await RefusedAsync(HttpStatusCode.NotFound, "NoSuchCORSConfiguration", S3.GetCORSConfigurationAsync(Bucket, Token));
        await S3.PutCORSConfigurationAsync(
            Bucket,
            new CORSConfiguration { Rules = [new CORSRule { AllowedOrigins = ["https://*.example.com"], AllowedMethods = ["GET"], AllowedHeaders = ["x-amz-*"], ExposeHeaders = ["ETag"], MaxAgeSeconds = 60 }] },
            Token);
        Assert.Equal("https://*.example.com", (await S3.GetCORSConfigurationAsync(Bucket, Token)).Configuration.Rules[0].AllowedOrigins[0]);

        using var allowed = await PreflightAsync("https://shop.example.com", "GET", "x-amz-date");
        Assert.Equal(HttpStatusCode.OK, allowed.StatusCode);
        Assert.Equal("https://shop.example.com", Assert.Single(allowed.Headers.GetValues("Access-Control-Allow-Origin")));
        Assert.Equal("GET", Assert.Single(allowed.Headers.GetValues("Access-Control-Allow-Methods")));
        Assert.Equal("60", Assert.Single(allowed.Headers.GetValues("Access-Control-Max-Age")));

        using var otherOrigin = await PreflightAsync("https://example.org", "GET", null);
        using var otherMethod = await PreflightAsync("https://shop.example.com", "PUT", null);
        Assert.Equal((HttpStatusCode.Forbidden, HttpStatusCode.Forbidden), (otherOrigin.StatusCode, otherMethod.StatusCode));

        using var answer = await FromOriginAsync("https://shop.example.com");
        Assert.Equal("https://shop.example.com", Assert.Single(answer.Headers.GetValues("Access-Control-Allow-Origin")));
        Assert.Equal("ETag", Assert.Single(answer.Headers.GetValues("Access-Control-Expose-Headers")));
        using var stranger = await FromOriginAsync("https://example.org");
        Assert.Equal(HttpStatusCode.OK, stranger.StatusCode);
        Assert.False(stranger.Headers.Contains("Access-Control-Allow-Origin"));

        await S3.DeleteCORSConfigurationAsync(Bucket, Token);
        using var unruled = await PreflightAsync("https://shop.example.com", "GET", null);
        Assert.Equal(HttpStatusCode.Forbidden, unruled.StatusCode);
    }

    // The SDK makes an empty configuration of the error.
    private async Task RawLifecycleAsync()
    {
        using var answer = await new SignedRequest(Endpoint, HttpMethod.Get, $"/{Bucket}?lifecycle").SendAsync(Token);
        if (!answer.IsSuccessStatusCode)
            throw new AmazonS3Exception("refused", Amazon.Runtime.ErrorType.Unknown, await SignedRequest.ErrorCodeAsync(answer, Token), "", answer.StatusCode);
    }

    private async Task<HttpResponseMessage> FromOriginAsync(string origin)
    {
        var request = Raw(HttpMethod.Get, "key");
        request.UnsignedHeaders["Origin"] = origin;
        return await request.SendAsync(Token);
    }

    private async Task<HttpResponseMessage> PreflightAsync(string origin, string method, string? header)
    {
        using var request = new HttpRequestMessage(HttpMethod.Options, new Uri(Endpoint.Address, $"/{Bucket}/key"));
        request.Headers.Add("Origin", origin);
        request.Headers.Add("Access-Control-Request-Method", method);
        if (header is not null)
            request.Headers.Add("Access-Control-Request-Headers", header);
        return await SignedRequest.SendPlainAsync(request, Token);
    }
}
