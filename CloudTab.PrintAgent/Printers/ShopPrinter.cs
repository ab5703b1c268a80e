using System.Globalization;

namespace CloudTab.PrintAgent;

/// <summary>A printer of the shop: its jobs take turns, because many printers refuse a second one while they print.</summary>
internal sealed class ShopPrinter(PrinterSetting setting, IppPrinter printer, TimeProvider clock) : IDisposable
{
    /// <summary>
    /// A printer that has not answered for so long is away, until it does: without power, or out of the Wi-Fi's reach, it resets no connection, and its time
    /// limit is that of a slow one.
    /// </summary>
    public static readonly TimeSpan Silence = TimeSpan.FromSeconds(2);

    // One prints while the next ones are downloaded and made printable. More would only keep them from another PC of the shop.
    private const int MostJobs = 4;

    // The relay takes no report with a longer one.
    private const int LongestName = 200;

    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim _turns = new(1);
    private readonly Lock _lock = new();
    private Task<PrinterDescription?> _look = Task.FromResult<PrinterDescription?>(null);
    private long _lookedAt;
    private int _jobs;

    /// <summary>It was looked at, or a job has left it.</summary>
    public Action? Changed { get; set; }

    public PrinterSetting Setting => setting;

    public IppPrinter Ipp => printer;

    public string Address => setting.Address.Text;

    /// <summary>What it last called itself; its address as long as it was not reached.</summary>
    public string Name { get; private set; } = setting.Address.Text;

    /// <summary>What it said last; null as long as it cannot be reached.</summary>
    public PrinterDescription? Description { get; private set; }

    /// <summary>Why it could not be reached, for people; null if it was the last time, or was not tried yet.</summary>
    public string? Fault { get; private set; }

    /// <summary>Jobs that print, or are made ready for it.</summary>
    public int Jobs => Volatile.Read(ref _jobs);

    /// <summary>Whether it takes another job: it has answered just now, and has few.</summary>
    public bool HasPlace => Jobs < MostJobs && Description is { AcceptsJobs: true } && IsFresh(2 * Fresh);

    /// <summary>Counts a job.</summary>
    /// <returns>What is to be disposed when the job has left the printer.</returns>
    public IDisposable Enter()
    {
        Interlocked.Increment(ref _jobs);
        return new Leaving(() =>
        {
            Interlocked.Decrement(ref _jobs);
            Changed?.Invoke();
        });
    }

    /// <summary>Waits until no other job of this agent is at the printer.</summary>
    /// <param name="goOn">Asked each second whether to wait on.</param>
    /// <returns>What is to be disposed at the end of the turn; null if it was not to wait on.</returns>
    public async Task<IDisposable?> TakeTurnAsync(Func<Task<bool>> goOn, CancellationToken cancellationToken)
    {
        var turn = _turns.WaitAsync(cancellationToken);
        try
        {
            while (await Task.WhenAny(turn, Task.Delay(Fresh, clock, cancellationToken)) != turn)
            {
                if (await goOn())
                    continue;
                _ = PassOnAsync(turn);
                return null;
            }

            await turn;
            return new Leaving(() => _turns.Release());
        }
        catch
        {
            _ = PassOnAsync(turn);
            throw;
        }
    }

    /// <summary>Asks the printer for its state, or waits for the answer if it was asked already.</summary>
    /// <returns>Null if it cannot be reached, does not answer in time, or answers what is no IPP.</returns>
    public Task<PrinterDescription?> LookAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            // Nobody's cancellation ends the question, because others wait for the answer too: the printer's time limit does.
            if (_look.IsCompleted)
                _look = AskAsync();
            return _look.WaitAsync(cancellationToken);
        }
    }

    /// <summary>What the printer says of its state, or said a moment ago: many jobs may wait for it, and it is asked once.</summary>
    /// <returns>Null as <see cref="LookAsync"/>, or if it has not answered within <see cref="Silence"/>.</returns>
    public Task<PrinterDescription?> SeeAsync(CancellationToken cancellationToken) => SeeAsync(Fresh, cancellationToken);

    /// <summary>The same, but no older than this.</summary>
    public async Task<PrinterDescription?> SeeAsync(TimeSpan age, CancellationToken cancellationToken)
    {
        if (IsFresh(age))
            return Description;
        try
        {
            return await LookAsync(cancellationToken).WaitAsync(Silence, clock, cancellationToken);
        }
        catch (TimeoutException)
        {
            return null;
        }
    }

    public void Dispose()
    {
        _turns.Dispose();
        printer.Dispose();
    }

    private async Task<PrinterDescription?> AskAsync()
    {
        PrinterDescription? there = null;
        string? fault = null;
        try
        {
            var answer = printer.DescribeAsync(CancellationToken.None);
            if (await Task.WhenAny(answer, Task.Delay(Silence, clock, CancellationToken.None)) != answer)
                Note(null);
            there = await answer;
            Name = Shown(there.Name) is { Length: > 0 and <= LongestName } name ? name : Address;
        }
        catch (Exception unreachable) when (unreachable is IOException or JobRefusedException)
        {
            fault = unreachable.Message;
        }

        Fault = fault;
        Note(there);
        return there;
    }

    private void Note(PrinterDescription? there)
    {
        Description = there;
        Volatile.Write(ref _lookedAt, clock.GetTimestamp());
        Changed?.Invoke();
    }

    private static string Shown(string name) => string.Concat(name.Where(letter => char.GetUnicodeCategory(letter) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator))).Trim();

    // A turn that nobody waits for any more comes all the same.
    private async Task PassOnAsync(Task turn)
    {
        await turn;
        _turns.Release();
    }

    private bool IsFresh(TimeSpan age) => Volatile.Read(ref _lookedAt) is not 0 and var at && clock.GetElapsedTime(at) <= age;

    private sealed class Leaving(Action leave) : IDisposable
    {
        private Action? _leave = leave;

        public void Dispose() => Interlocked.Exchange(ref _leave, null)?.Invoke();
    }
}
