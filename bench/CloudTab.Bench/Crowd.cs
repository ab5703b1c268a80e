using System.Collections.Concurrent;
using System.Diagnostics;

namespace CloudTab.Bench;

/// <summary>Listeners that connect all at once, to one server and then to another.</summary>
/// <param name="create">Makes one, by its number from 0.</param>
internal sealed class Crowd(Server server, Func<Crowd, int, Listener> create) : IAsyncDisposable
{
    private readonly List<Task> _running = [];
    private readonly Countdown _ready = new();
    private readonly Countdown _told = new();
    private readonly Countdown _closed = new();
    private readonly ConcurrentDictionary<int, int> _closes = new();
    private CancellationTokenSource _leaving = new();

    /// <summary>Where they connect from now on.</summary>
    public Server Server { get; set; } = server;

    /// <summary>How often connections were closed or refused, by the code of the close or the status.</summary>
    public IReadOnlyDictionary<int, int> Closes => _closes;

    /// <summary>So many connect.</summary>
    /// <returns>How long it took until all of them were ready.</returns>
    public async Task<TimeSpan> AddAsync(int count)
    {
        var began = Stopwatch.GetTimestamp();
        var ready = ExpectReady(count);
        for (var number = 0; number < count; number++)
            _running.Add(create(this, number).RunAsync(_leaving.Token));
        await ready;
        return Stopwatch.GetElapsedTime(began);
    }

    /// <summary>All leave.</summary>
    public async Task LeaveAsync()
    {
        await _leaving.CancelAsync();
        await Task.WhenAll(_running);
        _running.Clear();
        _leaving.Dispose();
        _leaving = new();
    }

    /// <summary>Waits until so many more are connected and know how things are.</summary>
    public Task ExpectReady(int count) => _ready.ExpectAsync(count);

    /// <summary>Waits until so many more have got an event.</summary>
    public Task ExpectTold(int count) => _told.ExpectAsync(count);

    /// <summary>Waits until so many more connections are closed with a code.</summary>
    public Task ExpectClosed(int count) => _closed.ExpectAsync(count);

    public void Ready() => _ready.Signal();

    public void Told() => _told.Signal();

    public void Closed(int code)
    {
        _closes.AddOrUpdate(code, 1, (_, count) => count + 1);
        _closed.Signal();
    }

    public async ValueTask DisposeAsync()
    {
        await LeaveAsync();
        _leaving.Dispose();
    }

    private sealed class Countdown
    {
        private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

        private TaskCompletionSource _done = new();
        private int _left;

        public Task ExpectAsync(int count)
        {
            _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
            Volatile.Write(ref _left, count);
            return _done.Task.WaitAsync(Limit, TimeProvider.System);
        }

        public void Signal()
        {
            if (Interlocked.Decrement(ref _left) == 0)
                _done.TrySetResult();
        }
    }
}
