using System.ComponentModel.DataAnnotations;

namespace CloudTab.LocalS3;

/// <summary>LocalS3's settings, each under the name of its environment variable. A bad value stops the start.</summary>
internal sealed class LocalS3Options
{
    /// <summary>The folder that holds everything; created if absent. One running LocalS3 per folder.</summary>
    [ConfigurationKeyName("LOCALS3_DATA"), Required(ErrorMessage = "LOCALS3_DATA must name the folder to keep objects in")]
    public string DataFolder { get; set; } = "";

    /// <summary>The only key pair that is accepted. Anonymous requests are refused.</summary>
    [ConfigurationKeyName("AWS_ACCESS_KEY_ID"), Required(ErrorMessage = "AWS_ACCESS_KEY_ID must be set")]
    public string AccessKeyId { get; set; } = "";

    /// <summary>The secret of <see cref="AccessKeyId"/>.</summary>
    [ConfigurationKeyName("AWS_SECRET_ACCESS_KEY"), Required(ErrorMessage = "AWS_SECRET_ACCESS_KEY must be set")]
    public string SecretAccessKey { get; set; } = "";

    /// <summary>Requests signed for another region are refused.</summary>
    [ConfigurationKeyName("AWS_REGION"), RegularExpression("^[a-z0-9-]+$", ErrorMessage = "AWS_REGION must be a region's name, such as us-east-1")]
    public string Region { get; set; } = "us-east-1";
}
