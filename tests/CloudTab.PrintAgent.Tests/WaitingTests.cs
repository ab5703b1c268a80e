using CloudTab.Client;
using CloudTab.Testing;

namespace CloudTab.PrintAgent.Tests;

/// <summary>Jobs that have to wait: for a printer that is off or busy, or for the counter.</summary>
[Collection(RelayCollection.Name)]
public sealed class WaitingTests(RunningRelay relay) : PaperTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task A_printer_that_is_off_is_said_to_be_and_holds_up_no_other()
    {
        const int most = 9;
        await Paper.TurnOffAsync();
        await using var colored = await TestPrinter.StartAsync(Token);
        await using var agent = new AgentProcess(relay, $"{Paper.Address}#monochrome", $"{colored.Address}#color");
        await agent.StartAsync(Token);

        var waiting = await Task.WhenAll(Enumerable.Range(1, most).Select(number => SendAsync($"Waits {number}")));
        foreach (var session in waiting)
            await IsToldAsync(session, "offline", Limit);
        var last = await SendAsync("The last");
        await IsToldAsync(last, "offline", TimeSpan.FromSeconds(3));
        var givenBack = waiting[0];
        await relay.Client.Shop.ReleaseAsync(givenBack.SessionId, "the printer is broken", Token);
        await Eventually.HoldsAsync(
            async () => (await relay.Client.Shop.GetAgentsAsync(Token)).Any(one => one.Printers is [{ State: PrinterStates.Offline }, { State: PrinterStates.Idle }]),
            "the counter sees it", Limit, Token);
        Assert.Contains($"{Paper.Address} is offline: Connection refused", agent.Output, StringComparison.Ordinal);

        await relay.EndsAsync(await relay.SendAsync(("colored.pdf", Given.Pdf(text: "Colored"), new() { ColorMode = ColorModes.Color })), SessionStatuses.Completed);
        Assert.Single(colored.Paper);
        foreach (var session in waiting[2..])
            await relay.Client.Customer.WithdrawAsync(session.SessionId, Token);
        await IsToldAsync(givenBack, "\"state\":\"failed\"", Limit);

        await agent.KillAsync();
        await Paper.TurnOnAsync(Token);
        await agent.StartAsync(Token);
        await relay.EndsAsync(waiting[1], SessionStatuses.Completed);
        await relay.EndsAsync(last, SessionStatuses.Completed);
        Assert.Equal(2, Paper.Paper.Count);
        Assert.Equal(SessionStatuses.Pending, await relay.StatusAsync(givenBack));
        await relay.Client.Customer.WithdrawAsync(givenBack.SessionId, Token);
    }

    [Fact]
    public async Task A_job_that_is_given_back_while_its_printer_is_busy_is_not_printed()
    {
        await using var way = await CutPrinter.StartAsync(Paper, Token);
        var busy = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        (way.Held, way.Refusal) = ((IppOperation.CreateJob, busy.Task), (IppOperation.CreateJob, IppStatus.Busy));
        await using var agent = new AgentProcess(relay, way.Address);
        await agent.StartAsync(Token);
        var session = await SendAsync("Given back");
        await Eventually.HoldsAsync(() => Task.FromResult(way.Requests.Contains(IppOperation.CreateJob)), "the printer is asked", Limit, Token);

        await relay.Client.Shop.ReleaseAsync(session.SessionId, "the printer is busy", Token);
        busy.SetResult();
        await IsToldAsync(session, "\"state\":\"failed\"", Limit);
        Assert.Equal(0, Paper.Begun);
        await relay.Client.Customer.WithdrawAsync(session.SessionId, Token);
    }

    [Fact]
    public async Task A_job_that_is_withdrawn_while_its_printer_is_busy_is_not_printed()
    {
        await Paper.HoldAsync(Token);
        using var stranger = Given.Printer(Paper.Address);
        var id = await stranger.CreateJobAsync("somebody-elses", new PrintTicket().AttributesFor(await stranger.DescribeAsync(Token)), Token);
        await stranger.SendDocumentAsync(id, new MemoryStream(Given.Pdf()), Token);
        await using var agent = new AgentProcess(relay, Paper.Address);
        await agent.StartAsync(Token);
        var session = await SendAsync("Withdrawn");
        await IsToldAsync(session, "busy", Limit);

        await relay.Client.Customer.WithdrawAsync(session.SessionId, Token);
        Paper.Release();
        using var ledger = new Ledger(agent.LedgerFile);
        await Eventually.HoldsAsync(
            () => Task.FromResult(ledger.Latest(1) is [{ Step: Step.Reported, Outcome: Outcome.Aborted, Reasons: "given-back" }]), "the agent has given it up", Limit, Token);
        Assert.Equal(1, Paper.Begun);
        Assert.Empty(Directory.GetFiles(Path.Combine(agent.Folder, "files")));
    }

    /// <summary>As long as no other was there the job was claimed, so that its customer was told. Of the others four have a place at the printer that works.</summary>
    [Fact]
    public async Task A_PC_whose_printer_is_off_leaves_jobs_to_another_which_also_prints_what_is_given_back()
    {
        const string name = "the PC that works";
        await Paper.TurnOffAsync();
        await using var working = await TestPrinter.StartAsync(Token);
        await working.HoldAsync(Token);
        await using var key = await relay.CreateDeviceKeyAsync(name);
        await using var idle = new AgentProcess(relay, Paper.Address);
        await using var other = new AgentProcess(relay, working.Address) { Settings = { ["CLOUDTAB_API_KEY"] = key.Text } };
        await idle.StartAsync(Token);
        var givenBack = await SendAsync("Given back");
        await IsToldAsync(givenBack, "offline", Limit);
        await other.StartAsync(Token);
        await Eventually.HoldsAsync(
            async () => (await relay.Client.Shop.GetAgentsAsync(Token)).Any(one => one.KeyName == name && one.Printers is [{ State: PrinterStates.Idle }]), "the other is there", Limit, Token);

        await relay.Client.Shop.ReleaseAsync(givenBack.SessionId, "its printer is off", Token);
        var sessions = await Task.WhenAll(Enumerable.Range(1, 5).Select(number => SendAsync($"Job {number}")));
        await Eventually.HoldsAsync(() => Task.FromResult(idle.Output.Contains("is left to another PC", StringComparison.Ordinal)), "a job is left to the other", Limit, Token);
        working.Release();
        foreach (var session in sessions.Append(givenBack))
            await relay.EndsAsync(session, SessionStatuses.Completed);

        Assert.Equal(6, working.Paper.Count);
        using var ledger = new Ledger(idle.LedgerFile);
        Assert.Single(ledger.Latest(9));
    }

    [Fact]
    public async Task A_held_job_is_printed_when_the_counter_marks_it_as_paid()
    {
        await using var agent = new AgentProcess(relay, Paper.Address) { Settings = { ["CLOUDTAB_AUTO_PRINT"] = "paid" } };
        var before = await SendAsync("Paid before");
        await relay.Client.Shop.MarkPaidAsync(before.SessionId, Token);
        var held = await SendAsync("Not paid");
        await agent.StartAsync(Token);
        await relay.EndsAsync(before, SessionStatuses.Completed);

        var other = await SendAsync("Paid");
        await relay.Client.Shop.MarkPaidAsync(other.SessionId, Token);
        await relay.EndsAsync(other, SessionStatuses.Completed);
        Assert.Equal(SessionStatuses.Pending, await relay.StatusAsync(held));
        Assert.Equal(2, Paper.Paper.Count);
        await relay.Client.Customer.WithdrawAsync(held.SessionId, Token);
    }

    [Fact]
    public async Task A_held_job_that_has_grown_since_it_was_paid_waits_for_the_rest()
    {
        var offer = await relay.Client.Shop.GetOfferAsync(Token);
        await relay.Client.Shop.SetOfferAsync(offer with { Prices = [new(MediaNames.A4, ColorModes.Monochrome, 200)] }, Token);
        await using var agent = new AgentProcess(relay, Paper.Address) { Settings = { ["CLOUDTAB_AUTO_PRINT"] = "paid" } };
        var grown = await SendAsync("Paid");
        await CostsAsync(grown, 200);
        await relay.Client.Shop.MarkPaidAsync(grown.SessionId, Token);
        using (var more = new MemoryStream(Given.Pdf(text: "Not paid")))
            await relay.Client.Customer.UploadAsync(grown.SessionId, [new FileToUpload("two.pdf", more)], cancellationToken: Token);
        await CostsAsync(grown, 400);
        await agent.StartAsync(Token);
        var other = await SendAsync("Other");
        await relay.Client.Shop.MarkPaidAsync(other.SessionId, Token);
        await relay.EndsAsync(other, SessionStatuses.Completed);
        Assert.Equal(SessionStatuses.Pending, await relay.StatusAsync(grown));

        await relay.Client.Shop.MarkPaidAsync(grown.SessionId, Token);
        await relay.EndsAsync(grown, SessionStatuses.Completed);
        Assert.Equal(3, Paper.Paper.Count);
        await relay.Client.Shop.SetOfferAsync(offer, Token);
    }

    private Task CostsAsync(CreatedSession session, long amount) => Eventually.HoldsAsync(
        async () => (await relay.Client.Shop.GetSessionAsync(session.SessionId, Token)).Price is { IsComplete: true } price && price.Amount == amount, $"it costs {amount}", Limit, Token);

    private Task<CreatedSession> SendAsync(string text) => relay.SendAsync(("one.pdf", Given.Pdf(text: text), null));

    private Task IsToldAsync(CreatedSession session, string what, TimeSpan limit) => Eventually.HoldsAsync(
        async () => (await relay.AnswerAsync(session)).Contains(what, StringComparison.Ordinal), $"the customer's status has {what}", limit, Token);
}
