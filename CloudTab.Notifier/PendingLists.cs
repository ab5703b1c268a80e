using CloudTab.Relay;

namespace CloudTab.Notifier;

/// <summary>
/// Reads pending lists. What is asked for while others are being read waits, and is then read together: after a restart all sockets want their lists
/// at once.
/// </summary>
internal sealed class PendingLists(SessionViews views, TimeProvider clock)
{
    /// <summary>Most lists that are read together: each may be half a mebibyte.</summary>
    public const int MostAtOnce = 20;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(15);

    private readonly Queue<Wanted> _wanted = new();
    private readonly Lock _gate = new();
    private bool _isReading;

    /// <summary>The pending list of a key's shop, or null if the key was revoked.</summary>
    public async Task<PendingSessions?> ReadAsync(ShopKey key, CancellationToken cancellationToken)
    {
        var wanted = new Wanted(key);
        lock (_gate)
        {
            _wanted.Enqueue(wanted);
            if (!_isReading)
                ThreadPool.UnsafeQueueUserWorkItem(static lists => _ = lists.ReadAllAsync(), this, preferLocal: false);
            _isReading = true;
        }

        try
        {
            return await wanted.Answer.Task.WaitAsync(Limit, clock, cancellationToken);
        }
        finally
        {
            // A client that was not answered in time connects again: its old request must not delay the new one.
            wanted.Answer.TrySetCanceled(CancellationToken.None);
        }
    }

    private async Task ReadAllAsync()
    {
        while (Take() is { Count: > 0 } together)
        {
            try
            {
                var pages = await views.PendingAsync([.. together.Select(wanted => wanted.Key)], PendingSessions.MostSessions, CancellationToken.None);
                foreach (var wanted in together)
                    wanted.Answer.TrySetResult(pages.TryGetValue(wanted.Key.Id, out var page) ? PendingSessions.Of(page) : null);
            }
            catch (Exception failure)
            {
                foreach (var wanted in together)
                    wanted.Answer.TrySetException(failure);
            }
        }
    }

    /// <summary>Those that are read next. If there are none, the next caller begins to read again.</summary>
    private List<Wanted> Take()
    {
        var next = new List<Wanted>();
        lock (_gate)
        {
            while (next.Count < MostAtOnce && _wanted.TryDequeue(out var wanted))
            {
                if (!wanted.Answer.Task.IsCompleted)
                    next.Add(wanted);
            }

            _isReading = next.Count > 0;
        }

        return next;
    }

    private sealed record Wanted(ShopKey Key)
    {
        public TaskCompletionSource<PendingSessions?> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
