using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Configuration;

namespace CloudTab.ServiceDefaults;

/// <summary>How a service ends.</summary>
public sealed class ShutdownOptions
{
    /// <summary>
    /// Milliseconds that running requests have to finish after SIGTERM (SHUTDOWN_TIMEOUT, default 30,000). Too short cuts uploads
    /// that would have made it; longer than the orchestrator's own limit is never reached.
    /// </summary>
    [ConfigurationKeyName("SHUTDOWN_TIMEOUT")]
    [Range(0, 3_600_000)]
    public int ShutdownTimeout { get; set; } = 30_000;
}
