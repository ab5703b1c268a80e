using Microsoft.Extensions.Hosting;

namespace CloudTab.ServiceDefaults;

/// <summary>
/// Gives memory back to the system after a burst: thousands of connections that came at once, an hour of uploads. By itself the collector has no
/// reason to run in a process that does little, and leaves what the burst took, twice of what it needs now.
/// </summary>
internal sealed class IdleMemory(TimeProvider clock) : BackgroundService
{
    // Bytes allocated since the last time: less is not worth the pause, which takes 0.1 s beside ten thousand connections.
    private const long Worth = 128 << 20;

    // Bytes allocated between two looks by a process that does little, but for the pings of all those connections.
    private const long Little = 4 << 20;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private long _collectedAt = GC.GetTotalAllocatedBytes();
    private long _seenAt;

    /// <summary>Looks at how many bytes the process has allocated since its start.</summary>
    /// <returns>Whether a burst is over.</returns>
    internal bool Look(long allocated)
    {
        var isOver = allocated - _collectedAt >= Worth && allocated - _seenAt < Little;
        _seenAt = allocated;
        if (isOver)
            _collectedAt = allocated;
        return isOver;
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            if (Look(GC.GetTotalAllocatedBytes()))
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        }
    }
}
