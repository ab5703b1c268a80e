namespace CloudTab.Relay;

/// <summary>Time limits by the clock that the services are given.</summary>
public static class TimeLimits
{
    /// <summary>Begins a time limit. Its token is also cancelled with any of these; <see cref="CancellationTokenSource.CancelAfter(TimeSpan)"/> moves the limit.</summary>
    public static CancellationTokenSource Limit(this TimeProvider clock, TimeSpan time, params ReadOnlySpan<CancellationToken> tokens) =>
        new LinkedLimit(clock, time, tokens);

    // The framework links tokens without a clock, or takes a clock without tokens.
    private sealed class LinkedLimit : CancellationTokenSource
    {
        private readonly CancellationTokenRegistration[] _links;

        public LinkedLimit(TimeProvider clock, TimeSpan time, ReadOnlySpan<CancellationToken> tokens)
            : base(time, clock)
        {
            _links = new CancellationTokenRegistration[tokens.Length];
            for (var i = 0; i < tokens.Length; i++)
                _links[i] = tokens[i].UnsafeRegister(static limit => ((CancellationTokenSource)limit!).Cancel(), this);
        }

        protected override void Dispose(bool disposing)
        {
            foreach (var link in _links)
                link.Dispose();
            base.Dispose(disposing);
        }
    }
}
