using System.Collections.Concurrent;
using System.Reflection;
using Xunit.v3;

[assembly: CloudTab.Testing.NoTestHangs]

namespace CloudTab.Testing;

/// <summary>
/// Ends a test program whose test takes longer than any should, and names the test. Without this one promise that never settles, in a browser
/// for example, would hold up the whole run.
/// </summary>
[AttributeUsage(AttributeTargets.Assembly)]
internal sealed class NoTestHangsAttribute : BeforeAfterTestAttribute
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(8);

    private readonly ConcurrentDictionary<string, ITimer> _running = new(StringComparer.Ordinal);

    public override void Before(MethodInfo methodUnderTest, IXunitTest test) => _running[test.UniqueID] = TimeProvider.System.CreateTimer(
        _ => Environment.FailFast($"{test.TestDisplayName} has not ended within {Longest}."), state: null, Longest, Timeout.InfiniteTimeSpan);

    public override void After(MethodInfo methodUnderTest, IXunitTest test)
    {
        if (_running.TryRemove(test.UniqueID, out var timer))
            timer.Dispose();
    }
}
