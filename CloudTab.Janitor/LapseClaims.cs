using CloudTab.Relay;
using Microsoft.Extensions.Options;

namespace CloudTab.Janitor;

/// <summary>Gives sessions back to their shop whose claim was not renewed in time: the PC that held it is gone.</summary>
internal sealed class LapseClaims(Expiry expiry, IOptions<JanitorOptions> options)
{
    public async Task<Batch> RunOnceAsync(CancellationToken cancellationToken)
    {
        var lapsed = await expiry.LapseClaimsAsync(options.Value.BatchSize, cancellationToken);
        return new(lapsed, More: lapsed == options.Value.BatchSize);
    }
}
