namespace CloudTab.Services.Tests;

/// <summary>
/// The system's clock, moved forward by a test, so that sessions and leases expire at once. Timers still run on real
/// time, so that loops, sockets and retries of the services run as usual.
/// </summary>
public sealed class ShiftedClock : TimeProvider
{
    private long _shift;

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + TimeSpan.FromTicks(Interlocked.Read(ref _shift));

    public void Advance(TimeSpan by) => Interlocked.Add(ref _shift, by.Ticks);
}
