using CloudTab.Client;

namespace CloudTab.Clients.Tests;

/// <summary>Reads events one after the other, with a limit.</summary>
internal sealed class Listener(IAsyncEnumerable<ShopEvent> events) : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private readonly IAsyncEnumerator<ShopEvent> _events = events.GetAsyncEnumerator(TestContext.Current.CancellationToken);

    /// <summary>The next event of a kind; others are skipped.</summary>
    public Task<T> NextAsync<T>()
        where T : ShopEvent => NextAsync<T>(_ => true);

    public async Task<T> NextAsync<T>(Func<T, bool> isWanted)
        where T : ShopEvent
    {
        while (true)
        {
            Assert.True(await _events.MoveNextAsync().AsTask().WaitAsync(Limit, TestContext.Current.CancellationToken));
            if (_events.Current is T wanted && isWanted(wanted))
                return wanted;
        }
    }

    public ValueTask DisposeAsync() => _events.DisposeAsync();
}
