namespace CloudTab.ServiceDefaults;

/// <summary>
/// An answer that is asked for once at a time and kept for a second, whatever it says, so that asking often costs nothing. Others that ask
/// meanwhile wait for the same answer; the one that began it may leave.
/// </summary>
public sealed class KeptAnswer<T>(Func<Task<T>> ask, TimeProvider clock)
{
    private static readonly TimeSpan KeptFor = TimeSpan.FromSeconds(1);

    private readonly Lock _asking = new();
    private Task<T>? _answer;
    private long _asked;

    /// <summary>The answer that is kept, or that is asked for now.</summary>
    public Task<T> GetAsync()
    {
        lock (_asking)
        {
            if (_answer is null || (_answer.IsCompleted && clock.GetElapsedTime(_asked) > KeptFor))
            {
                _asked = clock.GetTimestamp();
                _answer = ask();
            }

            return _answer;
        }
    }
}
