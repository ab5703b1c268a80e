using System.ComponentModel.DataAnnotations;
using Amazon.S3;
using Microsoft.Extensions.Configuration;

namespace CloudTab.Relay;

/// <summary>Where S3 is and how much memory bytes on their way to it may take. The AWS names are those of AWS's own tools.</summary>
public sealed class ObjectStoreOptions
{
    /// <summary>The bucket (AWS_S3_BUCKET). Only CloudTab may use it: what has no row in the database is deleted from it.</summary>
    [ConfigurationKeyName("AWS_S3_BUCKET")]
    [Required(ErrorMessage = "AWS_S3_BUCKET is not set: name the bucket that files go to")]
    public string Bucket { get; set; } = "";

    /// <summary>Region (AWS_REGION, default us-east-1).</summary>
    [ConfigurationKeyName("AWS_REGION")]
    [Required]
    public string Region { get; set; } = "us-east-1";

    /// <summary>Another endpoint than AWS's (AWS_ENDPOINT_URL_S3), addressed path-style.</summary>
    [ConfigurationKeyName("AWS_ENDPOINT_URL_S3")]
    [Url(ErrorMessage = "AWS_ENDPOINT_URL_S3 is not an http or https address")]
    public string? Endpoint { get; set; }

    /// <summary>What presigned links begin with: they name the endpoint that the services use.</summary>
    internal Protocol LinkProtocol =>
        Endpoint is not null && Endpoint.StartsWith("http://", StringComparison.OrdinalIgnoreCase) ? Protocol.HTTP : Protocol.HTTPS;

    /// <summary>Access key (AWS_ACCESS_KEY_ID); if it is not set, the SDK looks for credentials in its usual places.</summary>
    [ConfigurationKeyName("AWS_ACCESS_KEY_ID")]
    public string? AccessKey { get; set; }

    /// <summary>Secret of the access key (AWS_SECRET_ACCESS_KEY).</summary>
    [ConfigurationKeyName("AWS_SECRET_ACCESS_KEY")]
    public string? SecretKey { get; set; }

    /// <summary>
    /// Whether the signature of what is sent to S3 covers the bytes too, not only the headers (S3_SIGN_PAYLOADS, default false). For
    /// stores and bucket policies that demand it: it costs a second SHA-256 of every byte.
    /// </summary>
    [ConfigurationKeyName("S3_SIGN_PAYLOADS")]
    public bool SignsPayloads { get; set; }

    /// <summary>
    /// Bytes that all uploads of the process may hold in memory at once (UPLOAD_MEMORY, default 268,435,456 = 256 MiB). An upload
    /// that gets no buffer waits and reads nothing from its connection. Too small, and uploads queue; too large, and the process
    /// outgrows its container.
    /// </summary>
    [ConfigurationKeyName("UPLOAD_MEMORY")]
    [Range(ObjectUpload.PartSize, 1L << 40)]
    public long UploadMemory { get; set; } = 256 << 20;

    /// <summary>
    /// Uploads of one client address that fill memory at once (UPLOADS_PER_ADDRESS, default 8); its others wait, as they do beyond an
    /// eighth of UPLOAD_MEMORY. Too small, and customers who share an address wait for each other; too large, and the connections of one
    /// address slow down those of others.
    /// </summary>
    [ConfigurationKeyName("UPLOADS_PER_ADDRESS")]
    [Range(1, 10_000)]
    public int UploadsPerAddress { get; set; } = 8;

    /// <summary>
    /// Bytes a second that an upload must bring to keep its memory while others wait for some (UPLOAD_MINIMUM_RATE, default 65,536).
    /// The slowest below it is ended first; while no upload waits for memory, none is ended. Too small, and slow uploads hold up fast
    /// ones; too large, and customers with a poor connection are sent away in the rush hour.
    /// </summary>
    [ConfigurationKeyName("UPLOAD_MINIMUM_RATE")]
    [Range(1, 1L << 30)]
    public long MinimumRate { get; set; } = 65_536;
}
