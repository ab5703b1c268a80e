using Microsoft.Extensions.Options;

namespace CloudTab.PrintAgent;

/// <summary>The printers that the shop has set (CLOUDTAB_PRINTERS), and the jobs that wait for one of them, first come, first served.</summary>
internal sealed class ShopPrinters : IDisposable
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);

    // Within LookAgain: a printer that did not answer once is looked at twice.
    private static readonly TimeSpan Patience = LookAgain / 2;

    private readonly AgentOptions _options;
    private readonly TimeProvider _clock;
    private readonly PrinterCertificates _certificates;
    private readonly Lock _lock = new();
    private readonly List<WaitingJob> _waiting = [];
    private readonly Dictionary<string, ShopPrinter> _former = new(StringComparer.Ordinal);

    public ShopPrinters(IOptions<AgentOptions> options, TimeProvider clock)
    {
        (_options, _clock) = (options.Value, clock);
        _certificates = new PrinterCertificates(Path.Combine(_options.Folder, "certificates"));
        All = [.. _options.ReadPrinters().Select(Open)];
        foreach (var printer in All)
            printer.Changed = GivePlaces;
    }

    public IReadOnlyList<ShopPrinter> All { get; }

    /// <summary>Whether a job is at one of them, or waits for one.</summary>
    public bool HaveJobs
    {
        get
        {
            lock (_lock)
                return _waiting.Count > 0 || All.Concat(_former.Values).Any(printer => printer.Jobs > 0);
        }
    }

    /// <summary>The printer at this address, or null if the shop has it no more.</summary>
    public ShopPrinter? Find(string address) => All.FirstOrDefault(printer => printer.Address == address);

    /// <summary>The printer at this address, also if the shop has it no more: it gets no jobs, but can be asked for those that it got before.</summary>
    /// <returns>Null if this is no printer's address.</returns>
    public ShopPrinter? FindOrOpen(string address)
    {
        if (Find(address) is { } printer)
            return printer;
        lock (_lock)
        {
            if (!_former.TryGetValue(address, out printer) && PrinterSetting.TryParse(address, _options.CupsSocket, out var setting))
                _former.Add(address, printer = Open(setting));
            return printer;
        }
    }

    /// <summary>The printers that the shop wants for such jobs; at least one.</summary>
    /// <exception cref="NotPrintableException">There is none.</exception>
    public IReadOnlyList<ShopPrinter> SuitedFor(PrintTicket ticket) =>
        All.Where(printer => printer.Setting.IsFor(ticket)).ToArray() is { Length: > 0 } suited ? suited : throw new NotPrintableException("no-printer-for-this");

    /// <summary>Whether one that the shop wants for such jobs takes jobs, by what it said last, and can do what is asked.</summary>
    public bool CanPrint(PrintTicket ticket) =>
        All.Any(printer => printer.Setting.IsFor(ticket) && printer.Description is { AcceptsJobs: true } there && ticket.UnsupportedBy(there) is []);

    /// <summary>
    /// Waits for a place at the printer for a job: of those that the shop wants for such jobs and that can do what is asked, the first one with the
    /// fewest jobs. Jobs for other printers are not held up by it.
    /// </summary>
    /// <param name="goOn">
    /// Asked about each second whether to wait on. If none of these printers that may be able to print this answers and takes jobs, it is given the first of
    /// them; otherwise null.
    /// </param>
    /// <returns>Null if it was not to wait on.</returns>
    /// <exception cref="NotPrintableException">None of the printers can print this.</exception>
    public async Task<Place?> TakePlaceAsync(PrintTicket ticket, Func<ShopPrinter?, Task<bool>> goOn, CancellationToken cancellationToken)
    {
        var job = new WaitingJob(ticket, SuitedFor(ticket));
        lock (_lock)
            _waiting.Add(job);
        try
        {
            await WaitAsync(job, goOn, cancellationToken);
        }
        catch
        {
            Leave(job)?.Dispose();
            throw;
        }

        return Leave(job);
    }

    public void Dispose()
    {
        foreach (var printer in All.Concat(_former.Values))
            printer.Dispose();
    }

    private ShopPrinter Open(PrinterSetting setting) =>
        new(setting, new(setting.Address, new(setting.Address, Environment.UserName, _options.PrinterLimit, _certificates, _clock)), _clock);

    private async Task WaitAsync(WaitingJob job, Func<ShopPrinter?, Task<bool>> goOn, CancellationToken cancellationToken)
    {
        for (var began = _clock.GetTimestamp(); ;)
        {
            var looks = Task.WhenAll(job.Printers.Select(printer => printer.SeeAsync(cancellationToken)));
            await Task.WhenAny(job.Given.Task, looks, Task.Delay(LookAgain, _clock, cancellationToken));
            GivePlaces();
            if (job.Given.Task.IsCompleted)
                return;
            var seen = job.Printers.Select(printer => (Printer: printer, printer.Description)).ToList();
            var able = seen.FindAll(one => one.Description is not { } there || job.Ticket.UnsupportedBy(there) is []);
            if (able is [])
                throw new NotPrintableException([.. seen.SelectMany(one => job.Ticket.UnsupportedBy(one.Description!)).Distinct(StringComparer.Ordinal).Select(name => $"no-{name}")]);
            var absent = able.TrueForAll(one => one.Description is not { AcceptsJobs: true }) ? able[0].Printer : null;
            if (_clock.GetElapsedTime(began) >= Patience && !await goOn(absent))
                return;

            await Task.WhenAny(job.Given.Task, Task.Delay(LookAgain, _clock, cancellationToken));
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    private void GivePlaces()
    {
        lock (_lock)
        {
            if (All.Any(printer => printer.HasPlace))
                _waiting.RemoveAll(TryGivePlace);
        }
    }

    private static bool TryGivePlace(WaitingJob job)
    {
        var able = job.Printers.Where(printer => printer.HasPlace).Select(printer => (Printer: printer, printer.Description))
            .Where(one => one.Description is { } there && job.Ticket.UnsupportedBy(there) is []).ToList();
        if (able is [])
            return false;
        var (printer, description) = able.MinBy(one => one.Printer.Jobs);
        job.Given.SetResult(new(printer, job.Ticket, description!));
        return true;
    }

    /// <returns>The place that it was given before it could leave.</returns>
    private Place? Leave(WaitingJob job)
    {
        lock (_lock)
        {
            _waiting.Remove(job);
            return job.Given.Task.IsCompleted ? job.Given.Task.Result : null;
        }
    }

    private sealed class WaitingJob(PrintTicket ticket, IReadOnlyList<ShopPrinter> printers)
    {
        public PrintTicket Ticket => ticket;

        public IReadOnlyList<ShopPrinter> Printers => printers;

        public TaskCompletionSource<Place> Given { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
