using System.Globalization;
using CloudTab.Testing;

namespace CloudTab.PrintAgent.Tests;

/// <summary>All that the agent ever sends to a printer, held to what CUPS's own programs write, and to what they understand.</summary>
public sealed class ConformanceTests : PaperTests
{
    private const string JobName = "ct-0123456789abcdef";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Every_request_has_the_bytes_that_ipptool_sends_for_it()
    {
        var document = Path.Combine(Paper.Folder, "document.pdf");
        await File.WriteAllBytesAsync(document, Given.Pdf(), Token);
        await using var printer = await TestPrinter.StartAsync(Token, Given.Scaling);
        await using var ours = await CutPrinter.StartAsync(printer, Token);
        var job = await AskEverythingAsync(ours.Address);

        await using var theirs = await CutPrinter.StartAsync(printer, Token);
        await using var ipptool = await ChildProcess.StartProgramAsync(
            [
                "ipptool", "-t", "-I", "-d", $"job={job.ToString(CultureInfo.InvariantCulture)}", "-d", $"user={Environment.UserName}", "-d", $"printer={ours.Address}", "-f", document,
                theirs.Address, Path.Combine(AppContext.BaseDirectory, "golden", "agent.test"),
            ],
            new Dictionary<string, string>(StringComparer.Ordinal), isReady: null, Token);
        await ipptool.WaitForExitAsync(Token);

        Assert.True(theirs.Requests.Count == 10, ipptool.Output);
        Assert.Equal(RequestsOf(theirs), RequestsOf(ours));
    }

    [Fact]
    public async Task A_printer_and_CUPS_understand_every_attribute_of_every_request()
    {
        CupsServer.Require();
        await using var cups = await CupsServer.StartAsync(Paper.Address, Token);
        await using var toPrinter = await CutPrinter.StartAsync(Paper, Token);
        await using var toCups = await CutPrinter.StartAsync(cups.Port, Token);
        await AskEverythingAsync(toPrinter.Address);
        await AskEverythingAsync(toCups.AddressOf("/printers/shop"));

        // A job that has ended is not there to be cancelled, and after a purge not at all.
        foreach (var (request, answer) in UntilCancelled(toPrinter).Concat(UntilCancelled(toCups)))
        {
            var told = IppDecoder.Decode(answer);
            var unsupported = told[IppTag.UnsupportedAttributes].Attributes;
            Assert.True(told.Code == 0 && unsupported is [], $"{(IppOperation)IppDecoder.Decode(request).Code}: 0x{told.Code:x4} {string.Join(' ', unsupported.Select(one => one.Name))}");
        }
    }

    private static IEnumerable<(byte[] Request, byte[] Answer)> UntilCancelled(CutPrinter way) =>
        way.Exchanges.TakeWhile(exchange => IppDecoder.Decode(exchange.Request).Code != (short)IppOperation.CancelJob);

    // Each operation of the port to printers, in the order of a job's life.
    private static async Task<int> AskEverythingAsync(string address)
    {
        using var printer = Given.Printer(address);
        var ticket = new PrintTicket(Copies: 2, Color: true, Sides: "two-sided-long-edge").AttributesFor(await printer.DescribeAsync(Token));
        var created = await printer.CreateJobAsync(JobName, ticket, Token);
        await printer.SendDocumentAsync(created, new MemoryStream(Given.Pdf()), Token);
        await EndedAsync(created);
        Assert.Null(await printer.FindJobAsync("ct-of-nobody", Token));
        await printer.PrintJobAsync(JobName, ticket, new MemoryStream(Given.Pdf()), Token);
        Assert.False(await printer.CancelAsync(created, JobName, Token));
        await printer.PurgeAsync(created, JobName, Token);
        return created;

        Task EndedAsync(int job) =>
            Eventually.HoldsAsync(async () => (await printer.FindJobAsync(job, JobName, Token))?.Stage == JobStage.Completed, "the job has ended", Limit, Token);
    }

    // Each kind once, without its number.
    private static List<string> RequestsOf(CutPrinter way) =>
        [.. way.Exchanges.Select(exchange => exchange.Request).Select(request => (byte[])[.. request[..4], 0, 0, 0, 0, .. request[8..]]).Select(Convert.ToHexString).Distinct().Order()];
}
