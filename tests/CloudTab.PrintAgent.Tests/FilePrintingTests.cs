using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using CloudTab.Client;
using CloudTab.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace CloudTab.PrintAgent.Tests;

/// <summary>What is printed of a file that the agent has claimed, by what its ledger has of it already.</summary>
[Collection(RelayCollection.Name)]
public sealed class FilePrintingTests(RunningRelay relay) : PaperTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    // After so long the relay is asked again.
    private static readonly TimeSpan TellAgain = TimeSpan.FromSeconds(5);

    // As another PC tells of it.
    private static readonly AgentPrinter Elsewhere =
        new("Printer", PrinterStates.Idle, [], [IppPrinter.Pdf], Color: true, TwoSided: true, ["iso_a4_210x297mm"], "ipp://10.0.0.9/ipp/print");

    private readonly string _folder = Directory.CreateTempSubdirectory("cloudtab-files-").FullName;
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().AddSingleton<Telemetry>().BuildServiceProvider();
    private readonly List<string> _sessions = [];
    private readonly ForwardClock _clock = new();
    private AgentOptions? _options;
    private CutPrinter? _way;
    private Ledger? _ledger;
    private ShopPrinters? _printers;
    private Converter? _converter;
    private FilePrinting? _files;

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

    private CutPrinter Way => _way!;

    private Ledger Ledger => _ledger!;

    private ShopPrinter Printer => _printers!.All[0];

    private FilePrinting Files => _files!;

    public override async ValueTask InitializeAsync()
    {
        Given.RequireQpdf();
        await base.InitializeAsync();
        _way = await CutPrinter.StartAsync(Paper, Token);
        _options = new() { Printers = Way.Address, Folder = _folder };
        var options = Options.Create(_options);
        var clock = TimeProvider.System;
        _ledger = new(options.Value.LedgerFile);
        _printers = new(options, clock);
        _converter = new(_folder, path: null, clock, NullLogger<Converter>.Instance);
        _files = FilesOf(_printers);
    }

    public override async ValueTask DisposeAsync()
    {
        // Given back they would be printed by the agents of other tests.
        foreach (var session in _sessions)
            await relay.Client.Shop.CompleteAsync(session, Token);
        _converter?.Dispose();
        _printers?.Dispose();
        _ledger?.Dispose();
        if (_way is not null)
            await _way.DisposeAsync();
        await base.DisposeAsync();
        await _services.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

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
    public async Task A_job_whose_options_were_changed_does_not_wait_for_its_own_place_at_the_printer()
    {
        var file = await ClaimedAsync();
        var before = file with { PrintOptions = file.PrintOptions with { ColorMode = ColorModes.Color } };
        var place = await Files.TakePlaceAsync(before, again: null, (_, isThere) => Task.FromResult(isThere), Token);
        Assert.NotNull(place);
        using (Printer.Enter())
        using (Printer.Enter())
        using (Printer.Enter())
        {
            Assert.False(Printer.HasPlace);
            Assert.Equal(Outcome.Done, (await PrintAsync(file, place: place).WaitAsync(Limit, TimeProvider.System, Token)).Outcome);
        }

        Assert.Equal(0, Printer.Jobs);
    }

    /// <summary>The relay lets no such page ranges in: they stand for whatever nobody has foreseen.</summary>
    [Fact]
    public async Task A_file_of_which_no_document_can_be_made_comes_to_the_counter_whatever_the_reason()
    {
        var file = await ClaimedAsync();

        var attempt = await PrintAsync(file with { PrintOptions = file.PrintOptions with { PageRanges = "the first" } });
        Assert.Equal((Outcome.Aborted, "damaged-file"), (attempt.Outcome, attempt.Reasons));
        Assert.Equal(0, Printer.Jobs);
        Assert.Equal(0, Documents());
    }

    [Fact]
    public async Task A_file_that_this_PC_cannot_keep_comes_to_the_counter()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "files"), "where the folder should be", Token);
        var file = await ClaimedAsync();

        var attempt = await PrintAsync(file);
        Assert.Equal((Outcome.Aborted, "disk-error"), (attempt.Outcome, attempt.Reasons));
        Assert.Equal(0, Documents());
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

    /// <summary>The relay could not be reached, or the PC was asleep, until the claim had lapsed. The relay knows of no attempt, so nobody would look at the file.</summary>
    [Theory]
    [InlineData(null)]
    [InlineData(nameof(Step.Waiting))]
    [InlineData(nameof(Step.Intent))]
    public async Task An_attempt_whose_claim_lapsed_before_the_relay_heard_of_it_is_forgotten_and_the_file_printed_later(string? step)
    {
        var file = await ClaimedAsync();
        await relay.Client.Shop.ReleaseAsync(_sessions[0], Token);

        if (step is null)
            await PrintAsync(file);
        else
            await Files.SettleAsync(Ledger.Add(AttemptFor(file) with { Step = Enum.Parse<Step>(step) }), Token);
        Assert.Null(Ledger.LatestOf(file.Id));
        Assert.Equal(0, Documents());

        await relay.Client.Shop.ClaimAsync(_sessions[0], Token);
        Assert.Equal(Outcome.Done, (await PrintAsync(file)).Outcome);
        Assert.Equal(1, Documents());
    }

    /// <summary>The first file is unknown to this PC, and on paper: a person, or another PC, has said so.</summary>
    [Fact]
    public async Task A_wish_to_print_a_session_again_leaves_out_what_the_relay_knows_as_printed()
    {
        var session = await SendAsync(("one.pdf", Given.Pdf(text: "One"), null), ("two.pdf", Given.Pdf(text: "Two"), null));
        var attempts = (await relay.Client.Shop.ClaimAsync(session, Token)).Files
            .Select(file => Ledger.Add(AttemptFor(file) with { Step = Step.Reported, Outcome = Outcome.Unknown })).ToList();
        await relay.Client.Shop.ReportPrintAsync(attempts[0].File, new PrintReport(attempts[0].Id, "Printer", PrintStates.Printed), Token);
        await relay.Client.Shop.ReportPrintAsync(attempts[1].File, new PrintReport(attempts[1].Id, "Printer", PrintStates.Failed), Token);
        await relay.Client.Shop.ReleaseAsync(session, Token);
        using var sessions = Sessions();

        await sessions.PrintAsync(session, isOwn: false, new Again("it was crumpled", attempts.Select(attempt => attempt.Id).ToHashSet()), isAskedFor: true, () => { }, Token);
        Assert.Equal(1, Documents());
        Assert.Equal(attempts[0].Id, Ledger.LatestOf(attempts[0].File)!.Id);
        Assert.Equal(SessionStatuses.Completed, (await relay.Client.Shop.GetSessionAsync(session, Token)).Status);
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

    [Fact]
    public async Task A_printer_is_asked_to_keep_nothing_of_a_job_that_has_ended_and_not_to_cancel_one_that_has_not()
    {
        await Paper.HoldAsync(Token);
        Way.Refusal = (IppOperation.GetJobAttributes, IppStatus.Gone);
        Assert.Equal(Outcome.Unknown, (await PrintAsync(await ClaimedAsync())).Outcome);
        Assert.DoesNotContain(IppOperation.CancelJob, Way.Requests);
        Paper.Release();

        Assert.Equal(Outcome.Done, (await PrintAsync(await ClaimedAsync())).Outcome);
        Assert.Contains(IppOperation.CancelJob, Way.Requests);
        Assert.Equal(2, Paper.Paper.Count);
        Assert.Empty(Ledger.Leftovers());
    }

    /// <summary>The relay takes no report with a word that is no keyword of IPP.</summary>
    [Fact]
    public async Task The_shop_hears_of_a_printer_also_if_it_says_something_odd()
    {
        Way.IsOdd = true;
        using var presence = new Presence(relay.Client, _printers!, Options.Create(_options!), TimeProvider.System, NullLogger<Presence>.Instance);
        await presence.StartAsync(Token);

        await Eventually.HoldsAsync(
            async () => (await relay.Client.Shop.GetAgentsAsync(Token)).SelectMany(agent => agent.Printers).Any(printer => printer is { State: PrinterStates.Idle } && printer.Uri == Way.Address),
            "the shop hears of it", Limit, Token);
        await presence.StopAsync(Token);
    }

    [Theory]
    [InlineData(nameof(AutoPrint.True), AutoPrints.All)]
    [InlineData(nameof(AutoPrint.Paid), AutoPrints.Paid)]
    [InlineData(nameof(AutoPrint.False), AutoPrints.None)]
    public async Task The_shop_hears_which_jobs_are_printed_by_themselves(string setting, string told)
    {
        _options!.AutoPrint = Enum.Parse<AutoPrint>(setting);
        using var presence = new Presence(relay.Client, _printers!, Options.Create(_options), TimeProvider.System, NullLogger<Presence>.Instance);
        await presence.StartAsync(Token);

        await Eventually.HoldsAsync(
            async () => (await relay.Client.Shop.GetAgentsAsync(Token)).Any(agent => agent.AutoPrint == told && agent.Printers.Any(printer => printer.Uri == Way.Address)),
            "the shop hears of it", Limit, Token);
        await presence.StopAsync(Token);
    }

    /// <summary>As when its plug is pulled: no connection is reset.</summary>
    [Fact]
    public async Task The_shop_hears_of_a_printer_that_falls_silent_long_before_its_time_limit()
    {
        using var presence = new Presence(relay.Client, _printers!, Options.Create(_options!), TimeProvider.System, NullLogger<Presence>.Instance);
        using var job = Printer.Enter();
        await presence.StartAsync(Token);
        await IsSeenAsync(PrinterStates.Idle);
        var power = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Way.Held = (null, power.Task);

        await IsSeenAsync(PrinterStates.Offline);
        power.SetResult();
        await IsSeenAsync(PrinterStates.Idle);
        await presence.StopAsync(Token);

        // Its time limit, and the pause between reports of what has not changed, are 30 s.
        Task IsSeenAsync(string state) => Eventually.HoldsAsync(
            async () => (await relay.Client.Shop.GetAgentsAsync(Token)).SelectMany(agent => agent.Printers).Any(printer => printer.State == state && printer.Uri == Way.Address),
            $"the shop sees it {state}", TimeSpan.FromSeconds(15), Token);
    }

    /// <summary>CUPS may still have the document then: it is in the ledger that it is to be asked again.</summary>
    [Theory]
    [InlineData(nameof(IppOperation.GetPrinterAttributes))]
    [InlineData(nameof(IppOperation.CancelJob))]
    public async Task An_outcome_does_not_wait_for_a_printer_that_falls_silent_before_the_purge(string operation)
    {
        Way.IsCups = true;
        var file = await ClaimedAsync();
        var sending = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Way.Held = (IppOperation.SendDocument, sending.Task);
        var printing = PrintAsync(file);
        await Eventually.HoldsAsync(() => Task.FromResult(Documents() == 1), "the document is on its way", Limit, Token);
        var (power, silent, looks) = (new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), Enum.Parse<IppOperation>(operation), Looks());
        Way.Held = (silent, power.Task);
        // It is looked at each second meanwhile.
        await Eventually.HoldsAsync(() => Task.FromResult(silent != IppOperation.GetPrinterAttributes || Looks() > looks), "it is looked at, and silent", Limit, Token);
        sending.SetResult();

        // Its time limit is 30 s.
        var attempt = await printing.WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System, Token);
        Assert.Equal((Outcome.Done, Step.Reported), (attempt.Outcome, attempt.Step));
        Assert.Equal(attempt.Token, Assert.Single(Ledger.Leftovers()).Token);
        power.SetResult();
    }

    [Fact]
    public async Task A_job_at_a_printer_without_a_name_that_counts_wrong_is_printed_and_reported()
    {
        Way.IsOdd = true;
        var file = await ClaimedAsync();

        var attempt = await PrintAsync(file);
        Assert.Equal((Outcome.Done, Step.Reported, null), (attempt.Outcome, attempt.Step, attempt.Pages));
        Assert.Equal(PrintStates.Printed, (await PrintOfAsync(_sessions[0]))?.State);
    }

    [Fact]
    public async Task A_print_is_one_span_and_one_value_of_its_duration()
    {
        var (spans, outcomes) = (new ConcurrentQueue<string>(), new ConcurrentQueue<object?>());
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source == Telemetry.Source,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = span => spans.Enqueue(span.OperationName),
        };
        ActivitySource.AddActivityListener(listener);
        using var meters = new MeterListener
        {
            InstrumentPublished = (instrument, meters) =>
            {
                if (instrument.Name == "cloudtab.print.duration")
                    meters.EnableMeasurementEvents(instrument);
            },
        };
        meters.SetMeasurementEventCallback<double>((_, _, tags, _) => outcomes.Enqueue(tags[0].Value));
        meters.Start();

        await PrintAsync(await ClaimedAsync());
        Assert.Single(spans, "print file");
        Assert.Equal("done", Assert.Single(outcomes));
    }

    [Fact]
    public async Task A_printer_that_takes_no_jobs_is_one_that_is_stopped_to_the_shop()
    {
        Way.TakesJobs = false;
        using var presence = new Presence(relay.Client, _printers!, Options.Create(_options!), TimeProvider.System, NullLogger<Presence>.Instance);
        await presence.StartAsync(Token);

        await Eventually.HoldsAsync(
            async () => (await relay.Client.Shop.GetAgentsAsync(Token)).SelectMany(agent => agent.Printers).Any(printer => printer is { State: PrinterStates.Stopped } && printer.Uri == Way.Address),
            "the shop hears of it", Limit, Token);
        await presence.StopAsync(Token);
    }

    /// <summary>All places at the printer are taken when it is paid.</summary>
    [Fact]
    public async Task What_has_grown_while_it_waited_for_its_printer_is_not_printed_before_the_rest_is_paid()
    {
        var offer = await relay.Client.Shop.GetOfferAsync(Token);
        await relay.Client.Shop.SetOfferAsync(offer with { Prices = [new(MediaNames.A4, ColorModes.Monochrome, 200)] }, Token);
        using var sessions = Sessions(AutoPrint.Paid);
        var session = await SendAsync(("one.pdf", Given.Pdf(), null));
        await CostsAsync(session, 200);
        await relay.Client.Shop.MarkPaidAsync(session, Token);
        var places = Enumerable.Range(0, 4).Select(_ => Printer.Enter()).ToList();
        var printing = sessions.PrintAsync(session, isOwn: false, again: null, isAskedFor: false, () => { }, Token);
        await Eventually.HoldsAsync(() => Task.FromResult(Printer.Description is not null), "it waits for a place", Limit, Token);
        using (var more = new MemoryStream(Given.Pdf(text: "Not paid")))
            await relay.Client.Customer.UploadAsync(session, [new FileToUpload("two.pdf", more)], cancellationToken: Token);
        await CostsAsync(session, 400);
        Assert.False(printing.IsCompleted);

        foreach (var place in places)
            place.Dispose();
        await printing.WaitAsync(Limit, TimeProvider.System, Token);
        Assert.Equal(SessionStatuses.Pending, (await relay.Client.Shop.GetSessionAsync(session, Token)).Status);
        Assert.Equal(0, Documents());

        await relay.Client.Shop.MarkPaidAsync(session, Token);
        await sessions.PrintAsync(session, isOwn: false, again: null, isAskedFor: false, () => { }, Token);
        Assert.Equal(2, Documents());
        await relay.Client.Shop.SetOfferAsync(offer, Token);
        _sessions.Clear();
    }

    [Fact]
    public async Task A_document_that_waits_for_its_turn_is_gone_when_its_customer_has_withdrawn_it()
    {
        var file = await ClaimedAsync();
        using var turn = await Printer.TakeTurnAsync(() => Task.FromResult(true), Token);
        var printing = PrintAsync(file);
        await WaitsForItsTurnAsync();
        Assert.Single(Directory.GetFiles(Path.Combine(_folder, "files")));

        await relay.Client.Customer.WithdrawAsync(_sessions[0], Token);
        _sessions.Clear();
        _clock.Forward(TellAgain);
        var attempt = await printing.WaitAsync(TimeSpan.FromSeconds(15), TimeProvider.System, Token);
        Assert.Equal((Outcome.Aborted, FilePrinting.GivenBack), (attempt.Outcome, attempt.Reasons));
        Assert.Empty(Directory.GetFiles(Path.Combine(_folder, "files")));
        Assert.Equal(0, Documents());
    }

    /// <summary>The PC may die while the document waits: nobody has to look then at what came out of a printer that was asked for nothing.</summary>
    [Fact]
    public async Task A_job_that_waits_for_its_turn_is_told_to_nobody_and_another_PC_gets_it_when_its_claim_lapses()
    {
        await using var key = await relay.CreateDeviceKeyAsync("the PC that lives");
        using var other = relay.ClientOf(key);
        var file = await ClaimedAsync();
        using var turn = await Printer.TakeTurnAsync(() => Task.FromResult(true), Token);
        var printing = PrintAsync(file);
        await WaitsForItsTurnAsync();
        await ClaimEndsInAsync(minutes: 1);
        _clock.Forward(TellAgain);
        await IsRenewedAsync();
        Assert.Empty(await relay.Client.Shop.GetPrintsAsync(file.Id, Token));
        Assert.Null(Ledger.LatestOf(file.Id));

        await ClaimEndsInAsync(minutes: -1);
        await other.Shop.ClaimAsync(_sessions[0], Token);
        _clock.Forward(TellAgain);
        var attempt = await printing.WaitAsync(Limit, TimeProvider.System, Token);
        Assert.Equal((Outcome.Aborted, FilePrinting.GivenBack), (attempt.Outcome, attempt.Reasons));
        Assert.Empty(Directory.GetFiles(Path.Combine(_folder, "files")));
        Assert.Empty(await relay.Client.Shop.GetPrintsAsync(file.Id, Token));
        Assert.Equal(0, Documents());
        await other.Shop.CompleteAsync(_sessions[0], Token);
        _sessions.Clear();
    }

    /// <summary>It waits for its turn when the counter takes the mark back.</summary>
    [Fact]
    public async Task What_is_not_paid_any_more_when_its_turn_comes_waits_for_the_counter()
    {
        using var sessions = Sessions(AutoPrint.Paid);
        var session = await SendAsync(("one.pdf", Given.Pdf(), null));
        await relay.Client.Shop.MarkPaidAsync(session, Token);
        var turn = await Printer.TakeTurnAsync(() => Task.FromResult(true), Token);
        var printing = sessions.PrintAsync(session, isOwn: false, again: null, isAskedFor: false, () => { }, Token);
        await WaitsForItsTurnAsync();
        await relay.Client.Shop.MarkUnpaidAsync(session, Token);
        turn!.Dispose();

        await printing.WaitAsync(Limit, TimeProvider.System, Token);
        Assert.Equal(0, Documents());
        await IsPrintedWhenPaidAsync(sessions);
    }

    /// <summary>It has its turn, and the printer is busy with somebody else's job, when the counter takes the mark back.</summary>
    [Fact]
    public async Task What_is_not_paid_any_more_when_its_printer_takes_it_waits_for_the_counter()
    {
        using var sessions = Sessions(AutoPrint.Paid);
        var session = await SendAsync(("one.pdf", Given.Pdf(), null));
        await relay.Client.Shop.MarkPaidAsync(session, Token);
        var busy = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        (Way.Held, Way.Refusal) = ((IppOperation.CreateJob, busy.Task), (IppOperation.CreateJob, IppStatus.Busy));
        var printing = sessions.PrintAsync(session, isOwn: false, again: null, isAskedFor: false, () => { }, Token);
        await Eventually.HoldsAsync(() => Task.FromResult(Way.Requests.Contains(IppOperation.CreateJob)), "the printer is asked", Limit, Token);
        await relay.Client.Shop.MarkUnpaidAsync(session, Token);
        busy.SetResult();

        await printing.WaitAsync(Limit, TimeProvider.System, Token);
        Assert.True(await PrintOfAsync(session) is { State: PrintStates.Failed, Reasons: [FilePrinting.GivenBack] });
        Assert.Equal(0, Documents());
        await IsPrintedWhenPaidAsync(sessions);
    }

    /// <summary>Then the agent was killed, and the counter has taken the mark back meanwhile.</summary>
    [Theory]
    [InlineData(nameof(Step.Waiting))]
    [InlineData(nameof(Step.Intent))]
    public async Task What_an_earlier_run_did_not_get_to_its_printer_and_is_not_paid_any_more_waits_for_the_counter(string step)
    {
        using var sessions = Sessions(AutoPrint.Paid);
        var file = await ClaimedAsync();
        Ledger.Add(AttemptFor(file) with { Step = Enum.Parse<Step>(step) });

        await sessions.PrintAsync(_sessions[0], isOwn: true, again: null, isAskedFor: false, () => { }, Token);
        Assert.True(await PrintOfAsync(_sessions[0]) is { State: PrintStates.Failed, Reasons: [FilePrinting.GivenBack] });
        Assert.Null(Ledger.LatestOf(file.Id));
        Assert.Equal(0, Documents());
        await IsPrintedWhenPaidAsync(sessions);
    }

    [Fact]
    public async Task The_second_file_waits_for_the_counter_if_it_is_not_paid_any_more_when_the_first_is_printed()
    {
        using var sessions = Sessions(AutoPrint.Paid);
        var session = await SendAsync(("one.pdf", Given.Pdf(text: "One"), null), ("two.pdf", Given.Pdf(text: "Two"), null));
        await relay.Client.Shop.MarkPaidAsync(session, Token);
        var sending = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Way.Held = (IppOperation.SendDocument, sending.Task);
        var printing = sessions.PrintAsync(session, isOwn: false, again: null, isAskedFor: false, () => { }, Token);
        await Eventually.HoldsAsync(() => Task.FromResult(Documents() == 1), "the first is on its way", Limit, Token);
        await relay.Client.Shop.MarkUnpaidAsync(session, Token);
        sending.SetResult();

        await printing.WaitAsync(Limit, TimeProvider.System, Token);
        Assert.Equal(1, Documents());
        await IsPrintedWhenPaidAsync(sessions);
        Assert.Equal(2, Paper.Paper.Count);
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
        Assert.True(await PrintOfAsync(_sessions[0]) is { State: PrintStates.Failed, Reasons: [FilePrinting.GivenBack] });
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
        await using var key = await relay.CreateDeviceKeyAsync("the PC for colours");
        using var other = relay.ClientOf(key);
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
            var printing = sessions.PrintAsync(session, isOwn: false, again: null, isAskedFor: false, () => { }, stop.Token);
            await IsToldOfflineAsync(session);
            await ClaimEndsInAsync(minutes: 1);
            _clock.Forward(Permission.Patience + TellAgain);
            await IsRenewedAsync();
            Assert.False(printing.IsCompleted);

            await stop.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => printing);
            Assert.Equal(SessionStatuses.Pending, (await relay.Client.Shop.GetSessionAsync(session, Token)).Status);
            Assert.True(await PrintOfAsync(session) is { State: PrintStates.Failed, Reasons: [FilePrinting.GivenBack] });
            Assert.Null(Ledger.LatestOf(file));
        }

        await relay.Client.Customer.WithdrawAsync(session, Token);
        _sessions.Clear();
    }

    /// <summary>The other PC's printer works, and can do what is asked for. The counter marks the job as paid when its customer has heard of the printer.</summary>
    [Theory]
    [InlineData(AutoPrints.None, true, false)]
    [InlineData(AutoPrints.Paid, false, false)]
    [InlineData(AutoPrints.Paid, true, true)]
    public async Task A_job_whose_printer_is_off_is_left_to_another_PC_only_if_that_prints_it_by_itself(string autoPrint, bool isPaid, bool isLeft)
    {
        await using var key = await relay.CreateDeviceKeyAsync("the PC that holds jobs");
        using var other = relay.ClientOf(key);
        await other.Shop.ReportAgentAsync(new AgentReport("the PC that holds jobs", "1", [Elsewhere], autoPrint), Token);
        await Paper.TurnOffAsync();
        using var sessions = Sessions();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var session = await SendAsync(("one.pdf", Given.Pdf(), null));
        var printing = sessions.PrintAsync(session, isOwn: false, again: null, isAskedFor: false, () => { }, stop.Token);
        await IsToldOfflineAsync(session);
        if (isPaid)
            await relay.Client.Shop.MarkPaidAsync(session, Token);
        await ClaimEndsInAsync(minutes: 1);
        _clock.Forward(Permission.Patience + TellAgain);
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

        Assert.Equal(SessionStatuses.Pending, (await relay.Client.Shop.GetSessionAsync(session, Token)).Status);
        await relay.Client.Customer.WithdrawAsync(session, Token);
        _sessions.Clear();
    }

    /// <summary>Nobody else was there when it was claimed, so that its customer hears of the printer. The other agent is started later.</summary>
    [Fact]
    public async Task A_job_whose_printer_stays_off_is_handed_over_to_another_agent()
    {
        const string name = "the PC that works";
        await Paper.TurnOffAsync();
        using var sessions = Sessions();
        var session = await relay.SendAsync(("one.pdf", Given.Pdf(), null));
        var printing = sessions.PrintAsync(session.SessionId, isOwn: true, again: null, isAskedFor: false, () => { }, Token);
        await IsToldOfflineAsync(session.SessionId);
        await using var working = await TestPrinter.StartAsync(Token);
        await using var key = await relay.CreateDeviceKeyAsync(name);
        await using var other = new AgentProcess(relay, working.Address) { Settings = { ["CLOUDTAB_API_KEY"] = key.Text } };
        await other.StartAsync(Token);
        await Eventually.HoldsAsync(
            async () => (await relay.Client.Shop.GetAgentsAsync(Token)).Any(one => one.KeyName == name && one.Printers is [{ State: PrinterStates.Idle }]), "the other is there", Limit, Token);
        Assert.False(printing.IsCompleted);

        _clock.Forward(Permission.Patience + TellAgain);
        await printing.WaitAsync(Limit, TimeProvider.System, Token);
        await relay.EndsAsync(session, SessionStatuses.Completed);
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
        await using var key = await relay.CreateDeviceKeyAsync("the PC that works");
        using var other = relay.ClientOf(key);
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

        var printing = Files.PrintAsync(_sessions[0], file, again: null, isAskedFor: false, place: null, Token);
        if (when == Away.BeforeItsTurn)
        {
            await WaitsForItsTurnAsync();
            await Paper.TurnOffAsync();
        }

        if (when == Away.WhenTheAgentStartsAgainWithOtherJobs)
            await Eventually.HoldsAsync(() => Task.FromResult(Way.Requests.Contains(IppOperation.GetPrinterAttributes)), "it waits for its turn", Limit, Token);
        else
            await IsToldOfflineAsync(_sessions[0]);
        Assert.False(printing.IsCompleted);
        _clock.Forward(Permission.Patience + TellAgain);
        Assert.Null(await printing.WaitAsync(Limit, TimeProvider.System, Token));
        Assert.True(await PrintOfAsync(_sessions[0]) is { State: PrintStates.Failed, Reasons: [FilePrinting.GivenBack] });
        Assert.Null(Ledger.LatestOf(file.Id));
        Assert.Equal(0, Documents());
    }

    /// <summary>It has a place at the first one, which has fewer jobs.</summary>
    [Fact]
    public async Task A_job_whose_printer_goes_off_is_printed_by_another_one_of_this_PC()
    {
        await using var second = await TestPrinter.StartAsync(Token);
        using var printers = new ShopPrinters(Options.Create(new AgentOptions { Printers = $"{Way.Address},{second.Address}", Folder = _folder }), TimeProvider.System);
        var files = FilesOf(printers);
        var file = await ClaimedAsync();
        Assert.NotNull(await printers.All[0].SeeAsync(Token));
        using var another = printers.All[1].Enter();
        Way.CutAt(IppOperation.CreateJob, Cut.Before, Paper.TurnOffAsync);
        var printing = files.PrintAsync(_sessions[0], file, again: null, isAskedFor: false, place: null, Token);
        await IsToldOfflineAsync(_sessions[0]);

        _clock.Forward(Permission.Patience + TellAgain);
        Assert.Null(await printing.WaitAsync(Limit, TimeProvider.System, Token));
        Assert.Equal(Outcome.Done, (await files.PrintAsync(_sessions[0], file, again: null, isAskedFor: false, place: null, Token))?.Outcome);
        Assert.Single(second.Paper);
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
        var file = Assert.Single((await relay.Client.Shop.ClaimAsync(session, Token)).Files).Id;
        await relay.Client.Shop.ReportPrintAsync(file, new PrintReport(Guid.NewGuid(), "Another", state, Reasons: reason is null ? null : [reason]), Token);
        await relay.Client.Shop.ReportPrintAsync(file, new PrintReport(Guid.NewGuid(), "A third", PrintStates.Failed, Reasons: [FilePrinting.GivenBack], Again: "nothing came out"), Token);
        await relay.Client.Shop.ReleaseAsync(session, Token);
        using var sessions = Sessions();

        await sessions.PrintAsync(session, isOwn: false, again: null, isAskedFor: false, () => { }, Token);
        Assert.Equal(isPrinted ? Outcome.Done : null, Ledger.LatestOf(file)?.Outcome);
        Assert.Equal(isPrinted ? 1 : 0, Documents());
        if (!isPrinted)
            await relay.Client.Customer.WithdrawAsync(session, Token);
        _sessions.Clear();
    }

    /// <summary>They do it to send another one, for which the session must be there still. First before the agent hears of it, then while it waits for a place.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_session_whose_customer_has_taken_back_the_only_file_is_not_completed(bool isWaiting)
    {
        using var sessions = Sessions();
        var session = await SendAsync(("one.pdf", Given.Pdf(text: "Wrong"), null));
        var file = Assert.Single((await relay.Client.Shop.GetSessionAsync(session, Token)).Files).Id;
        var places = Enumerable.Range(0, isWaiting ? 4 : 0).Select(_ => Printer.Enter()).ToList();
        if (!isWaiting)
            await relay.Client.Customer.RemoveFileAsync(session, file, Token);
        var printing = sessions.PrintAsync(session, isOwn: false, again: null, isAskedFor: false, () => { }, Token);
        if (isWaiting)
        {
            await Eventually.HoldsAsync(() => Task.FromResult(Printer.Description is not null), "it waits for a place", Limit, Token);
            await relay.Client.Customer.RemoveFileAsync(session, file, Token);
            places.ForEach(place => place.Dispose());
        }

        await printing.WaitAsync(Limit, TimeProvider.System, Token);
        Assert.Equal(SessionStatuses.Pending, (await relay.Client.Shop.GetSessionAsync(session, Token)).Status);
        using (var right = new MemoryStream(Given.Pdf(text: "Right")))
            await relay.Client.Customer.UploadAsync(session, [new FileToUpload("two.pdf", right)], cancellationToken: Token);
        await sessions.PrintAsync(session, isOwn: false, again: null, isAskedFor: false, () => { }, Token);
        Assert.Equal(SessionStatuses.Completed, (await relay.Client.Shop.GetSessionAsync(session, Token)).Status);
        Assert.Equal(1, Documents());
        _sessions.Clear();
    }

    /// <summary>It may take orders from its own panel only.</summary>
    [Fact]
    public async Task A_job_that_its_printer_never_cancels_is_followed_to_its_end()
    {
        Way.CutAt(IppOperation.CancelJob, Cut.Before, CutAgainAsync);
        await Paper.HoldAsync(Token, "media-jam");
        var file = await ClaimedAsync();
        var printing = PrintAsync(file);
        await Eventually.HoldsAsync(() => Task.FromResult(Paper.Begun == 1 && Ledger.LatestOf(file.Id) is { Step: Step.Sent }), "it is at the printer", Limit, Token);
        await relay.Client.Customer.WithdrawAsync(_sessions[0], Token);

        _clock.Forward(TellAgain);
        await Eventually.HoldsAsync(() => Task.FromResult(Way.Requests.Count(one => one == IppOperation.CancelJob) > 1), "the printer is told again", Limit, Token);
        Paper.Release();
        var attempt = await printing.WaitAsync(Limit, TimeProvider.System, Token);
        Assert.Equal((Outcome.Done, Step.Reported), (attempt.Outcome, attempt.Step));
        _sessions.Clear();

        Task CutAgainAsync()
        {
            Way.CutAt(IppOperation.CancelJob, Cut.Before, CutAgainAsync);
            return Task.CompletedTask;
        }
    }

    /// <summary>Its printer is jammed, and would print it as soon as somebody clears that. The counter may have printed it elsewhere by then.</summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task A_job_that_is_taken_away_while_it_is_at_the_printer_is_cancelled_there(bool isWithdrawn, bool isBusy)
    {
        Way.Refusal = isBusy ? (IppOperation.CancelJob, IppStatus.Busy) : null;
        await Paper.HoldAsync(Token, "media-jam");
        var file = await ClaimedAsync();
        var printing = PrintAsync(file);
        await Eventually.HoldsAsync(() => Task.FromResult(Paper.Begun == 1 && Ledger.LatestOf(file.Id) is { Step: Step.Sent }), "it is at the printer", Limit, Token);
        if (isWithdrawn)
            await relay.Client.Customer.WithdrawAsync(_sessions[0], Token);
        else
            await relay.Client.Shop.ReleaseAsync(_sessions[0], "the printer is jammed", Token);

        _clock.Forward(TellAgain);
        await Eventually.HoldsAsync(
            () => Task.FromResult(Way.Requests.Count(one => one == IppOperation.CancelJob) == (isBusy ? 2 : 1)), "the printer is told until it says yes", Limit, Token);
        Paper.Release();
        var attempt = await printing.WaitAsync(Limit, TimeProvider.System, Token);
        Assert.Equal((Outcome.Aborted, Step.Reported), (attempt.Outcome, attempt.Step));
        Assert.Equal(isBusy ? 3 : 2, Way.Requests.Count(one => one == IppOperation.CancelJob)); // the last one has its document removed
        if (!isWithdrawn)
        {
            Assert.Equal(PrintStates.Failed, (await PrintOfAsync(_sessions[0]))?.State);
            await relay.Client.Customer.WithdrawAsync(_sessions[0], Token);
        }

        _sessions.Clear();
    }

    [Fact]
    public async Task Nothing_of_a_document_is_on_this_PC_once_its_printer_has_all_of_it()
    {
        await Paper.HoldAsync(Token);
        var file = await ClaimedAsync();
        var printing = PrintAsync(file);
        await Eventually.HoldsAsync(
            () => Task.FromResult(Ledger.LatestOf(file.Id) is { Step: Step.Sent } && Directory.GetFiles(Path.Combine(_folder, "files")) is []), "it is deleted", Limit, Token);
        Assert.False(printing.IsCompleted);

        Paper.Release();
        Assert.Equal(Outcome.Done, (await printing).Outcome);
    }

    [Fact]
    public async Task What_no_printer_could_print_is_printed_when_its_customer_wants_it_in_another_way()
    {
        using var sessions = Sessions();
        var session = await SendAsync(("wide.pdf", Given.Pdf(), new() { Media = MediaNames.A3 }));
        await sessions.PrintAsync(session, isOwn: false, again: null, isAskedFor: false, () => { }, Token);
        var failed = Assert.Single(Ledger.Latest(2));
        Assert.Equal((Step.Reported, "no-media"), (failed.Step, failed.Reasons));
        await sessions.PrintAsync(session, isOwn: false, again: null, isAskedFor: false, () => { }, Token);
        Assert.Equal(failed, Assert.Single(Ledger.Latest(2)));

        await relay.Client.Customer.ChangeOptionsAsync(session, failed.File, new() { Media = MediaNames.A4 }, Token);
        await sessions.PrintAsync(session, isOwn: false, again: null, isAskedFor: false, () => { }, Token);
        Assert.Equal(SessionStatuses.Completed, (await relay.Client.Shop.GetSessionAsync(session, Token)).Status);
        Assert.Equal(1, Documents());
        _sessions.Clear();
    }

    /// <summary>Its lifetime is over, and a younger file of the session is printed. The relay holds the session until it hears what became of both.</summary>
    [Fact]
    public async Task An_attempt_of_an_earlier_run_is_settled_also_if_its_file_is_deleted()
    {
        using var sessions = Sessions();
        var session = await SendAsync(("one.pdf", Given.Pdf(text: "One"), null), ("two.pdf", Given.Pdf(text: "Two"), null));
        var files = (await relay.Client.Shop.ClaimAsync(session, Token)).Files;
        var old = Ledger.Add(AttemptFor(files[0]));
        await relay.Client.Shop.ReportPrintAsync(old.File, new PrintReport(old.Id, "Printer", PrintStates.Sent), Token);
        Assert.Equal(1, await relay.Processes.CountAsync(
            $"WITH expired AS (UPDATE files SET status = 'deleting' WHERE id = '{old.File}' RETURNING id) SELECT count(*) FROM expired", Token));

        await sessions.PrintAsync(session, isOwn: true, again: null, isAskedFor: false, () => { }, Token);
        Assert.Equal((Step.Reported, FilePrinting.GivenBack), (Ledger.Find(old.Id)?.Step, Ledger.Find(old.Id)?.Reasons));
        Assert.Equal(SessionStatuses.Completed, (await relay.Client.Shop.GetSessionAsync(session, Token)).Status);
        Assert.Equal(1, Documents());
        _sessions.Clear();
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

    private FilePrinting FilesOf(ShopPrinters printers) => new(
        relay.Client, Ledger, printers, new(relay.Client, printers, Options.Create(_options!), TimeProvider.System), new(_options!.Files, new(_options.Files, TimeProvider.System), _converter!),
        new(relay.Client, printers, TimeProvider.System, NullLogger<PrintReports>.Instance), _services.GetRequiredService<Telemetry>(), Options.Create(_options), _clock,
        NullLogger<FilePrinting>.Instance);

    private SessionPrinting Sessions(AutoPrint autoPrint = AutoPrint.True)
    {
        _options!.AutoPrint = autoPrint;
        return new(
            relay.Client, Ledger, Files, new(relay.Client, _printers!, Options.Create(_options), TimeProvider.System), Options.Create(_options), TimeProvider.System, NullLogger<SessionPrinting>.Instance);
    }

    // A file of the session that was sent last.
    private async Task<Attempt> PrintAsync(FileDetails file, Again? again = null, Place? place = null)
    {
        var attempt = await Files.PrintAsync(_sessions[^1], file, again, isAskedFor: false, place, Token);
        Assert.NotNull(attempt);
        return attempt;
    }

    // The printer is looked at before it gives a place. While another job has the turn it is looked at again, and the document is ready then.
    private Task WaitsForItsTurnAsync() => Eventually.HoldsAsync(
        () => Task.FromResult(Looks() > 1), "it waits for its turn", Limit, Token);

    private async Task IsPrintedWhenPaidAsync(SessionPrinting sessions)
    {
        Assert.Equal(SessionStatuses.Pending, (await relay.Client.Shop.GetSessionAsync(_sessions[0], Token)).Status);
        await relay.Client.Shop.MarkPaidAsync(_sessions[0], Token);
        var before = Documents();
        await sessions.PrintAsync(_sessions[0], isOwn: false, again: null, isAskedFor: false, () => { }, Token);
        Assert.Equal(before + 1, Documents());
        Assert.Equal(SessionStatuses.Completed, (await relay.Client.Shop.GetSessionAsync(_sessions[0], Token)).Status);
        _sessions.Clear();
    }

    private Task IsRenewedAsync() => Eventually.HoldsAsync(
        async () => await relay.Processes.CountAsync($"SELECT count(*) FROM sessions WHERE session_id = '{_sessions[0]}' AND claimed_until > now() + interval '5 minutes'", Token) == 1,
        "the claim is renewed", Limit, Token);

    private Task IsToldOfflineAsync(string session) => Eventually.HoldsAsync(
        async () => await PrintOfAsync(session) is { State: PrintStates.Sent, Reasons: [AttemptRun.Offline] }, "its customer is told", Limit, Token);

    private async Task ClaimEndsInAsync(int minutes) => Assert.Equal(1, await relay.Processes.CountAsync(
        $"WITH claim AS (UPDATE sessions SET claimed_until = now() + interval '{minutes} minutes' WHERE session_id = '{_sessions[0]}' RETURNING id) SELECT count(*) FROM claim", Token));

    private async Task<FilePrint?> PrintOfAsync(string session) => Assert.Single((await relay.Client.Shop.GetSessionAsync(session, Token)).Files).Print;

    private Task CostsAsync(string session, long amount) => Eventually.HoldsAsync(
        async () => (await relay.Client.Shop.GetSessionAsync(session, Token)).Price is { IsComplete: true } price && price.Amount == amount, $"it costs {amount}", Limit, Token);

    private async Task<FileDetails> ClaimedAsync()
    {
        var session = await SendAsync(("one.pdf", Given.Pdf(), null));
        return Assert.Single((await relay.Client.Shop.ClaimAsync(session, Token)).Files);
    }

    private async Task<string> SendAsync(params IReadOnlyList<(string Name, byte[] Content, PrintOptionsChange? Options)> files)
    {
        _sessions.Add((await relay.SendAsync(files)).SessionId);
        return _sessions[^1];
    }

    private Attempt AttemptFor(FileDetails file) =>
        new(Guid.NewGuid(), file.Id, AttemptRun.NewToken(), Way.Address, TwoSteps: true, Copies: 1, TimeProvider.System.GetUtcNow());

    private int Looks() => Way.Requests.Count(one => one == IppOperation.GetPrinterAttributes);

    private int Documents() => Way.Requests.Count(one => one == IppOperation.SendDocument);

    /// <summary>The system's clock, whose timestamps a test moves forward. Timers run as they do.</summary>
    private sealed class ForwardClock : TimeProvider
    {
        private long _forward;

        public override long GetTimestamp() => base.GetTimestamp() + Interlocked.Read(ref _forward);

        public void Forward(TimeSpan by) => Interlocked.Add(ref _forward, (long)(by.TotalSeconds * TimestampFrequency));
    }
}
