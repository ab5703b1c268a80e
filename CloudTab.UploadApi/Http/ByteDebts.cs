namespace CloudTab.UploadApi;

/// <summary>
/// How many bytes each key (an address, a shop) has been charged beyond what its quota has paid off since. A key that owes a minute's
/// quota has used it up.
/// </summary>
/// <param name="perMinute">The quota, or null if there is none.</param>
internal sealed class ByteDebts<TKey>(long? perMinute, TimeProvider clock)
    where TKey : notnull
{
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<TKey, TimeSpan> _paidAt = []; // when everything that was charged is paid off
    private TimeSpan _sweepAt;

    private TimeSpan Now => clock.GetElapsedTime(0);

    /// <summary>How long a key has to wait until it may begin something; zero or less if it need not.</summary>
    /// <param name="own">Bytes of the debt that do not count.</param>
    public TimeSpan WaitOf(TKey key, long own = 0)
    {
        if (perMinute is null)
            return TimeSpan.Zero;
        lock (_lock)
        {
            Sweep();
            return _paidAt.GetValueOrDefault(key) - Now - Window - TimeToPay(own);
        }
    }

    /// <summary>Charges a key for bytes that have come.</summary>
    public void Charge(TKey key, long bytes)
    {
        if (perMinute is null)
            return;
        lock (_lock)
        {
            var paidAt = _paidAt.GetValueOrDefault(key);
            _paidAt[key] = (paidAt > Now ? paidAt : Now) + TimeToPay(bytes);
        }
    }

    private TimeSpan TimeToPay(long bytes) => Window * ((double)bytes / perMinute!.Value);

    // Once a minute, forgets keys that owe nothing.
    private void Sweep()
    {
        if (Now < _sweepAt)
            return;
        _sweepAt = Now + Window;
        foreach (var (key, paidAt) in _paidAt)
        {
            if (paidAt <= Now)
                _paidAt.Remove(key);
        }
    }
}
