using CloudTab.Relay;

namespace CloudTab.Janitor;

/// <summary>Makes the receipts of sessions whose files are all gone, where the process that deleted the last of them did not.</summary>
internal sealed class IssueReceipts(Receipts receipts)
{
    public async Task<Batch> RunOnceAsync(CancellationToken cancellationToken)
    {
        var issued = await receipts.IssueAsync(session: null, cancellationToken);
        return new(issued, More: issued == Receipts.BatchSize);
    }
}
