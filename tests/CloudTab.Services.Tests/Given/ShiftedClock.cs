namespace CloudTab.Services.Tests;

/// <summary>
/// The system's clock, moved forward by as much as a test says: sessions and leases pass their time at once. Timers still run on real
/// time, so that loops, sockets and retries of the services live on as they would.
/// </summary>
public sealed class ShiftedClock : TimeProvider
{
    private long _shift;

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + TimeSpan.FromTicks(Interlocked.Read(ref _shift));

    public void Advance(TimeSpan by) => Interlocked.Add(ref _shift, by.Ticks);
}
