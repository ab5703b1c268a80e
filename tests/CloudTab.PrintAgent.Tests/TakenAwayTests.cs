using CloudTab.Client;
using CloudTab.Testing;

namespace CloudTab.PrintAgent.Tests;

/// <summary>Jobs that are taken away while the agent has them: by their customer, or by the counter.</summary>
[Collection(RelayCollection.Name)]
public sealed class TakenAwayTests(RunningRelay relay) : AgentPartsTests(relay)
{
    [Fact]
    public async Task A_document_that_waits_for_its_turn_is_gone_when_its_customer_has_withdrawn_it()
    {
        var file = await ClaimedAsync();
        using var turn = await Printer.TakeTurnAsync(() => Task.FromResult(true), Token);
        var printing = PrintAsync(file);
        await WaitsForItsTurnAsync();
        Assert.Single(Directory.GetFiles(Path.Combine(Folder, "files")));

        await Relay.Client.Customer.WithdrawAsync(Sent[0], Token);
        Sent.Clear();
        Clock.Forward(TellAgain);
        var attempt = await printing.WaitAsync(TimeSpan.FromSeconds(15), TimeProvider.System, Token);
        Assert.Equal((Outcome.Aborted, FilePrinting.GivenBack), (attempt.Outcome, attempt.Reasons));
        Assert.Empty(Directory.GetFiles(Path.Combine(Folder, "files")));
        Assert.Equal(0, Documents());
    }

    /// <summary>They do it to send another one, for which the session must be there still. First before the agent hears of it, then while it waits for a place.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_session_whose_customer_has_taken_back_the_only_file_is_not_completed(bool isWaiting)
    {
        using var sessions = Sessions();
        var session = await SendAsync(("one.pdf", Given.Pdf(text: "Wrong"), null));
        var file = Assert.Single((await Relay.Client.Shop.GetSessionAsync(session, Token)).Files).Id;
        var places = Enumerable.Range(0, isWaiting ? 4 : 0).Select(_ => Printer.Enter()).ToList();
        if (!isWaiting)
            await Relay.Client.Customer.RemoveFileAsync(session, file, Token);
        var printing = sessions.PrintAsync(session, isOwn: false, again: null, isAskedFor: false, _ => { }, Token);
        if (isWaiting)
        {
            await Eventually.HoldsAsync(() => Task.FromResult(Printer.Description is not null), "it waits for a place", Limit, Token);
            await Relay.Client.Customer.RemoveFileAsync(session, file, Token);
            places.ForEach(place => place.Dispose());
        }

        await printing.WaitAsync(Limit, TimeProvider.System, Token);
        Assert.Equal(SessionStatuses.Pending, (await Relay.Client.Shop.GetSessionAsync(session, Token)).Status);
        using (var right = new MemoryStream(Given.Pdf(text: "Right")))
            await Relay.Client.Customer.UploadAsync(session, [new FileToUpload("two.pdf", right)], cancellationToken: Token);
        await sessions.PrintAsync(session, isOwn: false, again: null, isAskedFor: false, _ => { }, Token);
        Assert.Equal(SessionStatuses.Completed, (await Relay.Client.Shop.GetSessionAsync(session, Token)).Status);
        Assert.Equal(1, Documents());
        Sent.Clear();
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
        await Relay.Client.Customer.WithdrawAsync(Sent[0], Token);

        Clock.Forward(TellAgain);
        await Eventually.HoldsAsync(() => Task.FromResult(Way.Requests.Count(one => one == IppOperation.CancelJob) > 1), "the printer is told again", Limit, Token);
        Paper.Release();
        var attempt = await printing.WaitAsync(Limit, TimeProvider.System, Token);
        Assert.Equal((Outcome.Done, Step.Reported), (attempt.Outcome, attempt.Step));
        Sent.Clear();

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
            await Relay.Client.Customer.WithdrawAsync(Sent[0], Token);
        else
            await Relay.Client.Shop.ReleaseAsync(Sent[0], "the printer is jammed", Token);

        Clock.Forward(TellAgain);
        await Eventually.HoldsAsync(
            () => Task.FromResult(Way.Requests.Count(one => one == IppOperation.CancelJob) == (isBusy ? 2 : 1)), "the printer is told until it says yes", Limit, Token);
        Paper.Release();
        var attempt = await printing.WaitAsync(Limit, TimeProvider.System, Token);
        Assert.Equal((Outcome.Aborted, Step.Reported), (attempt.Outcome, attempt.Step));
        Assert.Equal(isBusy ? 3 : 2, Way.Requests.Count(one => one == IppOperation.CancelJob)); // the last one has its document removed
        if (!isWithdrawn)
        {
            Assert.Equal(PrintStates.Failed, (await PrintOfAsync(Sent[0]))?.State);
            await Relay.Client.Customer.WithdrawAsync(Sent[0], Token);
        }

        Sent.Clear();
    }
}
