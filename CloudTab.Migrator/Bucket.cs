using Amazon.S3;
using Amazon.S3.Model;
using CloudTab.Relay;
using Microsoft.Extensions.Options;
using Polly;

namespace CloudTab.Migrator;

/// <summary>
/// Creates the bucket if it is missing, with the rule that S3 itself deletes everything after a day and aborts what was never
/// completed: should all of CloudTab stop, no file outlives its time by more than S3's own daily round.
/// </summary>
internal sealed class Bucket(
    IAmazonS3 client, [FromKeyedServices("s3")] ResiliencePipeline pipeline, IOptions<ObjectStoreOptions> options, ILogger<Bucket> logger)
{
    private const string RuleId = "cloudtab-one-day";

    private string Name => options.Value.Bucket;

    public async Task EnsureAsync(CancellationToken cancellationToken)
    {
        if (await pipeline.ExecuteAsync(async token => await CreateAsync(token), cancellationToken))
            logger.BucketCreated(Name);
        if (await pipeline.ExecuteAsync(async token => await HasRuleAsync(token), cancellationToken))
            return;
        await pipeline.ExecuteAsync(async token => await PutRuleAsync(token), cancellationToken);
        logger.LifecycleRuleSet(Name);
    }

    /// <summary>Deletes all objects. Parts of unfinished uploads are the Janitor's.</summary>
    public async Task EmptyAsync(CancellationToken cancellationToken)
    {
        while (await client.ListObjectsV2Async(new() { BucketName = Name }, cancellationToken) is { S3Objects: { Count: > 0 } found })
            await client.DeleteObjectsAsync(new() { BucketName = Name, Objects = [.. found.Select(one => new KeyVersion { Key = one.Key })] }, cancellationToken);
    }

    private async Task<bool> CreateAsync(CancellationToken cancellationToken)
    {
        try
        {
            await client.HeadBucketAsync(new() { BucketName = Name }, cancellationToken);
            return false;
        }
        catch (AmazonS3Exception missing) when (missing.StatusCode == System.Net.HttpStatusCode.NotFound)
        {
        }

        try
        {
            await client.PutBucketAsync(new PutBucketRequest { BucketName = Name }, cancellationToken);
            return true;
        }
        catch (AmazonS3Exception raced) when (raced.ErrorCode is "BucketAlreadyOwnedByYou")
        {
            return false;
        }
    }

    private async Task<bool> HasRuleAsync(CancellationToken cancellationToken)
    {
        try
        {
            var lifecycle = await client.GetLifecycleConfigurationAsync(new GetLifecycleConfigurationRequest { BucketName = Name }, cancellationToken);
            return lifecycle.Configuration?.Rules?.Exists(rule => rule.Id == RuleId) ?? false;
        }
        catch (AmazonS3Exception none) when (none.ErrorCode == "NoSuchLifecycleConfiguration")
        {
            return false;
        }
    }

    private Task<PutLifecycleConfigurationResponse> PutRuleAsync(CancellationToken cancellationToken) => client.PutLifecycleConfigurationAsync(
        new()
        {
            BucketName = Name,
            Configuration = new()
            {
                Rules =
                [
                    new()
                    {
                        Id = RuleId,
                        Status = LifecycleRuleStatus.Enabled,
                        Filter = new() { LifecycleFilterPredicate = new LifecyclePrefixPredicate { Prefix = "" } },
                        Expiration = new() { Days = 1 },
                        AbortIncompleteMultipartUpload = new() { DaysAfterInitiation = 1 },
                    },
                ],
            },
        },
        cancellationToken);
}
