using CloudTab.Client;
using CloudTab.Testing;
using Microsoft.Extensions.Options;

namespace CloudTab.PrintAgent.Tests;

/// <summary>What is printed of a file of which the ledger, or the relay, knows an attempt already.</summary>
[Collection(RelayCollection.Name)]
public sealed class EarlierAttemptsTests(RunningRelay relay) : AgentPartsTests(relay)
{
    /// <summary>The same wish comes again if another file of the session fails, or if it is given twice.</summary>
    [Fact]
    public async Task A_wish_to_print_again_is_no_wish_to_repeat_the_attempt_that_it_has_led_to()
    {
        var file = await ClaimedAsync();
        var failed = Ledger.Add(AttemptFor(file) with { Step = Step.Reported, Outcome = Outcome.Unknown });
        var again = new Again("nothing came out", new HashSet<Guid> { failed.Id });
        Way.Refusal = (IppOperation.GetJobAttributes, IppStatus.Gone);

        var second = await PrintAsync(file, again);
        Assert.Equal((Outcome.Unknown, "nothing came out"), (second.Outcome, second.Again));
        Assert.NotEqual(failed.Id, second.Id);
        Assert.Equal(second, await PrintAsync(file, again));
        Assert.Equal(1, Documents());

        var third = await PrintAsync(file, again with { Attempts = new HashSet<Guid> { second.Id } });
        Assert.Equal(Outcome.Done, third.Outcome);
        Assert.Equal(2, Documents());
    }

    [Fact]
    public async Task An_attempt_that_was_finished_meanwhile_is_not_settled_again()
    {
        var file = await ClaimedAsync();
        var older = Ledger.Add(AttemptFor(file));
        var finished = Ledger.Write(older with { Step = Step.Reported, Outcome = Outcome.Done });

        await Files.SettleAsync(older, Token);
        Assert.Equal(finished, Ledger.LatestOf(file.Id));
        Assert.Empty(Way.Requests);
    }

    /// <summary>The job was at the printer when the agent was stopped for that.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_job_at_a_printer_that_was_taken_out_of_the_settings_is_followed_there_if_it_answers(bool isThere)
    {
        var file = await ClaimedAsync();
        var attempt = AttemptFor(file) with { Step = Step.Sent };
        using (var printer = Given.Printer(Paper.Address))
        {
            attempt = attempt with { Job = await printer.CreateJobAsync(attempt.Token, new PrintTicket().AttributesFor(await printer.DescribeAsync(Token)), Token) };
            await printer.SendDocumentAsync(attempt.Job!.Value, new MemoryStream(Given.Pdf()), Token);
        }

        Ledger.Add(attempt);
        if (!isThere)
            await Paper.TurnOffAsync();
        await using var second = await TestPrinter.StartAsync(Token);
        using var printers = new ShopPrinters(Options.Create(new AgentOptions { Printers = second.Address, Folder = Folder }), TimeProvider.System);

        var finished = await FilesOf(printers).PrintAsync(Sent[0], file, again: null, isAskedFor: false, place: null, Token);
        Assert.Equal(isThere ? (Outcome.Done, "") : (Outcome.Unknown, "printer-gone"), (finished!.Outcome!.Value, finished.Reasons));
        Assert.Equal(isThere, Way.Requests.Contains(IppOperation.CancelJob)); // which has its document removed
        Assert.Equal(isThere ? 0 : 1, Ledger.Leftovers().Count);
        Assert.Equal(0, second.Begun);
    }

