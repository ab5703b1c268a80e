using Amazon.Runtime;
using Amazon.S3;

namespace CloudTab.Testing;

/// <summary>An S3 endpoint and the keys that open it; path-style.</summary>
public sealed record S3Endpoint(Uri Address, string AccessKeyId, string SecretAccessKey, string Region = "us-east-1")
{
    /// <summary>A client that is set up as CloudTab's own.</summary>
    public AmazonS3Client CreateClient(Action<AmazonS3Config>? configure = null)
    {
        var config = new AmazonS3Config
        {
            ServiceURL = Address.ToString(),
            AuthenticationRegion = Region,
            ForcePathStyle = true,
            // Ceph before version 18 refuses the checksums that the SDK adds by default.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
        };
        configure?.Invoke(config);
        return new(new BasicAWSCredentials(AccessKeyId, SecretAccessKey), config);
    }
}
