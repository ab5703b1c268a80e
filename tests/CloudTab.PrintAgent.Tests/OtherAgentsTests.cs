using CloudTab.Client;
using CloudTab.Testing;
using Microsoft.Extensions.Options;

namespace CloudTab.PrintAgent.Tests;

/// <summary>Jobs that another printer could print: another one of this PC, or one of another PC.</summary>
[Collection(RelayCollection.Name)]
public sealed class OtherAgentsTests(RunningRelay relay) : AgentPartsTests(relay)
{
    // As another PC tells of it.
    private static readonly AgentPrinter Elsewhere =
        new("Printer", PrinterStates.Idle, [], [IppPrinter.Pdf], Color: true, TwoSided: true, ["iso_a4_210x297mm"], "ipp://10.0.0.9/ipp/print");

    /// <summary>When a printer goes off that was there before.</summary>
    public enum Away
    {
        BeforeItsTurn,
        BeforeItTakesTheJob,

        /// <summary>It knows only Print-Job.</summary>
        BeforeItTakesTheJobInOneStep,
        WhenTheAgentStartsAgain,

        /// <summary>One of them has the turn.</summary>
        WhenTheAgentStartsAgainWithOtherJobs,
    }

    /// <summary>The PC may die while the document waits: nobody has to look then at what came out of a printer that was asked for nothing.</summary>
    [Fact]
    public async Task A_job_that_waits_for_its_turn_is_told_to_nobody_and_another_PC_gets_it_when_its_claim_lapses()
    {
        await using var key = await Relay.CreateDeviceKeyAsync("the PC that lives");
        using var other = Relay.ClientOf(key);
        var file = await ClaimedAsync();
        using var turn = await Printer.TakeTurnAsync(() => Task.FromResult(true), Token);
        var printing = PrintAsync(file);
        await WaitsForItsTurnAsync();
        await ClaimEndsInAsync(minutes: 1);
        Clock.Forward(TellAgain);
        await IsRenewedAsync();
        Assert.Empty(await Relay.Client.Shop.GetPrintsAsync(file.Id, Token));
        Assert.Null(Ledger.LatestOf(file.Id));

        await ClaimEndsInAsync(minutes: -1);
        await other.Shop.ClaimAsync(Sent[0], Token);
        Clock.Forward(TellAgain);
        var attempt = await printing.WaitAsync(Limit, TimeProvider.System, Token);
        Assert.Equal((Outcome.Aborted, FilePrinting.GivenBack), (attempt.Outcome, attempt.Reasons));
        Assert.Empty(Directory.GetFiles(Path.Combine(Folder, "files")));
        Assert.Empty(await Relay.Client.Shop.GetPrintsAsync(file.Id, Token));
        Assert.Equal(0, Documents());
        await other.Shop.CompleteAsync(Sent[0], Token);
        Sent.Clear();
    }

    /// <summary>This one was off, and the document waits for its turn at one that works.</summary>
    [Fact]
    public async Task What_waited_for_another_printer_has_not_failed()
    {
        var file = await ClaimedAsync();
        Ledger.Add(AttemptFor(file) with { Printer = "ipp://10.0.0.9/ipp/print", Step = Step.Waiting });
        var turn = await Printer.TakeTurnAsync(() => Task.FromResult(true), Token);
        var printing = PrintAsync(file);
        await WaitsForItsTurnAsync();
        Assert.True(await PrintOfAsync(Sent[0]) is { State: PrintStates.Failed, Reasons: [FilePrinting.GivenBack] });
        Assert.Null(Ledger.LatestOf(file.Id));

        turn!.Dispose();
        Assert.Equal(Outcome.Done, (await printing.WaitAsync(Limit, TimeProvider.System, Token)).Outcome);
        Assert.Equal(1, Documents());
    }

