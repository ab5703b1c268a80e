namespace CloudTab.Client;

/// <summary>A caller's token that is also cancelled after a time, which can be set back.</summary>
internal sealed class TimeLimit : IDisposable
{
    private readonly CancellationToken _caller;
    private readonly CancellationTokenSource _timer;
    private readonly CancellationTokenSource _linked;
    private readonly TimeSpan _time;

    public TimeLimit(TimeSpan time, TimeProvider clock, CancellationToken cancellationToken)
    {
        _caller = cancellationToken;
        _time = time;
        _timer = new CancellationTokenSource(time, clock);
        _linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _timer.Token);
    }

    public CancellationToken Token => _linked.Token;

    /// <summary>Whether the time has passed, and the caller still waits.</summary>
    public bool HasPassed => _timer.IsCancellationRequested && !_caller.IsCancellationRequested;

    /// <summary>Something has moved: the time begins again.</summary>
    public void Restart() => _timer.CancelAfter(_time);

    /// <summary>No time passes until <see cref="Restart"/>.</summary>
    public void Pause() => _timer.CancelAfter(Timeout.InfiniteTimeSpan);

    public void Dispose()
    {
        _linked.Dispose();
        _timer.Dispose();
    }
}
