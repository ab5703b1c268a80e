namespace CloudTab.Gateway;

/// <summary>Counts clients that leave before their answer, for one line a minute: phones lose their network all the time.</summary>
internal sealed class Departures(TimeProvider clock)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private long? _reportedAt;
    private int _count;

    /// <summary>Counts one.</summary>
    /// <returns>How many to tell of now; null if that was done within the last minute.</returns>
    public int? Add()
    {
        lock (_lock)
        {
            _count++;
            if (_reportedAt is { } before && clock.GetElapsedTime(before) < Interval)
                return null;
            var count = _count;
            (_reportedAt, _count) = (clock.GetTimestamp(), 0);
            return count;
        }
    }
}
