using Microsoft.Extensions.Configuration;

namespace CloudTab.Relay;

/// <summary>Whether clients may send bytes to S3 past the services.</summary>
public sealed class DirectOptions
{
    /// <summary>
    /// Whether they may (DIRECT_UPLOADS, default false). AWS_ENDPOINT_URL_S3 must then be an address that clients reach; pages of
    /// ALLOWED_ORIGINS may send, once the Migrator has told the bucket of them.
    /// </summary>
    [ConfigurationKeyName("DIRECT_UPLOADS")]
    public bool Enabled { get; set; }
}
