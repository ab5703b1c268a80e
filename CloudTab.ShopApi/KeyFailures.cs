using System.Net;
using System.Threading.RateLimiting;
using CloudTab.ServiceDefaults;
using Microsoft.Extensions.Options;

namespace CloudTab.ShopApi;

/// <summary>
/// Counts the wrong keys of each client address. Beyond the limit no key of that address is looked up, right or wrong: otherwise
/// the answer would still tell a guesser which one was right.
/// </summary>
internal sealed class KeyFailures : IDisposable
{
    private const int DefaultLimit = 30;
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private readonly PartitionedRateLimiter<IPAddress> _limiter;

    public KeyFailures(IOptions<ShopOptions> options, IHostEnvironment environment)
    {
        var limit = options.Value.KeyFailuresPerMinute ?? (environment.IsDevelopment() ? null : DefaultLimit as int?);
        _limiter = PartitionedRateLimiter.Create<IPAddress, IPAddress>(address => limit is { } permits
            ? RateLimitPartition.GetFixedWindowLimiter(address, _ => new() { PermitLimit = permits, Window = Window })
            : RateLimitPartition.GetNoLimiter(address));
    }

    /// <summary>How long an address has to wait before its keys are looked at again, or null where they are.</summary>
    public TimeSpan? WaitOf(IPAddress? address)
    {
        // Asking for no permit takes none, and fails where none is left.
        using var lease = _limiter.AttemptAcquire(ClientNetwork.Of(address), permitCount: 0);
        if (lease.IsAcquired)
            return null;
        return lease.TryGetMetadata(MetadataName.RetryAfter, out var wait) ? wait : Window;
    }

    /// <summary>Counts a wrong key.</summary>
    public void Add(IPAddress? address) => _limiter.AttemptAcquire(ClientNetwork.Of(address)).Dispose();

    public void Dispose() => _limiter.Dispose();
}
