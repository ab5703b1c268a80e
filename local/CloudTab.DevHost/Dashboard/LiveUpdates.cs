using System.Runtime.CompilerServices;
using Microsoft.Extensions.Hosting;

namespace CloudTab.DevHost.Dashboard;

/// <summary>
/// The beat of the streams to the page. Each looks four times a second for what is new: ingestion then need not know who watches, a burst
/// of changes is one event, and while nobody looks there is no beat at all.
/// </summary>
internal sealed class LiveUpdates(TimeProvider time, IHostApplicationLifetime lifetime)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    /// <summary>Ends with the dashboard.</summary>
    public CancellationToken Stopping => lifetime.ApplicationStopping;

    /// <summary>At once, then at each beat, until the page is gone or the dashboard stops.</summary>
    public async IAsyncEnumerable<int> TicksAsync([EnumeratorCancellation] CancellationToken gone)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(gone, Stopping);
        using var timer = new PeriodicTimer(Interval, time);
        for (var tick = 0; !end.IsCancellationRequested; tick++)
        {
            yield return tick;
            try
            {
                await timer.WaitForNextTickAsync(end.Token);
            }
            catch (OperationCanceledException)
            {
                yield break;
            }
        }
    }
}
