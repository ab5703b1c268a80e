using CloudTab.Client;
using CloudTab.Testing;

namespace CloudTab.PrintAgent.Tests;

/// <summary>Jobs that are printed when they are paid: the mark may be taken back, or be too little, until the printer takes the job.</summary>
[Collection(RelayCollection.Name)]
public sealed class PaidJobsTests(RunningRelay relay) : AgentPartsTests(relay)
{
    /// <summary>All places at the printer are taken when it is paid.</summary>
    [Fact]
    public async Task What_has_grown_while_it_waited_for_its_printer_is_not_printed_before_the_rest_is_paid()
    {
        var offer = await Relay.Client.Shop.GetOfferAsync(Token);
        await Relay.Client.Shop.SetOfferAsync(offer with { Prices = [new(MediaNames.A4, ColorModes.Monochrome, 200)] }, Token);
        using var sessions = Sessions(AutoPrint.Paid);
        var session = await SendAsync(("one.pdf", Given.Pdf(), null));
        await CostsAsync(session, 200);
        await Relay.Client.Shop.MarkPaidAsync(session, Token);
        var places = Enumerable.Range(0, 4).Select(_ => Printer.Enter()).ToList();
        var printing = sessions.PrintAsync(session, isOwn: false, again: null, isAskedFor: false, _ => { }, Token);
        await Eventually.HoldsAsync(() => Task.FromResult(Printer.Description is not null), "it waits for a place", Limit, Token);
        using (var more = new MemoryStream(Given.Pdf(text: "Not paid")))
            await Relay.Client.Customer.UploadAsync(session, [new FileToUpload("two.pdf", more)], cancellationToken: Token);
        await CostsAsync(session, 400);
        Assert.False(printing.IsCompleted);

        foreach (var place in places)
            place.Dispose();
        await printing.WaitAsync(Limit, TimeProvider.System, Token);
        Assert.Equal(SessionStatuses.Pending, (await Relay.Client.Shop.GetSessionAsync(session, Token)).Status);
        Assert.Equal(0, Documents());

        await Relay.Client.Shop.MarkPaidAsync(session, Token);
        await sessions.PrintAsync(session, isOwn: false, again: null, isAskedFor: false, _ => { }, Token);
        Assert.Equal(2, Documents());
        await Relay.Client.Shop.SetOfferAsync(offer, Token);
        Sent.Clear();
    }

    /// <summary>It waits for its turn when the counter takes the mark back.</summary>
    [Fact]
    public async Task What_is_not_paid_any_more_when_its_turn_comes_waits_for_the_counter()
    {
        using var sessions = Sessions(AutoPrint.Paid);
        var session = await SendAsync(("one.pdf", Given.Pdf(), null));
        await Relay.Client.Shop.MarkPaidAsync(session, Token);
        var turn = await Printer.TakeTurnAsync(() => Task.FromResult(true), Token);
        var printing = sessions.PrintAsync(session, isOwn: false, again: null, isAskedFor: false, _ => { }, Token);
        await WaitsForItsTurnAsync();
        await Relay.Client.Shop.MarkUnpaidAsync(session, Token);
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
        await Relay.Client.Shop.MarkPaidAsync(session, Token);
        var busy = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        (Way.Held, Way.Refusal) = ((IppOperation.CreateJob, busy.Task), (IppOperation.CreateJob, IppStatus.Busy));
        var printing = sessions.PrintAsync(session, isOwn: false, again: null, isAskedFor: false, _ => { }, Token);
        await Eventually.HoldsAsync(() => Task.FromResult(Way.Requests.Contains(IppOperation.CreateJob)), "the printer is asked", Limit, Token);
        await Relay.Client.Shop.MarkUnpaidAsync(session, Token);
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

        await sessions.PrintAsync(Sent[0], isOwn: true, again: null, isAskedFor: false, _ => { }, Token);
        Assert.True(await PrintOfAsync(Sent[0]) is { State: PrintStates.Failed, Reasons: [FilePrinting.GivenBack] });
        Assert.Null(Ledger.LatestOf(file.Id));
        Assert.Equal(0, Documents());
        await IsPrintedWhenPaidAsync(sessions);
    }

    [Fact]
    public async Task The_second_file_waits_for_the_counter_if_it_is_not_paid_any_more_when_the_first_is_printed()
    {
        using var sessions = Sessions(AutoPrint.Paid);
        var session = await SendAsync(("one.pdf", Given.Pdf(text: "One"), null), ("two.pdf", Given.Pdf(text: "Two"), null));
        await Relay.Client.Shop.MarkPaidAsync(session, Token);
        var sending = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Way.Held = (IppOperation.SendDocument, sending.Task);
        var printing = sessions.PrintAsync(session, isOwn: false, again: null, isAskedFor: false, _ => { }, Token);
        await Eventually.HoldsAsync(() => Task.FromResult(Documents() == 1), "the first is on its way", Limit, Token);
        await Relay.Client.Shop.MarkUnpaidAsync(session, Token);
        sending.SetResult();

        await printing.WaitAsync(Limit, TimeProvider.System, Token);
        Assert.Equal(1, Documents());
        await IsPrintedWhenPaidAsync(sessions);
        Assert.Equal(2, Paper.Paper.Count);
    }

    private async Task IsPrintedWhenPaidAsync(SessionPrinting sessions)
    {
        Assert.Equal(SessionStatuses.Pending, (await Relay.Client.Shop.GetSessionAsync(Sent[0], Token)).Status);
        await Relay.Client.Shop.MarkPaidAsync(Sent[0], Token);
        var before = Documents();
        await sessions.PrintAsync(Sent[0], isOwn: false, again: null, isAskedFor: false, _ => { }, Token);
        Assert.Equal(before + 1, Documents());
        Assert.Equal(SessionStatuses.Completed, (await Relay.Client.Shop.GetSessionAsync(Sent[0], Token)).Status);
        Sent.Clear();
    }

    private Task CostsAsync(string session, long amount) => Eventually.HoldsAsync(
        async () => (await Relay.Client.Shop.GetSessionAsync(session, Token)).Price is { IsComplete: true } price && price.Amount == amount, $"it costs {amount}", Limit, Token);
}
