namespace CloudTab.Client;

/// <summary>How often, and after which pauses, one call or transfer is tried again.</summary>
internal sealed class Retries(CloudTabClientOptions options)
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(200);

    private int _tried;

    /// <summary>Begins to count anew: the transfer has moved on.</summary>
    public void Reset() => _tried = 0;

    /// <summary>The pause before the next try, or null if there is none.</summary>
    public TimeSpan? Next(Exception failure)
    {
        if (_tried >= options.MaxRetries)
            return null;
        var pause = Pause((failure as CloudTabException)?.RetryAfter, First, options.MaxRetryDelay, _tried);
        if (pause > options.MaxRetryDelay)
            return null;
        _tried++;
        return pause;
    }

    /// <summary>A pause that doubles with each attempt. Half of it is random: many clients that lost the same relay do not come back at once.</summary>
    /// <param name="attempt">0 for the first.</param>
    public static TimeSpan Pause(TimeSpan first, TimeSpan longest, int attempt)
    {
        var whole = Math.Min(longest.TotalMilliseconds, first.TotalMilliseconds * Math.Pow(2, Math.Min(attempt, 30)));
#pragma warning disable CA5394 // Nobody gains anything by guessing a pause.
        return TimeSpan.FromMilliseconds(whole * (0.5 + (Random.Shared.NextDouble() / 2)));
#pragma warning restore CA5394
    }

    /// <summary>The pause that was asked for, or one that doubles. A date that is past by this clock would be no pause at all: then it is the first one.</summary>
    public static TimeSpan Pause(TimeSpan? asked, TimeSpan first, TimeSpan longest, int attempt) =>
        asked > TimeSpan.Zero ? asked.Value : Pause(first, longest, asked is null ? attempt : 0);

    /// <summary>Whether the same call can succeed a moment later: the network failed, or the relay says so.</summary>
    public static bool IsTransient(Exception failure) => failure switch
    {
        CloudTabException refusal => refusal.IsTransient,
        HttpRequestException or IOException or TimeoutException => true,
        _ => false,
    };
}
