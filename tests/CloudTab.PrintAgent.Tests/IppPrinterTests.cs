using System.Security.Cryptography;
using CloudTab.Testing;

namespace CloudTab.PrintAgent.Tests;

/// <summary>The agent's way to a printer, with ippeveprinter at its end.</summary>
public sealed class IppPrinterTests : PaperTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);
    private IppPrinter? _printer;

    private IppPrinter Printer => _printer!;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _printer = Given.Printer(Paper.Address);
    }

    public override async ValueTask DisposeAsync()
    {
        _printer?.Dispose();
        await base.DisposeAsync();
    }

    [Theory]
    [InlineData(1, false, "one-sided", "a4")]
    [InlineData(3, true, "two-sided-long-edge", "a4")]
    [InlineData(2, false, "two-sided-short-edge", "letter")]
    [InlineData(1, true, "one-sided", "photo")]
    public async Task What_is_asked_for_arrives(int copies, bool color, string sides, string media)
    {
        var ticket = new PrintTicket(copies, color, sides, media);
        var document = Given.Pdf(pages: 2);

        await PrintAsync(ticket, "ct-1", document);

        var job = Assert.Single(Paper.Paper);
        Assert.Equal("ct-1", job.Name);
        Assert.Equal(copies.ToString(System.Globalization.CultureInfo.InvariantCulture), job["IPP_COPIES"]);
        Assert.Equal(color ? "color" : "monochrome", job["IPP_PRINT_COLOR_MODE"]);
        Assert.Equal(sides, job["IPP_SIDES"]);
        Assert.Equal(media switch { "letter" => "na_letter_8.5x11in", "photo" => "na_index-4x6_4x6in", _ => "iso_a4_210x297mm" }, job["IPP_MEDIA"]);
        Assert.Equal(SHA256.HashData(document), SHA256.HashData(job.Document));
    }

    /// <summary>The document is laid out for the paper already. Such a printer would enlarge it once more.</summary>
    [Fact]
    public async Task A_printer_that_can_scale_is_asked_not_to()
    {
        await using var scaling = await TestPrinter.StartAsync(Token, Given.Scaling);
        using var printer = Given.ShopPrinter(scaling.Address);
        var description = await printer.LookAsync(Token);
        Assert.NotNull(description);

        await printer.Ipp.PrintJobAsync("ct-scaling", new PrintTicket().AttributesFor(description), new MemoryStream(Given.Pdf()), Token);
        await Eventually.HoldsAsync(() => Task.FromResult(scaling.Paper.Count == 1), "it is printed", Limit, Token);
        Assert.Equal("none", scaling.Paper[0]["IPP_PRINT_SCALING"]);
    }

    [Fact]
    public async Task A_printer_that_would_drop_an_option_refuses_the_job()
    {
        var description = await Printer.DescribeAsync(Token);
        Assert.Equal(["media"], new PrintTicket(Media: "a3").UnsupportedBy(description));

        var refusal = await Assert.ThrowsAsync<JobRefusedException>(() => Printer.CreateJobAsync("ct-2", new PrintTicket(Media: "a3").AttributesFor(description), Token));
        Assert.Equal(IppStatus.AttributesNotSupported, refusal.Status);
        Assert.False(refusal.IsTemporary);
        Assert.Equal(["media"], refusal.Unsupported);
        Assert.Null(await Printer.FindJobAsync("ct-2", Token));
    }

    [Theory]
    [InlineData("-s 10 -f application/pdf", true, "one-sided", "print-color-mode")]
    [InlineData("-s 10,5 -f application/pdf", false, "two-sided-long-edge", "sides")]
    [InlineData("-2 -s 10,5 -f image/jpeg,image/pwg-raster", false, "one-sided", "document-format")]
    public async Task What_a_printer_cannot_do_is_known_before_it_is_asked(string options, bool color, string sides, string missing)
    {
        await using var lesser = await TestPrinter.StartAsync(Token, options.Split(' '));
        using var printer = Given.Printer(lesser.Address);

        Assert.Equal([missing], new PrintTicket(1, color, sides).UnsupportedBy(await printer.DescribeAsync(Token)));
        Assert.Empty(new PrintTicket(1, color, sides).UnsupportedBy(await Printer.DescribeAsync(Token)));
    }

    [Fact]
    public async Task A_jam_is_seen_while_the_job_waits_and_is_over_when_it_is_cleared()
    {
        await Paper.HoldAsync(Token, "media-jam");
        var id = await SendAsync(new PrintTicket(), "ct-3", Given.Pdf());
        await Eventually.HoldsAsync(async () => (await Printer.DescribeAsync(Token)).Reasons.Contains("media-jam-warning", StringComparer.Ordinal), "the jam is seen", Limit, Token);
        Assert.Equal(JobStage.Processing, (await Printer.FindJobAsync(id, "ct-3", Token))?.Stage);

        Paper.Release();
        await FinishedAsync(id, "ct-3", JobStage.Completed);
        Assert.Empty((await Printer.DescribeAsync(Token)).Reasons);
    }

    [Fact]
    public async Task A_job_that_the_printer_gives_up_is_aborted()
    {
        Paper.Break();
        await FinishedAsync(await SendAsync(new PrintTicket(), "ct-4", Given.Pdf()), "ct-4", JobStage.Aborted);
        Assert.Empty(Paper.Paper);
    }

    [Fact]
    public async Task A_busy_printer_says_so_and_creates_nothing()
    {
        await Paper.HoldAsync(Token);
        var first = await SendAsync(new PrintTicket(), "ct-5", Given.Pdf());

        var refusal = await Assert.ThrowsAsync<JobRefusedException>(() => SendAsync(new PrintTicket(), "ct-6", Given.Pdf()));
        Assert.True(refusal.IsTemporary, refusal.Message);
        Assert.Null(await Printer.FindJobAsync("ct-6", Token));

        Paper.Release();
        await FinishedAsync(first, "ct-5", JobStage.Completed);
    }

    [Fact]
    public async Task A_job_is_found_by_its_name_alone_before_and_after_it_is_printed()
    {
        await Paper.HoldAsync(Token);
        var id = await SendAsync(new PrintTicket(), "ct-7", Given.Pdf());
        Assert.Equal(id, (await Printer.FindJobAsync("ct-7", Token))?.Id);

        Paper.Release();
        await FinishedAsync(id, "ct-7", JobStage.Completed);
        Assert.Equal(JobStage.Completed, (await Printer.FindJobAsync("ct-7", Token))?.Stage);
        Assert.Null(await Printer.FindJobAsync("ct-8", Token));
    }

    [Fact]
    public async Task A_job_without_its_document_is_incoming_and_can_be_cancelled()
    {
        var id = await Printer.CreateJobAsync("ct-9", new PrintTicket().AttributesFor(await Printer.DescribeAsync(Token)), Token);
        Assert.True((await Printer.FindJobAsync(id, "ct-9", Token))?.IsIncoming);

        Assert.True(await Printer.CancelAsync(id, "ct-8", Token)); // somebody else's
        Assert.True((await Printer.FindJobAsync(id, "ct-9", Token))?.IsIncoming);
        Assert.True(await Printer.CancelAsync(id, "ct-9", Token));
        await FinishedAsync(id, "ct-9", JobStage.Cancelled);
        await PrintAsync(new PrintTicket(), "ct-10", Given.Pdf());
        Assert.Equal(["ct-10"], Paper.Paper.Select(job => job.Name));
    }

    [Fact]
    public async Task The_id_of_another_job_is_not_mistaken_for_ours()
    {
        var id = await SendAsync(new PrintTicket(), "ct-11", Given.Pdf());
        await FinishedAsync(id, "ct-11", JobStage.Completed);
        await Paper.TurnOffAsync();
        await Assert.ThrowsAsync<PrinterOfflineException>(() => Printer.FindJobAsync(id, "ct-11", Token));

        await Paper.TurnOnAsync(Token);
        Assert.Null(await Printer.FindJobAsync(id, "ct-11", Token));
        Assert.Equal(id, await SendAsync(new PrintTicket(), "ct-12", Given.Pdf()));
        Assert.Null(await Printer.FindJobAsync(id, "ct-11", Token));
        await FinishedAsync(id, "ct-12", JobStage.Completed);
    }

    [Fact]
    public async Task A_printer_without_Create_Job_gets_job_and_document_at_once()
    {
        var id = await Printer.PrintJobAsync("ct-13", new PrintTicket(2).AttributesFor(await Printer.DescribeAsync(Token)), new MemoryStream(Given.Pdf()), Token);
        await FinishedAsync(id, "ct-13", JobStage.Completed);
        Assert.Equal("2", Assert.Single(Paper.Paper)["IPP_COPIES"]);
    }

    private async Task PrintAsync(PrintTicket ticket, string token, byte[] document) =>
        await FinishedAsync(await SendAsync(ticket, token, document), token, JobStage.Completed);

    private async Task<int> SendAsync(PrintTicket ticket, string token, byte[] document)
    {
        var job = ticket.AttributesFor(await Printer.DescribeAsync(Token));
        var id = await Printer.CreateJobAsync(token, job, Token);
        await Printer.SendDocumentAsync(id, new MemoryStream(document), Token);
        return id;
    }

    private Task FinishedAsync(int id, string token, JobStage stage) =>
        Eventually.HoldsAsync(async () => (await Printer.FindJobAsync(id, token, Token))?.Stage == stage, $"{token} is {stage}", Limit, Token);
}
