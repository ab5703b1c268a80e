using System.Diagnostics;
using System.Globalization;
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

        Assert.Null(await printers.TakePlaceAsync(Ticket, absent => Task.FromResult(absent is null), Token));
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.Zero, TimeSpan.FromSeconds(3));
        Assert.False(printers.HaveJobs);
    }

    /// <summary>The other printer is there, and cannot print this.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_one_printer_that_may_be_able_to_print_a_job_is_the_one_that_is_away(bool isFirst)
    {
        TestPrinter.Require();
        await using var gray = await TestPrinter.StartAsync(Token, "-s", "10", "-f", "application/pdf,image/jpeg,image/pwg-raster");
        using var printers = isFirst ? PrintersAt(SilentAddress, gray.Address) : PrintersAt(gray.Address, SilentAddress);

        Assert.Equal(SilentAddress, await AbsentAsync(printers, new PrintTicket(Color: true)));
    }

    /// <summary>Somebody has given the printer a new certificate, or says to be the printer.</summary>
    [Fact]
    public async Task A_printer_whose_certificate_has_changed_is_away_until_the_file_that_it_names_is_removed()
    {
        TestPrinter.Require();
        await using var paper = await TestPrinter.StartAsync(Token, "-2", "-f", "application/pdf", "-K", _folder);
        var address = string.Create(CultureInfo.InvariantCulture, $"ipps://localhost:{paper.Port}/ipp/print");
        using (var printers = PrintersAt(address))
            Assert.NotNull(await printers.All[0].LookAsync(Token));
        var file = Assert.Single(Directory.GetFiles(Path.Combine(_folder, "certificates")));
        await File.WriteAllTextAsync(file, "another", Token);

        using var later = PrintersAt(address);
        Assert.Null(await later.All[0].LookAsync(Token));
        Assert.EndsWith($"remove {file}", later.All[0].Fault, StringComparison.Ordinal);
        File.Delete(file);
        Assert.NotNull(await later.All[0].LookAsync(Token));
        Assert.Null(later.All[0].Fault);
    }

    [Fact]
    public async Task A_printer_that_refuses_to_say_how_it_is_is_away_and_what_it_answered_is_known()
    {
        TestPrinter.Require();
        await using var paper = await TestPrinter.StartAsync(Token);
        await using var way = await CutPrinter.StartAsync(paper, Token);
        way.Refusal = (IppOperation.GetPrinterAttributes, IppStatus.BadRequest);
        using var printers = PrintersAt(way.Address);

        Assert.Null(await printers.All[0].LookAsync(Token));
        Assert.Contains("0x0400", printers.All[0].Fault, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_printer_that_takes_no_jobs_is_away()
    {
        TestPrinter.Require();
        await using var paper = await TestPrinter.StartAsync(Token);
        await using var way = await CutPrinter.StartAsync(paper, Token);
        way.TakesJobs = false;
        using var printers = PrintersAt(way.Address);

        Assert.Equal(way.Address, await AbsentAsync(printers, Ticket));
    }

    /// <summary>What it said before does not count any more.</summary>
    [Fact]
    public async Task A_printer_that_falls_silent_after_it_has_answered_is_away_long_before_its_time_limit()
    {
        TestPrinter.Require();
        await using var paper = await TestPrinter.StartAsync(Token);
        await using var way = await CutPrinter.StartAsync(paper, Token);
        using var printers = PrintersAt(way.Address);
        var taken = new List<Place>();
        while (taken.Count < 4)
            taken.Add(Assert.IsType<Place>(await TakeAsync(printers)));
        var power = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        way.Held = (null, power.Task);

        Assert.Equal(way.Address, await AbsentAsync(printers, Ticket));
        power.SetResult();
        foreach (var place in taken)
            place.Dispose();
        Assert.IsType<Place>(await TakeAsync(printers).WaitAsync(Limit, TimeProvider.System, Token)).Dispose();
    }

    [Fact]
    public async Task Jobs_get_places_in_the_order_in_which_they_came_and_a_silent_printer_holds_up_none()
    {
        TestPrinter.Require();
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

    [Theory]
    [InlineData("", "a3", true, true)]
    [InlineData("#a3", "a3", true, true)]
    [InlineData("#a3", "a4", false, false)]
    [InlineData("#color", "a4", false, false)]
    [InlineData("#monochrome+a4", "a4", false, true)]
    [InlineData("#color+photo", "photo", true, true)]
    [InlineData("#color+photo", "a4", true, false)]
    [InlineData("#letter+photo", "photo", false, true)]
    public void A_printer_gets_only_the_jobs_that_the_shop_wants_there(string kinds, string media, bool color, bool expected)
    {
        Assert.True(PrinterSetting.TryParse($"ipp://printer/ipp/print{kinds}", "", out var setting));
        var ticket = new PrintTicket(Color: color, Media: media);
        using var printers = PrintersAt($"ipp://printer/ipp/print{kinds}");

        Assert.Equal(expected, setting.IsFor(ticket));
        if (expected)
            Assert.Single(printers.SuitedFor(ticket));
        else
            Assert.Equal(["no-printer-for-this"], Assert.Throws<NotPrintableException>(() => printers.SuitedFor(ticket)).Reasons);
        Assert.False(printers.CanPrint(ticket)); // it was not reached yet
    }

    [Theory]
    [InlineData("none", "none")]
    [InlineData("fit", "fit")]
    [InlineData("fill", null)]
    public void A_printer_is_asked_not_to_scale_or_to_fit_if_it_knows_that(string wanted, string? asked)
    {
        var printer = new PrinterDescription(new(IppTag.PrinterAttributes, [
            new("print-scaling-supported", IppValue.Characters(IppTag.Keyword, "none"), IppValue.Characters(IppTag.Keyword, "fit")),
        ]));

        Assert.Equal(asked, (Ticket with { Scaling = wanted }).AttributesFor(printer).FirstOrDefault(attribute => attribute.Name == "print-scaling")?.Text);
    }

    /// <summary>What is to be gray must not come out of a printer for colours that cannot be told so. One that prints no colours need not be told.</summary>
    [Theory]
    [InlineData("auto color monochrome auto-monochrome", true, "monochrome", true)]
    [InlineData("auto color process-monochrome auto-monochrome", true, "auto-monochrome", true)]
    [InlineData("color process-monochrome", true, "process-monochrome", true)]
    [InlineData("auto color", true, null, false)]
    [InlineData("auto color", null, null, false)]
    [InlineData("auto", false, null, true)]
    public void A_printer_is_asked_for_gray_in_the_way_that_it_knows(string modes, bool? isColored, string? asked, bool isSupported)
    {
        var attributes = new List<IppAttribute> { new("print-color-mode-supported", [.. modes.Split(' ').Select(mode => IppValue.Characters(IppTag.Keyword, mode))]) };
        if (isColored is { } colored)
            attributes.Add(new("color-supported", IppValue.Boolean(colored)));
        var printer = new PrinterDescription(new(IppTag.PrinterAttributes, attributes));

        Assert.Equal(asked, Ticket.AttributesFor(printer).FirstOrDefault(attribute => attribute.Name == "print-color-mode")?.Text);
        Assert.Equal(isSupported, !Ticket.UnsupportedBy(printer).Contains("print-color-mode", StringComparer.Ordinal));
    }

    // The address of the printer that a job is told to wait for.
    private static async Task<string?> AbsentAsync(ShopPrinters printers, PrintTicket ticket)
    {
        string? address = null;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Token);
        limit.CancelAfter(Limit);
        Assert.Null(await printers.TakePlaceAsync(ticket, absent => Task.FromResult((address = absent?.Address) is null), limit.Token));
        return address;
    }

    private static Task<Place?> TakeAsync(ShopPrinters printers, CancellationToken? token = null) =>
        printers.TakePlaceAsync(Ticket, _ => Task.FromResult(true), token ?? Token);

    private ShopPrinters PrintersAt(params string[] addresses) =>
        new(Options.Create(new AgentOptions { Printers = string.Join(',', addresses), Folder = _folder }), TimeProvider.System);
}
