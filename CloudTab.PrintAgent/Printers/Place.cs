namespace CloudTab.PrintAgent;

/// <summary>A job's place at a printer, from before its document is made until it is printed.</summary>
/// <param name="description">What the printer said of itself: it may be switched off since.</param>
internal sealed class Place(ShopPrinter printer, PrintTicket ticket, PrinterDescription description) : IDisposable
{
    private readonly IDisposable _entry = printer.Enter();

    public ShopPrinter Printer => printer;

    /// <summary>What the printer was chosen for.</summary>
    public PrintTicket Ticket => ticket;

    public PrinterDescription Description => description;

    public void Dispose() => _entry.Dispose();
}
