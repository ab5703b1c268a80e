using System.Net;
using System.Threading.RateLimiting;

namespace CloudTab.UploadApi;

/// <summary>
/// The places in which this process looks into documents and pictures: a hostile one takes up to 30 MiB of memory meanwhile, and many reads from
/// S3. An address has two of them, and its other files wait in their order. So in the line for all places no address has more than two either:
/// that line serves addresses in turn, and a neighbour does not wait for all that one address has sent.
/// </summary>
internal sealed class InspectionPlaces : IDisposable
{
    public const int InAll = 6;
    public const int OfAddress = 2;

    private readonly PartitionedRateLimiter<IPAddress> _ofAddress =
        PartitionedRateLimiter.Create<IPAddress, IPAddress>(client => RateLimitPartition.GetConcurrencyLimiter(client, _ => Places(OfAddress)));

    private readonly ConcurrencyLimiter _all = new(Places(InAll));

    /// <summary>How many files of an address wait for one of its places.</summary>
    public long WaitingOf(IPAddress client) => _ofAddress.GetStatistics(client)?.CurrentQueuedCount ?? 0;

    /// <summary>Takes a place, once there is one. Disposing what is returned leaves it.</summary>
    public async Task<IDisposable> EnterAsync(IPAddress client, CancellationToken cancellationToken)
    {
        var ofAddress = await _ofAddress.AcquireAsync(client, cancellationToken: cancellationToken);
        try
        {
            return new Place(ofAddress, await _all.AcquireAsync(cancellationToken: cancellationToken));
        }
        catch
        {
            ofAddress.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _ofAddress.Dispose();
        _all.Dispose();
    }

    private static ConcurrencyLimiterOptions Places(int places) => new() { PermitLimit = places, QueueLimit = int.MaxValue };

    private sealed record Place(RateLimitLease OfAddress, RateLimitLease OfAll) : IDisposable
    {
        public void Dispose()
        {
            OfAll.Dispose();
            OfAddress.Dispose();
        }
    }
}
