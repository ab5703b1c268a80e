namespace CloudTab.Services.Tests;

/// <summary>
/// The system's clock, moved forward by a test, so that sessions and leases expire at once. Timers still run on real
/// time, so that loops, sockets and retries of the services run as usual.
/// </summary>
public sealed class ShiftedClock : TimeProvider
{
    private long _shift;
    private DateTimeOffset? _stopped;

    public override DateTimeOffset GetUtcNow() => (_stopped ?? base.GetUtcNow()) + TimeSpan.FromTicks(Interlocked.Read(ref _shift));

    /// <summary>From now on only <see cref="Advance"/> moves it: for a test of what is due when, however slow the machine is.</summary>
    public void Stop() => _stopped = base.GetUtcNow();

    public void Advance(TimeSpan by) => Interlocked.Add(ref _shift, by.Ticks);
}
