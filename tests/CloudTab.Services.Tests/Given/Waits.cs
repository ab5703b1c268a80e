using System.Runtime.CompilerServices;

namespace CloudTab.Services.Tests;

/// <summary>Waits of the running test. In scope everywhere in this project.</summary>
internal static class Waits
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    /// <summary>The test's token, cancelled after a minute at most: for waits that have no condition to poll.</summary>
    public static CancellationTokenSource Bounded()
    {
        var bounded = CancellationTokenSource.CreateLinkedTokenSource(Token);
        bounded.CancelAfter(Limit);
        return bounded;
    }

    /// <summary>Waits until a condition holds, a minute at most.</summary>
    public static async Task UntilAsync(Func<Task<bool>> condition, [CallerArgumentExpression(nameof(condition))] string? what = null)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < Limit, $"Not within {Limit}: {what}");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Token);
        }
    }

    /// <summary>Waits until a condition holds, a minute at most.</summary>
    public static Task UntilAsync(Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string? what = null) =>
        UntilAsync(() => Task.FromResult(condition()), what);
}
