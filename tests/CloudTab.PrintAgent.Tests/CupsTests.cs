using CloudTab.Client;
using CloudTab.Testing;

namespace CloudTab.PrintAgent.Tests;

/// <summary>The way over CUPS: its socket, with a printer behind it.</summary>
[Collection(RelayCollection.Name)]
public sealed class CupsTests(RunningRelay relay) : PaperTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);
    private CupsServer? _cups;

    public override async ValueTask InitializeAsync()
    {
        CupsServer.Require();
        await base.InitializeAsync();
        _cups = await CupsServer.StartAsync(Paper.Address, Token);
    }

    public override async ValueTask DisposeAsync()
    {
        if (_cups is not null)
            await _cups.DisposeAsync();
        await base.DisposeAsync();
    }

    [Fact]
    public async Task A_job_over_the_socket_arrives_as_asked_for_and_CUPS_keeps_nothing_after_the_purge()
    {
        using var printer = Given.Printer("cups:shop", _cups!.Socket);
        var description = await printer.DescribeAsync(Token);
        Assert.True(description.IsCups);
        Assert.True(description.SaysWhenFinished, "behind the queue is a printer that speaks IPP");
        Assert.Null(description.AbortCommand);

        var token = AttemptRun.NewToken();
        var id = await printer.CreateJobAsync(token, new PrintTicket(2, Color: true, Sides: "two-sided-long-edge").AttributesFor(description), Token);
        await printer.SendDocumentAsync(id, new MemoryStream(Given.Pdf(pages: 2)), Token);
        await Eventually.HoldsAsync(async () => (await printer.FindJobAsync(id, token, Token))?.Stage == JobStage.Completed, "CUPS says it is completed", Limit, Token);
        Assert.Equal(id, (await printer.FindJobAsync(token, Token))?.Id);

        var job = Assert.Single(Paper.Paper);
        Assert.Equal(("2", "two-sided-long-edge", "color"), (job["IPP_COPIES"], job["IPP_SIDES"], job["IPP_PRINT_COLOR_MODE"]));
        Assert.Single(_cups.Documents);

        Assert.True(await printer.PurgeAsync(id, "somebody-elses", Token));
        Assert.Single(_cups.Documents);
        Assert.True(await printer.PurgeAsync(id, token, Token));
        Assert.Empty(_cups.Documents);
        Assert.Null(await printer.FindJobAsync(token, Token));
    }

    [Fact]
    public async Task Setup_asks_CUPS_at_its_socket_warns_of_its_own_retries_and_leaves_nothing_of_the_test_page()
    {
        await _cups!.SetAsync(Token, "-o", "printer-error-policy=retry-job");
        var folder = Directory.CreateTempSubdirectory("cloudtab-settings-").FullName;
        var environment = new Dictionary<string, string>(StringComparer.Ordinal) { ["CLOUDTAB_AGENT_DATA"] = folder, ["CLOUDTAB_CUPS_SOCKET"] = _cups.Socket };

        var (code, output) = await SettingsTests.SetUpAsync(environment, relay.Origin.ToString(), relay.Key, "cups:shop", "y");
        Directory.Delete(folder, recursive: true);
        Assert.True(code == 0 && output.Contains("has printed the test page", StringComparison.Ordinal), output);
        Assert.Contains("lpadmin -p shop -o printer-error-policy=abort-job", output, StringComparison.Ordinal);
        Assert.Single(Paper.Paper);
        Assert.Empty(_cups.Documents);
    }

    [Fact]
    public async Task An_agent_leaves_nothing_in_the_spool_of_CUPS()
    {
        await using var agent = new AgentProcess(relay, "cups:shop") { Settings = { ["CLOUDTAB_CUPS_SOCKET"] = _cups!.Socket } };
        await agent.StartAsync(Token);

        var session = await relay.SendAsync(("one.pdf", Given.Pdf(pages: 2), new() { Copies = 2, Sides = Sides.TwoSidedLongEdge }));
        await Eventually.HoldsAsync(async () => await relay.StatusAsync(session) == SessionStatuses.Completed, "the session is completed", Limit, Token);

        Assert.Equal("2", Assert.Single(Paper.Paper)["IPP_COPIES"]);
        Assert.Contains("printer_finished", await relay.AnswerAsync(session), StringComparison.Ordinal);
        Assert.Empty(_cups.Documents);
    }

    [Fact]
    public async Task An_agent_that_is_killed_while_CUPS_has_its_document_prints_once_and_leaves_nothing_in_the_spool()
    {
        await Paper.HoldAsync(Token);
        await using var agent = new AgentProcess(relay, "cups:shop") { Settings = { ["CLOUDTAB_CUPS_SOCKET"] = _cups!.Socket } };
        await agent.StartAsync(Token);
        var session = await relay.SendAsync(("one.pdf", Given.Pdf(), null));
        await Eventually.HoldsAsync(() => Task.FromResult(Paper.Begun == 1), "it is being printed", Limit, Token);
        using (var ledger = new Ledger(agent.LedgerFile))
            await Eventually.HoldsAsync(() => Task.FromResult(ledger.Latest(1) is [{ Step: Step.Sent }]), "the ledger has it", Limit, Token);
        await agent.KillAsync();
        Assert.Single(_cups.Documents);

        await agent.StartAsync(Token);
        Paper.Release();
        await relay.EndsAsync(session, SessionStatuses.Completed);
        Assert.Single(Paper.Paper);
        Assert.Contains("printer_finished", await relay.AnswerAsync(session), StringComparison.Ordinal);
        Assert.Empty(_cups.Documents);
    }

    [Fact]
    public async Task What_CUPS_does_not_remove_at_once_is_removed_later()
    {
        await using var way = await CutPrinter.StartAsync(_cups!.Port, Token);
        way.Refusal = (IppOperation.CancelJob, IppStatus.TemporaryError);
        await using var agent = new AgentProcess(relay, way.AddressOf("/printers/shop"));
        await agent.StartAsync(Token);

        await relay.EndsAsync(await relay.SendAsync(("one.pdf", Given.Pdf(), null)), SessionStatuses.Completed);
        Assert.Single(_cups.Documents);
        await agent.KillAsync();
        await agent.StartAsync(Token);
        await Eventually.HoldsAsync(() => Task.FromResult(_cups.Documents is []), "CUPS keeps nothing", Limit, Token);
        Assert.Single(Paper.Paper);
    }
}
