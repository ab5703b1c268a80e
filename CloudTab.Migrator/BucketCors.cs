using Amazon.S3;
using Amazon.S3.Model;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.Extensions.Options;
using Polly;

namespace CloudTab.Migrator;

/// <summary>
/// Lets pages of ALLOWED_ORIGINS send parts to presigned links, if DIRECT_UPLOADS is on. Otherwise the bucket's CORS is left alone:
/// changing it takes permissions that are not needed then, and a rule that is left over opens nothing without a link.
/// </summary>
internal sealed class BucketCors(
    IAmazonS3 client,
    [FromKeyedServices("s3")] ResiliencePipeline pipeline,
    IOptions<ObjectStoreOptions> store,
    IOptions<DirectOptions> direct,
    IOptions<OriginOptions> allowed,
    ILogger<BucketCors> logger)
{
    private const string RuleId = "cloudtab-direct-uploads";
    private const int PreflightSeconds = 3_600;

    private string Bucket => store.Value.Bucket;

    public async Task EnsureAsync(CancellationToken cancellationToken)
    {
        var origins = allowed.Value.Origins;
        if (!direct.Value.Enabled || origins.Count == 0)
            return;
        var rules = await pipeline.ExecuteAsync(async token => await RulesAsync(token), cancellationToken);
        if (rules.Exists(rule => rule.Id == RuleId && origins.ToHashSet(StringComparer.Ordinal).SetEquals(rule.AllowedOrigins)))
            return;
        var all = new CORSConfiguration { Rules = [.. rules.Where(rule => rule.Id != RuleId), RuleFor(origins)] };
        await pipeline.ExecuteAsync(async token => await client.PutCORSConfigurationAsync(Bucket, all, token), cancellationToken);
        logger.CorsRuleSet(Bucket, string.Join(", ", origins));
    }

    private async Task<List<CORSRule>> RulesAsync(CancellationToken cancellationToken)
    {
        try
        {
            return (await client.GetCORSConfigurationAsync(Bucket, cancellationToken)).Configuration.Rules;
        }
        catch (AmazonS3Exception none) when (none.ErrorCode == "NoSuchCORSConfiguration")
        {
            return [];
        }
    }

    // A browser adds Content-Type by itself if a file has one.
    private static CORSRule RuleFor(IReadOnlyList<string> origins) => new()
    {
        Id = RuleId,
        AllowedOrigins = [.. origins],
        AllowedMethods = ["PUT"],
        AllowedHeaders = [DirectParts.ChecksumHeader, "content-type"],
        MaxAgeSeconds = PreflightSeconds,
    };
}
