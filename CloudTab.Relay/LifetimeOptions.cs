using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Configuration;

namespace CloudTab.Relay;

/// <summary>How long sessions, claims and files live.</summary>
public sealed class LifetimeOptions
{
    /// <summary>
    /// Milliseconds from a customer's last activity to the end of the session (SESSION_TIMEOUT, default 1,800,000 = 30 min). Too
    /// short, and files are gone before the customer reaches the counter.
    /// </summary>
    [ConfigurationKeyName("SESSION_TIMEOUT")]
    [Range(1_000, 86_400_000)]
    public long SessionTimeout { get; set; } = 1_800_000;

    /// <summary>Milliseconds from upload to deletion of a file, whatever its session does (FILE_LIFETIME, default 86,400,000 = 24 h).</summary>
    [ConfigurationKeyName("FILE_LIFETIME")]
    [Range(1_000, 86_400_000)]
    public long FileLifetime { get; set; } = 86_400_000;

    /// <summary>
    /// Milliseconds that a claim holds without a download, a preview, a report of a print or another claim, unless a file is at the printer
    /// (CLAIM_LEASE, default 600,000 = 10 min). Too short, and a second PC takes over a job that is being printed; too long, and the job of a
    /// PC that broke waits.
    /// </summary>
    [ConfigurationKeyName("CLAIM_LEASE")]
    [Range(1_000, 86_400_000)]
    public long ClaimLease { get; set; } = 600_000;

    /// <summary>
    /// Milliseconds after which an upload whose process no longer renews it counts as abandoned (UPLOAD_LEASE, default 60,000).
    /// Renewed at a third of it.
    /// </summary>
    [ConfigurationKeyName("UPLOAD_LEASE")]
    [Range(1_000, 3_600_000)]
    public long UploadLease { get; set; } = 60_000;
}
