using CloudTab.Relay;

namespace CloudTab.Janitor;

/// <summary>Removes what is marked from S3: what the services could not, because S3 was away or they died.</summary>
internal sealed class RemoveFiles(Removal removal)
{
    public async Task<Batch> RunOnceAsync(CancellationToken cancellationToken)
    {
        var batch = await removal.RemoveBatchAsync(cancellationToken);
        return new(batch.Removed, batch.IsFull, batch.Refused);
    }

    /// <summary>
    /// Removes all that is marked, for a duty that has just marked something. If S3 is away that duty is done all the same: the loop
    /// around this one logs the outage and catches up.
    /// </summary>
    public async Task TryRunAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (await RunOnceAsync(cancellationToken) is { More: true })
            {
            }
        }
        catch (Exception outage) when (Outage.Is(outage))
        {
        }
    }
}
