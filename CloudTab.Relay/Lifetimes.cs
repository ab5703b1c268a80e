using Microsoft.Extensions.Options;

namespace CloudTab.Relay;

/// <summary>The time now, in UTC, and when what begins or is renewed now ends.</summary>
public sealed class Lifetimes(TimeProvider clock, IOptions<LifetimeOptions> options)
{
    public DateTime Now => clock.Now().UtcDateTime;

    /// <summary>When a session ends whose customer is active now.</summary>
    public DateTime NextExpiry => Now + OfSession;

    /// <summary>When a claim lapses that is made or renewed now.</summary>
    public DateTime NextClaimEnd => Now.AddMilliseconds(options.Value.ClaimLease);

    /// <summary>When a file that is coming in counts as abandoned, unless its process renews it.</summary>
    public DateTime NextLeaseEnd => Now + OfUploadLease;

    /// <summary>How long a session lives after its customer's last activity.</summary>
    public TimeSpan OfSession => TimeSpan.FromMilliseconds(options.Value.SessionTimeout);

    /// <summary>How long a file lives, whatever its session does.</summary>
    public TimeSpan OfFile => TimeSpan.FromMilliseconds(options.Value.FileLifetime);

    /// <summary>How long a file that is coming in may stay without a renewal.</summary>
    public TimeSpan OfUploadLease => TimeSpan.FromMilliseconds(options.Value.UploadLease);
}
