using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using CloudTab.Testing;
using Microsoft.Extensions.Options;

namespace CloudTab.PrintAgent.Tests;

/// <summary>Which job gets a place at which printer, and when.</summary>
public sealed class ShopPrintersTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);
    private static readonly PrintTicket Ticket = new();

    private readonly string _folder = Directory.CreateTempSubdirectory("cloudtab-printers-").FullName;
    private readonly TcpListener _silent = new(IPAddress.Loopback, 0);

    public ShopPrintersTests() => _silent.Start();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    // Its system takes connections, and nobody answers.
    private string SilentAddress => $"ipp://127.0.0.1:{((IPEndPoint)_silent.LocalEndpoint).Port}/ipp/print";

    public void Dispose()
    {
        _silent.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_printer_that_is_silent_is_known_as_away_long_before_its_time_limit()
    {
        using var printers = PrintersAt(SilentAddress);
        var started = Stopwatch.GetTimestamp();

        Assert.Null(await printers.TakePlaceAsync(Ticket, isAway => Task.FromResult(!isAway), Token));
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.Zero, TimeSpan.FromSeconds(3));
        Assert.False(printers.HaveJobs);
    }

    [Fact]
    public async Task Jobs_get_places_in_the_order_in_which_they_came_and_a_silent_printer_holds_up_none()
    {
        Assert.SkipUnless(TestPrinter.IsInstalled, "ippeveprinter is not installed (Debian's cups-ipp-utils and dbus)");
        await using var paper = await TestPrinter.StartAsync(Token);
        using var printers = PrintersAt(SilentAddress, paper.Address);

        var taken = new Queue<Place>();
        while (taken.Count < 4)
            taken.Enqueue(Assert.IsType<Place>(await TakeAsync(printers)));
        Assert.All(taken, place => Assert.Equal(paper.Address, place.Printer.Address));

        using var leaves = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var (leaving, first, second) = (TakeAsync(printers, leaves.Token), TakeAsync(printers), TakeAsync(printers));
        await leaves.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving);
        Assert.False(first.IsCompleted || second.IsCompleted);

        taken.Dequeue().Dispose();
        taken.Enqueue(Assert.IsType<Place>(await first.WaitAsync(Limit, TimeProvider.System, Token)));
        Assert.False(second.IsCompleted);
        taken.Dequeue().Dispose();
        taken.Enqueue(Assert.IsType<Place>(await second.WaitAsync(Limit, TimeProvider.System, Token)));
        Assert.Equal(4, printers.Find(paper.Address)?.Jobs);
        foreach (var place in taken)
            place.Dispose();
        Assert.False(printers.HaveJobs);
    }

    private static Task<Place?> TakeAsync(ShopPrinters printers, CancellationToken? token = null) =>
        printers.TakePlaceAsync(Ticket, _ => Task.FromResult(true), token ?? Token);

    private ShopPrinters PrintersAt(params string[] addresses) =>
        new(Options.Create(new AgentOptions { Printers = string.Join(',', addresses), Folder = _folder }), TimeProvider.System);
}
