using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>One line that a resource has written.</summary>
public readonly record struct LogLine(int LineNumber, string Content, bool IsErrorMessage)
{
    internal DateTimeOffset Time { get; init; }
}

/// <summary>Keeps the last lines that each instance of a resource has written, and passes new ones to who watches.</summary>
public class ResourceLoggerService
{
    /// <summary>Lines kept for each instance; older ones are dropped.</summary>
    private const int Capacity = 5000;

    /// <summary>Enough to see why a process died, few enough to be read.</summary>
    private const int LastLineCount = 12;

    private readonly ConcurrentDictionary<string, Backlog> _backlogs = new(StringComparer.Ordinal);
    private readonly TimeProvider _time;

    internal ResourceLoggerService(TimeProvider time) => _time = time;

    /// <summary>The lines kept so far.</summary>
    public async IAsyncEnumerable<IReadOnlyList<LogLine>> GetAllAsync(string resourceName)
    {
        await Task.CompletedTask;
        yield return Of(resourceName).Snapshot();
    }

    /// <summary>The lines kept so far, then each new one.</summary>
    public IAsyncEnumerable<IReadOnlyList<LogLine>> WatchAsync(string resourceName) => Of(resourceName).WatchAsync();

    internal void Add(string instance, string line, bool isError) => Of(instance).Add(line, isError, _time.GetUtcNow());

    /// <summary>The lines with a higher number, as far as they are kept.</summary>
    internal IReadOnlyList<LogLine> LinesAfter(string instance, int number) => Of(instance).After(number);

    internal IReadOnlyList<LogLine> LastLines(string instance) => [.. Of(instance).Snapshot().TakeLast(LastLineCount)];

    /// <summary>The last lines as a block to put behind a message; empty where there are none.</summary>
    internal string LastLinesBlock(string instance)
    {
        var lines = LastLines(instance);
        return lines.Count == 0 ? "" : $" Its last lines:{string.Concat(lines.Select(line => "\n    " + line.Content))}";
    }

    private Backlog Of(string instance) => _backlogs.GetOrAdd(instance, _ => new Backlog());

    private sealed class Backlog
    {
        private readonly Lock _lock = new();
        private readonly Queue<LogLine> _lines = new();
        private readonly List<ChannelWriter<LogLine>> _watchers = [];
        private int _count;

        public void Add(string content, bool isError, DateTimeOffset at)
        {
            lock (_lock)
            {
                var line = new LogLine(++_count, content, isError) { Time = at };
                _lines.Enqueue(line);
                if (_lines.Count > Capacity)
                    _lines.Dequeue();
                foreach (var watcher in _watchers)
                    watcher.TryWrite(line);
            }
        }

        public IReadOnlyList<LogLine> Snapshot()
        {
            lock (_lock)
                return [.. _lines];
        }

        public IReadOnlyList<LogLine> After(int number)
        {
            lock (_lock)
                return number >= _count ? [] : [.. _lines.Where(line => line.LineNumber > number)];
        }

        public async IAsyncEnumerable<IReadOnlyList<LogLine>> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            // A watcher that does not keep up misses the oldest lines, as one that comes late does.
            var channel = Channel.CreateBounded<LogLine>(new BoundedChannelOptions(Capacity) { FullMode = BoundedChannelFullMode.DropOldest });
            IReadOnlyList<LogLine> known;
            lock (_lock)
            {
                known = [.. _lines];
                _watchers.Add(channel.Writer);
            }

            try
            {
                if (known.Count > 0)
                    yield return known;
                while (await channel.Reader.WaitToReadAsync(cancellationToken))
                {
                    var batch = new List<LogLine>();
                    while (channel.Reader.TryRead(out var line))
                        batch.Add(line);
                    yield return batch;
                }
            }
            finally
            {
                lock (_lock)
                    _watchers.Remove(channel.Writer);
            }
        }
    }
}
