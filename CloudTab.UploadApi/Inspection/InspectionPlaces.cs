using System.Net;
using System.Threading.RateLimiting;
using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>
/// The places in which this process looks into documents and pictures: a hostile one takes up to 30 MiB of memory meanwhile, and many reads from
/// S3. An address has two of them, and its other files wait in their order. So in the line for all places no address has more than two either:
/// that line serves addresses in turn, and a neighbour does not wait for all that one address has sent. Nor does it for what a dozen addresses
/// have: with two files each that all take <see cref="FileTypes.LookLimit"/>, they are through in two minutes.
/// </summary>
internal sealed class InspectionPlaces(TimeProvider clock) : IDisposable
{
    public const int InAll = 6;
    public const int OfAddress = 2;

    /// <summary>
    /// How long a file waits for its place. Nothing moves meanwhile, nor while it is looked into and scanned: all that has to end before the gateway
    /// gives the request up, after five minutes.
    /// </summary>
    public static readonly TimeSpan WaitLimit = TimeSpan.FromMinutes(3);

    private readonly PartitionedRateLimiter<IPAddress> _ofAddress =
        PartitionedRateLimiter.Create<IPAddress, IPAddress>(client => RateLimitPartition.GetConcurrencyLimiter(client, _ => Places(OfAddress)));

    private readonly ConcurrencyLimiter _all = new(Places(InAll));

    /// <summary>How many files of an address wait for one of its places.</summary>
    public long WaitingOf(IPAddress client) => _ofAddress.GetStatistics(client)?.CurrentQueuedCount ?? 0;

    /// <summary>Takes a place, once there is one. Disposing what is returned leaves it.</summary>
    /// <exception cref="TimeoutException">There was none in time.</exception>
    public async Task<IDisposable> EnterAsync(IPAddress client, CancellationToken cancellationToken)
    {
        using var limit = clock.Limit(WaitLimit, cancellationToken);
        try
        {
            return await AcquireAsync(client, limit.Token);
        }
        catch (OperationCanceledException late) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException("There was no place to look into a file.", late);
        }
    }

    public void Dispose()
    {
        _ofAddress.Dispose();
        _all.Dispose();
    }

    private async Task<Place> AcquireAsync(IPAddress client, CancellationToken cancellationToken)
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