    /// <summary>The relay could not be reached, or the PC was asleep, until the claim had lapsed. The relay knows of no attempt, so nobody would look at the file.</summary>
    [Theory]
    [InlineData(null)]
    [InlineData(nameof(Step.Waiting))]
    [InlineData(nameof(Step.Intent))]
    public async Task An_attempt_whose_claim_lapsed_before_the_relay_heard_of_it_is_forgotten_and_the_file_printed_later(string? step)
    {
        var file = await ClaimedAsync();
        await Relay.Client.Shop.ReleaseAsync(Sent[0], Token);

        if (step is null)
            await PrintAsync(file);
        else
            await Files.SettleAsync(Ledger.Add(AttemptFor(file) with { Step = Enum.Parse<Step>(step) }), Token);
        Assert.Null(Ledger.LatestOf(file.Id));
        Assert.Equal(0, Documents());

        await Relay.Client.Shop.ClaimAsync(Sent[0], Token);
        Assert.Equal(Outcome.Done, (await PrintAsync(file)).Outcome);
        Assert.Equal(1, Documents());
    }

    /// <summary>The first file is unknown to this PC, and on paper: a person, or another PC, has said so.</summary>
    [Fact]
    public async Task A_wish_to_print_a_session_again_leaves_out_what_the_relay_knows_as_printed()
    {
        var session = await SendAsync(("one.pdf", Given.Pdf(text: "One"), null), ("two.pdf", Given.Pdf(text: "Two"), null));
        var attempts = (await Relay.Client.Shop.ClaimAsync(session, Token)).Files
            .Select(file => Ledger.Add(AttemptFor(file) with { Step = Step.Reported, Outcome = Outcome.Unknown })).ToList();
        await Relay.Client.Shop.ReportPrintAsync(attempts[0].File, new PrintReport(attempts[0].Id, "Printer", PrintStates.Printed), Token);
        await Relay.Client.Shop.ReportPrintAsync(attempts[1].File, new PrintReport(attempts[1].Id, "Printer", PrintStates.Failed), Token);
        await Relay.Client.Shop.ReleaseAsync(session, Token);
        using var sessions = Sessions();

        await sessions.PrintAsync(session, isOwn: false, new Again("it was crumpled", attempts.Select(attempt => attempt.Id).ToHashSet()), isAskedFor: true, _ => { }, Token);
        Assert.Equal(1, Documents());
        Assert.Equal(attempts[0].Id, Ledger.LatestOf(attempts[0].File)!.Id);
        Assert.Equal(SessionStatuses.Completed, (await Relay.Client.Shop.GetSessionAsync(session, Token)).Status);
    }

    [Fact]
    public async Task An_attempt_of_an_earlier_run_waits_for_a_printer_that_does_not_say_which_paper_it_has()
    {
        var file = await ClaimedAsync();
        Ledger.Add(AttemptFor(file));
        Way.CutAt(IppOperation.GetPrinterAttributes, Cut.Before, () => Task.CompletedTask);

        Assert.Equal(Outcome.Done, (await PrintAsync(file)).Outcome);
        Assert.Equal(1, Documents());
    }

    /// <summary>The newest one, of a PC that a person had asked to print it again, was given back before anything came out.</summary>
    [Theory]
    [InlineData(PrintStates.Unknown, "forgotten-by-printer", false)]
    [InlineData(PrintStates.Printed, null, false)]
    [InlineData(PrintStates.Failed, "damaged-file", false)]
    [InlineData(PrintStates.Failed, "no-media", true)]
    public async Task All_attempts_of_other_PCs_decide_whether_a_person_has_to_look(string state, string? reason, bool isPrinted)
    {
        var session = await SendAsync(("one.pdf", Given.Pdf(), null));
        var file = Assert.Single((await Relay.Client.Shop.ClaimAsync(session, Token)).Files).Id;
        await Relay.Client.Shop.ReportPrintAsync(file, new PrintReport(Guid.NewGuid(), "Another", state, Reasons: reason is null ? null : [reason]), Token);
        await Relay.Client.Shop.ReportPrintAsync(file, new PrintReport(Guid.NewGuid(), "A third", PrintStates.Failed, Reasons: [FilePrinting.GivenBack], Again: "nothing came out"), Token);
        await Relay.Client.Shop.ReleaseAsync(session, Token);
        using var sessions = Sessions();

        await sessions.PrintAsync(session, isOwn: false, again: null, isAskedFor: false, _ => { }, Token);
        Assert.Equal(isPrinted ? Outcome.Done : null, Ledger.LatestOf(file)?.Outcome);
        Assert.Equal(isPrinted ? 1 : 0, Documents());
        if (!isPrinted)
            await Relay.Client.Customer.WithdrawAsync(session, Token);
        Sent.Clear();
    }

