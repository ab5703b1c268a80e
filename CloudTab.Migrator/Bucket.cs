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
        var rules = await pipeline.ExecuteAsync(async token => await RulesAsync(token), cancellationToken);
        if (rules.Exists(IsOneDay))
            return;
        // S3 replaces all rules at once: those of the operator stay.
        var all = new PutLifecycleConfigurationRequest
        {
            BucketName = Name,
            Configuration = new() { Rules = [.. rules.Where(rule => rule.Id != RuleId), OneDay()] },
        };
        await pipeline.ExecuteAsync(async token => await client.PutLifecycleConfigurationAsync(all, token), cancellationToken);
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

    private async Task<List<LifecycleRule>> RulesAsync(CancellationToken cancellationToken)
    {
        try
        {
            var lifecycle = await client.GetLifecycleConfigurationAsync(new GetLifecycleConfigurationRequest { BucketName = Name }, cancellationToken);
            return lifecycle.Configuration?.Rules ?? [];
        }
        catch (AmazonS3Exception none) when (none.ErrorCode == "NoSuchLifecycleConfiguration")
        {
            return [];
        }
    }

    // Old versions too: on a bucket that keeps them, deleting an object only hides it.
    private static LifecycleRule OneDay() => new()
    {
        Id = RuleId,
        Status = LifecycleRuleStatus.Enabled,
        Filter = new() { LifecycleFilterPredicate = new LifecyclePrefixPredicate { Prefix = "" } },
        Expiration = new() { Days = 1 },
        NoncurrentVersionExpiration = new() { NoncurrentDays = 1 },
        AbortIncompleteMultipartUpload = new() { DaysAfterInitiation = 1 },
    };

    private static bool IsOneDay(LifecycleRule rule) => rule.Id == RuleId
        && rule.Status == LifecycleRuleStatus.Enabled
        && rule.Expiration?.Days == 1
        && rule.NoncurrentVersionExpiration?.NoncurrentDays == 1
        && rule.AbortIncompleteMultipartUpload?.DaysAfterInitiation == 1;
}
