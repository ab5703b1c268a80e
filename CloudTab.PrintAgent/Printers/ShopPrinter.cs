namespace CloudTab.PrintAgent;

/// <summary>A printer of the shop: its jobs take turns, because many printers refuse a second one while they print.</summary>
internal sealed class ShopPrinter(PrinterSetting setting, IppPrinter printer) : IDisposable
{
    private readonly SemaphoreSlim _turns = new(1);
    private int _waiting;

    public PrinterSetting Setting => setting;

    public IppPrinter Ipp => printer;

    public string Address => setting.Address.Text;

    /// <summary>What it said last; null as long as it cannot be reached.</summary>
    public PrinterDescription? Description { get; private set; }

    /// <summary>Jobs that print or wait for their turn.</summary>
    public int Jobs => Volatile.Read(ref _waiting);

    /// <summary>Waits until no other job of this agent is at the printer.</summary>
    /// <returns>What is to be disposed at the end of the turn.</returns>
    public async Task<IDisposable> TakeTurnAsync(CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _waiting);
        try
        {
            await _turns.WaitAsync(cancellationToken);
            return new Turn(this);
        }
        catch
        {
            Interlocked.Decrement(ref _waiting);
            throw;
        }
    }

    /// <summary>Asks the printer for its state.</summary>
    /// <returns>Null if it cannot be reached, or answers what is no IPP.</returns>
    public async Task<PrinterDescription?> LookAsync(CancellationToken cancellationToken)
    {
        try
        {
            return Description = await printer.DescribeAsync(cancellationToken);
        }
        catch (Exception unreachable) when (unreachable is IOException or JobRefusedException)
        {
            return Description = null;
        }
    }

    public void Dispose()
    {
        _turns.Dispose();
        printer.Dispose();
    }

    private sealed class Turn(ShopPrinter owner) : IDisposable
    {
        public void Dispose()
        {
            Interlocked.Decrement(ref owner._waiting);
            owner._turns.Release();
        }
    }
}
