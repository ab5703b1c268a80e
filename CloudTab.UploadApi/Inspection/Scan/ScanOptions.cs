using System.ComponentModel.DataAnnotations;
using System.Net;

namespace CloudTab.UploadApi;

/// <summary>The virus scanner.</summary>
internal sealed class ScanOptions : IValidatableObject
{
    /// <summary>
    /// Where clamd listens (CLAMD_ADDRESS, such as `clamd:3310`; not set: files are not scanned). The connection is not encrypted and
    /// clamd knows no passwords: it belongs on a network that only the UploadApi reaches.
    /// </summary>
    [ConfigurationKeyName("CLAMD_ADDRESS")]
    public string? Address { get; set; }

    /// <summary>
    /// Whether a file may be stored only after clamd has judged it (SCAN_REQUIRED, default false). True: while clamd is away the UploadApi
    /// is not ready and answers 503, and a file that clamd cannot scan is refused. False: both are stored as `unscanned`.
    /// </summary>
    [ConfigurationKeyName("SCAN_REQUIRED")]
    public bool Required { get; set; }

    /// <summary>
    /// Milliseconds from a file's last byte in which it must be scanned, the wait for a free connection included (SCAN_TIME_LIMIT, default
    /// 60,000). Beyond it clamd counts as away. Too small, and large files are never scanned; too large, and a clamd that hangs holds up
    /// every upload for as long.
    /// </summary>
    [ConfigurationKeyName("SCAN_TIME_LIMIT")]
    [Range(1_000, 240_000)]
    public long TimeLimit { get; set; } = 60_000;

    /// <summary>Host and port of clamd, or null if files are not scanned.</summary>
    public DnsEndPoint? Endpoint =>
        Uri.TryCreate($"tcp://{Address}", UriKind.Absolute, out var uri) && uri.Host.Length > 0 && uri.Port > 0 ? new(uri.IdnHost, uri.Port) : null;

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!string.IsNullOrEmpty(Address) && Endpoint is null)
            yield return new("CLAMD_ADDRESS is not of the form host:port");
        if (Required && string.IsNullOrEmpty(Address))
            yield return new("SCAN_REQUIRED is true, but CLAMD_ADDRESS names no scanner");
    }
}