    [Fact]
    public async Task What_no_printer_could_print_is_printed_when_its_customer_wants_it_in_another_way()
    {
        using var sessions = Sessions();
        var session = await SendAsync(("wide.pdf", Given.Pdf(), new() { Media = MediaNames.A3 }));
        await sessions.PrintAsync(session, isOwn: false, again: null, isAskedFor: false, _ => { }, Token);
        var failed = Assert.Single(Ledger.Latest(2));
        Assert.Equal((Step.Reported, "no-media"), (failed.Step, failed.Reasons));
        await sessions.PrintAsync(session, isOwn: false, again: null, isAskedFor: false, _ => { }, Token);
        Assert.Equal(failed, Assert.Single(Ledger.Latest(2)));

        await Relay.Client.Customer.ChangeOptionsAsync(session, failed.File, new() { Media = MediaNames.A4 }, Token);
        await sessions.PrintAsync(session, isOwn: false, again: null, isAskedFor: false, _ => { }, Token);
        Assert.Equal(SessionStatuses.Completed, (await Relay.Client.Shop.GetSessionAsync(session, Token)).Status);
        Assert.Equal(1, Documents());
        Sent.Clear();
    }

    /// <summary>Its lifetime is over, and a younger file of the session is printed. The relay holds the session until it hears what became of both.</summary>
    [Fact]
    public async Task An_attempt_of_an_earlier_run_is_settled_also_if_its_file_is_deleted()
    {
        using var sessions = Sessions();
        var session = await SendAsync(("one.pdf", Given.Pdf(text: "One"), null), ("two.pdf", Given.Pdf(text: "Two"), null));
        var files = (await Relay.Client.Shop.ClaimAsync(session, Token)).Files;
        var old = Ledger.Add(AttemptFor(files[0]));
        await Relay.Client.Shop.ReportPrintAsync(old.File, new PrintReport(old.Id, "Printer", PrintStates.Sent), Token);
        Assert.Equal(1, await Relay.Processes.CountAsync(
            $"WITH expired AS (UPDATE files SET status = 'deleting' WHERE id = '{old.File}' RETURNING id) SELECT count(*) FROM expired", Token));

        await sessions.PrintAsync(session, isOwn: true, again: null, isAskedFor: false, _ => { }, Token);
        Assert.Equal((Step.Reported, FilePrinting.GivenBack), (Ledger.Find(old.Id)?.Step, Ledger.Find(old.Id)?.Reasons));
        Assert.Equal(SessionStatuses.Completed, (await Relay.Client.Shop.GetSessionAsync(session, Token)).Status);
        Assert.Equal(1, Documents());
        Sent.Clear();
    }

    [Fact]
    public async Task A_file_is_settled_only_when_it_is_not_being_printed()
    {
        var file = await ClaimedAsync();
        var sending = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Way.Held = (IppOperation.SendDocument, sending.Task);
        var printing = PrintAsync(file);
        await Eventually.HoldsAsync(() => Task.FromResult(Documents() == 1), "the document is on its way", Limit, Token);
        Assert.True(Files.IsAtWork(file.Id));
        var settling = Files.SettleAsync(Ledger.LatestOf(file.Id)!, Token);
        sending.SetResult();

        var printed = await printing;
        await settling;
        Assert.Equal(Outcome.Done, printed.Outcome);
        Assert.Equal(printed, Ledger.LatestOf(file.Id));
        Assert.False(Files.IsAtWork(file.Id));
    }
}
