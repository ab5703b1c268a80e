using Microsoft.Extensions.Options;

namespace CloudTab.PrintAgent;

/// <summary>The printers that the shop has set (CLOUDTAB_PRINTERS).</summary>
internal sealed class ShopPrinters : IDisposable
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(2);

    public ShopPrinters(IOptions<AgentOptions> options, TimeProvider clock)
    {
        var certificates = new PrinterCertificates(Path.Combine(options.Value.Folder, "certificates"));
        All = [.. options.Value.ReadPrinters().Select(setting => new ShopPrinter(
            setting, new(setting.Address, new(setting.Address, Environment.UserName, options.Value.PrinterLimit, certificates, clock))))];
    }

    public IReadOnlyList<ShopPrinter> All { get; }

    /// <summary>The printer at this address, or null if the shop has it no more.</summary>
    public ShopPrinter? Find(string address) => All.FirstOrDefault(printer => printer.Address == address);

    /// <summary>
    /// Chooses the printer for a job: of those that the shop wants for such jobs and that can do what is asked, the first one with the fewest
    /// jobs. Waits while one that might do is switched off.
    /// </summary>
    /// <returns>The printer, and what it said of itself: it may be switched off since.</returns>
    /// <exception cref="NotPrintableException">None of the printers can print this.</exception>
    public async Task<(ShopPrinter Printer, PrinterDescription Description)> ChooseAsync(PrintTicket ticket, TimeProvider clock, CancellationToken cancellationToken)
    {
        ShopPrinter[] suited = [.. All.Where(printer => printer.Setting.IsFor(ticket))];
        if (suited is [])
            throw new NotPrintableException("no-printer-for-this");
        while (true)
        {
            var descriptions = await Task.WhenAll(suited.Select(printer => printer.LookAsync(cancellationToken)));
            var able = suited.Zip(descriptions).Where(one => one.Second is { AcceptsJobs: true } there && ticket.UnsupportedBy(there) is []).ToList();
            if (able is not [])
            {
                var (printer, description) = able.MinBy(one => one.First.Jobs);
                return (printer, description!);
            }

            if (descriptions.All(there => there is not null && ticket.UnsupportedBy(there) is not []))
                throw new NotPrintableException([.. descriptions.SelectMany(there => ticket.UnsupportedBy(there!)).Distinct(StringComparer.Ordinal).Select(name => $"no-{name}")]);
            await Task.Delay(LookAgain, clock, cancellationToken);
        }
    }

    public void Dispose()
    {
        foreach (var printer in All)
            printer.Dispose();
    }
}
