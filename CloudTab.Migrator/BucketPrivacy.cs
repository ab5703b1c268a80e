using System.ComponentModel.DataAnnotations;
using System.Net;
using Amazon.S3;
using Amazon.S3.Model;
using CloudTab.Relay;
using Microsoft.Extensions.Options;
using Polly;

namespace CloudTab.Migrator;

/// <summary>
/// Looks whether the bucket gives away what it holds: to the public, which is refused, or to old versions of deleted objects, which is
/// a warning. Many stores lack some of these questions, and the credentials may not be allowed to ask: what cannot be told is said once.
/// </summary>
internal sealed class BucketPrivacy(
    IAmazonS3 client, [FromKeyedServices("s3")] ResiliencePipeline pipeline, IOptions<ObjectStoreOptions> options, ILogger<BucketPrivacy> logger)
{
    // The groups that stand for everybody, with an account of AWS or without.
    private static readonly string[] Everybody =
        ["http://acs.amazonaws.com/groups/global/AllUsers", "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"];

    private string Name => options.Value.Bucket;

    /// <exception cref="ValidationException">Anybody can read the bucket or write to it.</exception>
    public async Task CheckAsync(CancellationToken cancellationToken)
    {
        var unknown = new List<string>();
        var block = (await AskAsync("public access block", token => client.GetPublicAccessBlockAsync(new() { BucketName = Name }, token), unknown, cancellationToken))
            ?.PublicAccessBlockConfiguration;
        var acl = block?.IgnorePublicAcls == true
            ? null
            : await AskAsync("ACL", token => client.GetBucketAclAsync(new GetBucketAclRequest { BucketName = Name }, token), unknown, cancellationToken);
        var policy = block?.RestrictPublicBuckets == true
            ? null
            : await AskAsync("policy status", token => client.GetBucketPolicyStatusAsync(new() { BucketName = Name }, token), unknown, cancellationToken);
        if (acl?.Grants?.Exists(grant => Everybody.Contains(grant.Grantee?.URI, StringComparer.Ordinal)) == true || policy?.PolicyStatus?.IsPublic == true)
            throw new ValidationException($"The bucket {Name} is public: its ACL or its policy lets anybody in. Customers' documents do not belong there; block public access");

        var versioning = await AskAsync("versioning", token => client.GetBucketVersioningAsync(new GetBucketVersioningRequest { BucketName = Name }, token), unknown, cancellationToken);
        if (versioning?.VersioningConfig?.Status == VersionStatus.Enabled)
            logger.BucketKeepsVersions(Name);
        if (unknown.Count > 0)
            logger.BucketNotChecked(Name, string.Join(", ", unknown));
    }

    /// <returns>Null if there is nothing of the kind, or if the store does not tell.</returns>
    private async Task<T?> AskAsync<T>(string what, Func<CancellationToken, Task<T>> ask, List<string> unknown, CancellationToken cancellationToken)
        where T : class
    {
        try
        {
            return await pipeline.ExecuteAsync(async token => await ask(token), cancellationToken);
        }
        catch (AmazonS3Exception none) when (none.ErrorCode is "NoSuchPublicAccessBlockConfiguration" or "NoSuchBucketPolicy")
        {
            return null;
        }
        catch (AmazonS3Exception refused) when (refused.StatusCode is HttpStatusCode.NotImplemented or >= HttpStatusCode.BadRequest and < HttpStatusCode.InternalServerError)
        {
            unknown.Add(what);
            return null;
        }
    }
}
