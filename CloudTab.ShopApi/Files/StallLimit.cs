using CloudTab.Relay;

namespace CloudTab.ShopApi;

/// <summary>Reads from S3 within a time: one that stalls shall not hold a connection for ever.</summary>
internal static class StallLimit
{
    // For each read, not for the download.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    /// <exception cref="TimeoutException">S3 sent nothing for too long.</exception>
    public static async ValueTask<int> ReadAsync(StoredObjectStream bytes, Memory<byte> buffer, TimeProvider clock, CancellationToken cancellationToken)
    {
        using var limit = clock.Limit(Limit, cancellationToken);
        try
        {
            return await bytes.ReadAsync(buffer, limit.Token);
        }
        catch (OperationCanceledException stall) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"S3 sent nothing for {Limit}.", stall);
        }
    }
}