    /// <summary>
    /// By what the other PC says of itself it could print this. When the agent is stopped, others can have the session; at the next start the newest attempt is
    /// this PC's own, which nothing came of.
    /// </summary>
    [Fact]
    public async Task What_another_PC_has_failed_to_print_is_not_left_to_it_and_is_given_back_when_the_agent_is_stopped()
    {
        await using var key = await Relay.CreateDeviceKeyAsync("the PC for colours");
        using var other = Relay.ClientOf(key);
        await other.Shop.ReportAgentAsync(new AgentReport("the PC for colours", "1", [Elsewhere]), Token);
        var session = await SendAsync(("one.pdf", Given.Pdf(), null));
        var file = Assert.Single((await other.Shop.ClaimAsync(session, Token)).Files).Id;
        await other.Shop.ReportPrintAsync(file, new PrintReport(Guid.NewGuid(), "none", PrintStates.Failed, Reasons: ["no-printer-for-this"]), Token);
        await other.Shop.ReleaseAsync(session, Token);
        await Paper.TurnOffAsync();
        using var sessions = Sessions();
        for (var starts = 0; starts < 2; starts++)
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
            var printing = sessions.PrintAsync(session, isOwn: false, again: null, isAskedFor: false, _ => { }, stop.Token);
            await IsToldOfflineAsync(session);
            await ClaimEndsInAsync(minutes: 1);
            Clock.Forward(Permission.Patience + TellAgain);
            await IsRenewedAsync();
            Assert.False(printing.IsCompleted);

            await stop.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => printing);
            Assert.Equal(SessionStatuses.Pending, (await Relay.Client.Shop.GetSessionAsync(session, Token)).Status);
            Assert.True(await PrintOfAsync(session) is { State: PrintStates.Failed, Reasons: [FilePrinting.GivenBack] });
            Assert.Null(Ledger.LatestOf(file));
        }

        await Relay.Client.Customer.WithdrawAsync(session, Token);
        Sent.Clear();
    }

    /// <summary>The other PC's printer works, and can do what is asked for. The counter marks the job as paid when its customer has heard of the printer.</summary>
    [Theory]
    [InlineData(AutoPrints.None, true, false)]
    [InlineData(AutoPrints.Paid, false, false)]
    [InlineData(AutoPrints.Paid, true, true)]
    public async Task A_job_whose_printer_is_off_is_left_to_another_PC_only_if_that_prints_it_by_itself(string autoPrint, bool isPaid, bool isLeft)
    {
        await using var key = await Relay.CreateDeviceKeyAsync("the PC that holds jobs");
        using var other = Relay.ClientOf(key);
        await other.Shop.ReportAgentAsync(new AgentReport("the PC that holds jobs", "1", [Elsewhere], autoPrint), Token);
        await Paper.TurnOffAsync();
        using var sessions = Sessions();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var session = await SendAsync(("one.pdf", Given.Pdf(), null));
        var printing = sessions.PrintAsync(session, isOwn: false, again: null, isAskedFor: false, _ => { }, stop.Token);
        await IsToldOfflineAsync(session);
        if (isPaid)
            await Relay.Client.Shop.MarkPaidAsync(session, Token);
        await ClaimEndsInAsync(minutes: 1);
        Clock.Forward(Permission.Patience + TellAgain);
        if (isLeft)
        {
            await printing.WaitAsync(Limit, TimeProvider.System, Token);
        }
        else
        {
            await IsRenewedAsync();
            Assert.False(printing.IsCompleted);
            await stop.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => printing);
        }

        Assert.Equal(SessionStatuses.Pending, (await Relay.Client.Shop.GetSessionAsync(session, Token)).Status);
        await Relay.Client.Customer.WithdrawAsync(session, Token);
        Sent.Clear();
    }

    /// <summary>The other PC prints what is paid. That the relay does not answer to this one at the moment does not say that the job is not.</summary>
    [Fact]
    public async Task A_paid_job_whose_printer_is_off_is_not_claimed_before_the_relay_has_said_whether_another_PC_prints_it()
    {
        await using var key = await Relay.CreateDeviceKeyAsync("the PC that prints what is paid");
        using var other = Relay.ClientOf(key);
        await other.Shop.ReportAgentAsync(new AgentReport("the PC that prints what is paid", "1", [Elsewhere], AutoPrints.Paid), Token);
        await Paper.TurnOffAsync();
        var session = await SendAsync(("one.pdf", Given.Pdf(), null));
        await Relay.Client.Shop.MarkPaidAsync(session, Token);
        using var outage = new Outage(session);
        using var client = new CloudTabClient(new CloudTabClientOptions { Address = Relay.Origin, ApiKey = Relay.Key, MaxRetries = 0 }, outage);
        using var sessions = Sessions(others: new(client, Printers, Options.Create(Settings), TimeProvider.System));
        var printing = sessions.PrintAsync(session, isOwn: false, again: null, isAskedFor: false, _ => { }, Token);
        await Eventually.HoldsAsync(() => Task.FromResult(outage.Requests > 1), "the relay is asked again", Limit, Token);
        Assert.False(printing.IsCompleted);
        outage.IsOver = true;
        await Eventually.HoldsAsync(() => Task.FromResult(outage.Answers > 1), "it is left to the other", Limit, Token);

        sessions.StopWaiting(session);
        await printing.WaitAsync(Limit, TimeProvider.System, Token);
        Assert.Equal(SessionStatuses.Pending, (await Relay.Client.Shop.GetSessionAsync(session, Token)).Status);
        await Relay.Client.Customer.WithdrawAsync(session, Token);
        Sent.Clear();
    }

    /// <summary>Nobody else was there when it was claimed, so that its customer hears of the printer. The other agent is started later.</summary>
    [Fact]
    public async Task A_job_whose_printer_stays_off_is_handed_over_to_another_agent()
    {
        const string name = "the PC that works";
        await Paper.TurnOffAsync();
        using var sessions = Sessions();
        var session = await Relay.SendAsync(("one.pdf", Given.Pdf(), null));
        var printing = sessions.PrintAsync(session.SessionId, isOwn: true, again: null, isAskedFor: false, _ => { }, Token);
        await IsToldOfflineAsync(session.SessionId);
        await using var working = await TestPrinter.StartAsync(Token);
        await using var key = await Relay.CreateDeviceKeyAsync(name);
        await using var other = new AgentProcess(Relay, working.Address) { Settings = { ["CLOUDTAB_API_KEY"] = key.Text } };
        await other.StartAsync(Token);
        await Eventually.HoldsAsync(
            async () => (await Relay.Client.Shop.GetAgentsAsync(Token)).Any(one => one.KeyName == name && one.Printers is [{ State: PrinterStates.Idle }]), "the other is there", Limit, Token);
        Assert.False(printing.IsCompleted);

        Clock.Forward(Permission.Patience + TellAgain);
        await printing.WaitAsync(Limit, TimeProvider.System, Token);
        await Relay.EndsAsync(session, SessionStatuses.Completed);
        Assert.Single(working.Paper);
        Assert.Empty(Ledger.Latest(1));
    }

    /// <summary>It was on when the job got its place.</summary>
    [Theory]
    [InlineData(Away.BeforeItsTurn)]
    [InlineData(Away.BeforeItTakesTheJob)]
    [InlineData(Away.BeforeItTakesTheJobInOneStep)]
    [InlineData(Away.WhenTheAgentStartsAgain)]
    [InlineData(Away.WhenTheAgentStartsAgainWithOtherJobs)]
    public async Task A_job_whose_printer_goes_off_before_it_has_any_of_it_is_left_to_another_PC(Away when)
    {
        await using var key = await Relay.CreateDeviceKeyAsync("the PC that works");
        using var other = Relay.ClientOf(key);
        await other.Shop.ReportAgentAsync(new AgentReport("the PC that works", "1", [Elsewhere]), Token);
        var file = await ClaimedAsync();
        using var turn = when is Away.BeforeItsTurn or Away.WhenTheAgentStartsAgainWithOtherJobs ? await Printer.TakeTurnAsync(() => Task.FromResult(true), Token) : null;
        if (when == Away.BeforeItTakesTheJob)
            Way.CutAt(IppOperation.CreateJob, Cut.Before, Paper.TurnOffAsync);
        Way.KnowsCreateJob = when != Away.BeforeItTakesTheJobInOneStep;
        if (!Way.KnowsCreateJob)
            Way.CutAt(operation => operation == IppOperation.GetPrinterAttributes && Ledger.LatestOf(file.Id) is { Step: Step.Intent, TwoSteps: false }, Cut.Before, Paper.TurnOffAsync);
        if (when is Away.WhenTheAgentStartsAgain or Away.WhenTheAgentStartsAgainWithOtherJobs)
        {
            Ledger.Add(AttemptFor(file));
            await Paper.TurnOffAsync();
        }

        var printing = Files.PrintAsync(Sent[0], file, again: null, isAskedFor: false, place: null, Token);
        if (when == Away.BeforeItsTurn)
        {
            await WaitsForItsTurnAsync();
            await Paper.TurnOffAsync();
        }

        if (when == Away.WhenTheAgentStartsAgainWithOtherJobs)
            await WaitsForItsTurnAsync();
        else
            await IsToldOfflineAsync(Sent[0]);
        Assert.False(printing.IsCompleted);
        Clock.Forward(Permission.Patience + TellAgain);
        Assert.Null(await printing.WaitAsync(Limit, TimeProvider.System, Token));
        Assert.True(await PrintOfAsync(Sent[0]) is { State: PrintStates.Failed, Reasons: [FilePrinting.GivenBack] });
        Assert.Null(Ledger.LatestOf(file.Id));
        Assert.Equal(0, Documents());
    }

    /// <summary>It has a place at the first one, which has fewer jobs.</summary>
    [Fact]
    public async Task A_job_whose_printer_goes_off_is_printed_by_another_one_of_this_PC()
    {
        await using var second = await TestPrinter.StartAsync(Token);
        using var printers = new ShopPrinters(Options.Create(new AgentOptions { Printers = $"{Way.Address},{second.Address}", Folder = Folder }), TimeProvider.System);
        var files = FilesOf(printers);
        var file = await ClaimedAsync();
        Assert.NotNull(await printers.All[0].SeeAsync(Token));
        using var another = printers.All[1].Enter();
        Way.CutAt(IppOperation.CreateJob, Cut.Before, Paper.TurnOffAsync);
        var printing = files.PrintAsync(Sent[0], file, again: null, isAskedFor: false, place: null, Token);
        await IsToldOfflineAsync(Sent[0]);

        Clock.Forward(Permission.Patience + TellAgain);
        Assert.Null(await printing.WaitAsync(Limit, TimeProvider.System, Token));
        Assert.Equal(Outcome.Done, (await files.PrintAsync(Sent[0], file, again: null, isAskedFor: false, place: null, Token))?.Outcome);
        Assert.Single(second.Paper);
    }

    private Task IsRenewedAsync() => Eventually.HoldsAsync(
        async () => await Relay.Processes.CountAsync($"SELECT count(*) FROM sessions WHERE session_id = '{Sent[0]}' AND claimed_until > now() + interval '5 minutes'", Token) == 1,
        "the claim is renewed", Limit, Token);

    private Task IsToldOfflineAsync(string session) => Eventually.HoldsAsync(
        async () => await PrintOfAsync(session) is { State: PrintStates.Sent, Reasons: [AttemptRun.Offline] }, "its customer is told", Limit, Token);

    private async Task ClaimEndsInAsync(int minutes) => Assert.Equal(1, await Relay.Processes.CountAsync(
        $"WITH claim AS (UPDATE sessions SET claimed_until = now() + interval '{minutes} minutes' WHERE session_id = '{Sent[0]}' RETURNING id) SELECT count(*) FROM claim", Token));

    /// <summary>A network that breaks each request for a session until it is over.</summary>
    private sealed class Outage(string session) : DelegatingHandler(new SocketsHttpHandler())
    {
        private volatile bool _isOver;

        public bool IsOver
        {
            get => _isOver;
            set => _isOver = value;
        }

        public int Requests { get; private set; }

        public int Answers { get; private set; }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (!request.RequestUri!.AbsolutePath.EndsWith(session, StringComparison.Ordinal))
                return await base.SendAsync(request, cancellationToken);
            Requests++;
            if (!IsOver)
                throw new HttpRequestException(HttpRequestError.ConnectionError);
            var answer = await base.SendAsync(request, cancellationToken);
            Answers++;
            return answer;
        }
    }
}
