using CloudTab.Janitor;
using CloudTab.Relay;
using Dapper;

namespace CloudTab.Services.Tests;

/// <summary>Attempts to print, and the claims that they keep: each report, repeated, out of order, late, and against what others do.</summary>
public sealed class PrintsTests(RelayFixture fixture) : IClassFixture<RelayFixture>, IDisposable
{
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(10);

    private readonly StateMachine _states = new(fixture);

    public void Dispose() => _states.Dispose();

    [Theory]
    [InlineData("sent printing printed:printer_finished", "printed:printer_finished", 3)]
    [InlineData("printing sent", "printing", 1)]
    [InlineData("sent sent", "sent", 1)]
    [InlineData("printing printing+media-empty printing+media-empty printing", "printing", 3)]
    [InlineData("printed printing sent", "printed:handed_over", 1)]
    [InlineData("printed printed:printer_finished printed:confirmed", "printed:confirmed", 3)]
    [InlineData("printed:confirmed printed:handed_over printed", "printed:confirmed", 1)]
    [InlineData("printed failed unknown", "printed:handed_over", 1)]
    [InlineData("failed+aborted-by-system failed printed:confirmed unknown", "failed+aborted-by-system", 1)]
    [InlineData("unknown printing unknown+other", "unknown", 1)]
    [InlineData("sent unknown printed:confirmed", "printed:confirmed", 3)]
    [InlineData("sent unknown failed", "failed", 3)]
    public async Task An_attempt_goes_forward_only_and_the_answer_is_what_is_known(string reports, string known, int events)
    {
        var (key, session, file) = await ProcessingAsync();
        var attempt = Guid.NewGuid();

        foreach (var report in reports.Split(' '))
        {
            var (outcome, print) = await ReportAsync(key, file, attempt, report);
            Assert.Equal(Outcome.Done, outcome);
            Assert.Equal(print, Assert.Single((await _states.Get<Prints>().ListAsync(key.Shop, file, Token))!), PrintComparer);
        }

        var last = Assert.Single((await _states.Get<Prints>().ListAsync(key.Shop, file, Token))!);
        Assert.Equal(known, Text(last));
        var row = await _states.SessionAsync(session.Id);
        Assert.Equal(("processing", last.State is PrintState.Sent or PrintState.Printing), (row.Status, await IsPrintingAsync(session)));
        Assert.Equal(events, (await _states.EventsAsync(session.Id)).Count(one => one == "print_changed processing 1"));
    }

    [Fact]
    public async Task Many_replicas_that_get_the_same_report_record_it_once()
    {
        var (key, session, file) = await ProcessingAsync();
        var attempt = Guid.NewGuid();
        using var other = new StateMachine(fixture, null, _states.Clock);

        foreach (var report in (string[])["sent", "printing+media-jam", "printed:confirmed"])
        {
            var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => ReportAsync(key, file, attempt, report, states: i % 2 == 0 ? _states : other)));
            Assert.All(answers, answer => Assert.Equal((Outcome.Done, report), (answer.Outcome, Text(answer.Print!))));
        }

        Assert.Equal(3, (await _states.EventsAsync(session.Id)).Count(one => one.StartsWith("print_changed", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Two_attempts_at_one_file_are_not_begun_at_once()
    {
        var (key, _, file) = await ProcessingAsync();
        using var other = new StateMachine(fixture, null, _states.Clock);

        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => ReportAsync(key, file, Guid.NewGuid(), "sent", states: i % 2 == 0 ? _states : other)));

        Assert.Equal(1, answers.Count(answer => answer.Outcome == Outcome.Done));
        Assert.Equal(5, answers.Count(answer => answer.Outcome == Outcome.StillPrinting));
    }

    [Theory]
    [InlineData("printed", Outcome.AlreadyPrinted)]
    [InlineData("unknown", Outcome.AlreadyPrinted)]
    [InlineData("printing", Outcome.StillPrinting)]
    [InlineData("failed", Outcome.Done)]
    public async Task A_file_that_may_be_on_paper_is_printed_again_for_a_reason_only(string state, Outcome without)
    {
        var (key, _, file) = await ProcessingAsync();
        await ReportAsync(key, file, Guid.NewGuid(), state);

        var second = await ReportAsync(key, file, Guid.NewGuid(), "sent");
        Assert.Equal(without, second.Outcome);
        var third = await ReportAsync(key, file, Guid.NewGuid(), "sent", again: "The customer wants it darker");

        Assert.Equal((Outcome.Done, "The customer wants it darker"), (third.Outcome, third.Print!.Again));
        Assert.Equal(without == Outcome.Done ? 3 : 2, (await _states.Get<Prints>().ListAsync(key.Shop, file, Token))!.Count);
    }

    [Fact]
    public async Task A_claim_does_not_lapse_while_its_file_is_at_the_printer()
    {
        var (key, session, file) = await ProcessingAsync();
        var attempt = Guid.NewGuid();
        await ReportAsync(key, file, attempt, "sent");

        foreach (var state in (string[])["sent", "printing", "printing+media-empty"])
        {
            _states.Clock.Advance(TimeSpan.FromHours(3));
            await JanitorAsync();
            Assert.Equal("processing", (await _states.SessionAsync(session.Id)).Status);
            await _states.Claims.RenewAsync(key, Name(session), Token);
            Assert.Equal(Outcome.StillPrinting, (await _states.Claims.CompleteAsync(key, Name(session), Token)).Outcome);
            Assert.Equal(Outcome.Done, (await ReportAsync(key, file, attempt, state)).Outcome);
        }

        Assert.Equal(Outcome.Done, (await ReportAsync(key, file, attempt, "printed")).Outcome);
        var row = await _states.SessionAsync(session.Id);
        Assert.Equal(_states.Clock.GetUtcNow().UtcDateTime + Lease, row.ClaimedUntil!.Value, TimeSpan.FromSeconds(30));
        Assert.Equal(_states.Clock.GetUtcNow().UtcDateTime + TimeSpan.FromMinutes(30), row.ExpiresAt, TimeSpan.FromSeconds(30));
        _states.Clock.Advance(Lease + TimeSpan.FromMinutes(1));
        await JanitorAsync();
        Assert.Equal("pending", (await _states.SessionAsync(session.Id)).Status);
    }

    [Fact]
    public async Task Nobody_else_gets_a_session_that_is_being_printed()
    {
        var shop = await fixture.ShopAsync();
        var (mine, other) = (await _states.KeyAsync(shop), await _states.KeyAsync(shop, another: true));
        var session = await _states.InStateAsync("processing", mine);
        var file = await FileAsync(session);
        await ReportAsync(mine, file, Guid.NewGuid(), "sent");
        _states.Clock.Advance(TimeSpan.FromHours(3));

        Assert.Equal(Outcome.ClaimedByAnother, (await _states.Claims.ClaimAsync(other, Name(session), Token)).Outcome);
        Assert.Equal(Outcome.ClaimedByAnother, (await _states.Claims.ReleaseAsync(other, Name(session), Token)).Outcome);
        Assert.Equal(Outcome.ClaimedByAnother, (await _states.Claims.CompleteAsync(other, Name(session), Token)).Outcome);
        Assert.Equal(Outcome.ClaimedByAnother, (await ReportAsync(other, file, Guid.NewGuid(), "sent", again: "I want it")).Outcome);
        Assert.Equal(Outcome.StillPrinting, (await _states.Claims.ReleaseAsync(mine, Name(session), Token)).Outcome);
        Assert.Equal("processing", (await _states.SessionAsync(session.Id)).Status);
    }

    [Fact]
    public async Task Two_files_at_the_printer_hold_the_claim_until_the_last_report_is_final()
    {
        var (key, session, first) = await ProcessingAsync();
        await _states.StoreAsync(session.Id, await _states.BeginAsync(session.Id));
        var second = (await FilesAsync(session))[1];
        var (attempt, another) = (Guid.NewGuid(), Guid.NewGuid());
        await ReportAsync(key, first, attempt, "sent");
        await ReportAsync(key, second, another, "sent");

        await ReportAsync(key, first, attempt, "failed");
        Assert.True(await IsPrintingAsync(session));
        _states.Clock.Advance(TimeSpan.FromHours(1));
        await JanitorAsync();
        Assert.Equal(Outcome.StillPrinting, (await _states.Claims.CompleteAsync(key, Name(session), Token)).Outcome);

        await ReportAsync(key, second, another, "unknown");
        Assert.False(await IsPrintingAsync(session));
        Assert.Equal(Outcome.Done, (await _states.Claims.CompleteAsync(key, Name(session), Token)).Outcome);
    }

    [Fact]
    public async Task A_session_that_is_being_printed_ends_with_the_lifetime_of_its_file()
    {
        var (key, session, file) = await ProcessingAsync();
        var attempt = Guid.NewGuid();
        await ReportAsync(key, file, attempt, "printing");

        _states.Clock.Advance(TimeSpan.FromHours(24) + TimeSpan.FromMinutes(1));
        await JanitorAsync();

        Assert.Equal("expired", (await _states.SessionAsync(session.Id)).Status);
        Assert.Equal(["deleted"], await _states.FilesAsync(session.Id));
        Assert.Equal(Outcome.Closed, (await ReportAsync(key, file, attempt, "printing+media-empty")).Outcome);
        Assert.Equal((Outcome.Done, "printed:handed_over"), await ToldAsync(key, file, attempt, "printed"));
    }

    [Fact]
    public async Task A_claim_lapses_with_the_lifetime_of_the_file_that_is_at_the_printer_though_its_session_lives_on()
    {
        var sessions = new List<(OpenedSession Session, ShopKey Key, Guid File, Guid Attempt)>();
        foreach (var _ in Enumerable.Range(0, 2))
        {
            var (key, session, file) = await ProcessingAsync();
            var attempt = Guid.NewGuid();
            await ReportAsync(key, file, attempt, "printing");
            sessions.Add((session, key, file, attempt));
        }

        _states.Clock.Advance(TimeSpan.FromHours(23));
        foreach (var (session, _, _, _) in sessions)
            await _states.StoreAsync(session.Id, await _states.BeginAsync(session.Id));
        await _states.ExecuteAsync(
            "UPDATE sessions SET expires_at = @later WHERE id = ANY (@ids)",
            new { later = _states.Clock.GetUtcNow().UtcDateTime + TimeSpan.FromHours(9), ids = sessions.Select(one => one.Session.Id).ToArray() });
        await JanitorAsync();
        Assert.Equal("processing", (await _states.SessionAsync(sessions[0].Session.Id)).Status);
        _states.Clock.Advance(TimeSpan.FromHours(1) + TimeSpan.FromMinutes(1));
        await JanitorAsync();

        foreach (var (session, key, file, attempt) in sessions)
        {
            var row = await _states.SessionAsync(session.Id);
            Assert.Equal(("pending", null, null), (row.Status, row.ClaimedBy, row.ClaimedUntil));
            Assert.False(await IsPrintingAsync(session));
            Assert.Equal("unknown+given-back", Text(Assert.Single((await _states.Get<Prints>().ListAsync(key.Shop, file, Token))!)));
            Assert.Single(await _states.EventsAsync(session.Id), one => one == "print_changed pending 1");
            Assert.Equal((Outcome.Done, "printed:handed_over"), await ToldAsync(key, file, attempt, "printed"));
        }
    }

    [Fact]
    public async Task A_file_has_a_hundred_attempts_at_most()
    {
        var (key, _, file) = await ProcessingAsync();
        var first = Guid.NewGuid();
        await ReportAsync(key, file, first, "unknown");
        for (var i = 1; i < Prints.MostAttempts; i++)
            Assert.Equal(Outcome.Done, (await ReportAsync(key, file, Guid.NewGuid(), "failed", again: "Once more")).Outcome);

        Assert.Equal(Outcome.TooManyPrints, (await ReportAsync(key, file, Guid.NewGuid(), "sent", again: "Once more")).Outcome);
        Assert.Equal((Outcome.Done, "printed:confirmed"), await ToldAsync(key, file, first, "printed:confirmed"));
        Assert.Equal(100, (await _states.Get<Prints>().ListAsync(key.Shop, file, Token))!.Count);
    }

    [Fact]
    public async Task A_person_gives_a_session_back_that_is_being_printed_and_the_agent_may_still_say_how_it_ended()
    {
        var shop = await fixture.ShopAsync();
        var (agent, counter) = (await _states.KeyAsync(shop), await _states.KeyAsync(shop, another: true));
        var session = await _states.InStateAsync("processing", agent);
        var file = await FileAsync(session);
        var attempt = Guid.NewGuid();
        await ReportAsync(agent, file, attempt, "printing");
        _states.Clock.Advance(TimeSpan.FromHours(2));

        Assert.Equal(Outcome.ClaimedByAnother, (await _states.Claims.ReleaseAsync(counter with { IsDevice = true }, Name(session), Token, "Mine")).Outcome);
        Assert.Equal((Outcome.Done, session.Id), await _states.Claims.ReleaseAsync(counter, Name(session), Token, "The PC has died"));

        var row = await _states.SessionAsync(session.Id);
        Assert.Equal(("pending", null, null), (row.Status, row.ClaimedBy, row.ClaimedUntil));
        Assert.Equal(_states.Clock.GetUtcNow().UtcDateTime + TimeSpan.FromMinutes(30), row.ExpiresAt, TimeSpan.FromSeconds(30));
        Assert.False(await IsPrintingAsync(session));
        var print = Assert.Single((await _states.Get<Prints>().ListAsync(shop.Id, file, Token))!);
        Assert.Equal(("unknown+given-back", "The PC has died"), (Text(print), print.GivenBack));
        Assert.Equal(["print_changed pending 1", "session_updated pending 1"], (await _states.EventsAsync(session.Id))[^2..].Order());

        // What is older is answered with what is known; it claims nothing.
        Assert.Equal((Outcome.Done, "unknown+given-back"), await ToldAsync(agent, file, attempt, "printing+media-jam"));
        Assert.Equal(Outcome.NotClaimed, (await ReportAsync(agent, file, Guid.NewGuid(), "sent", again: "Once more")).Outcome);
        Assert.Equal(Outcome.Done, (await _states.Claims.ClaimAsync(counter, Name(session), Token)).Outcome);
        Assert.Equal(Outcome.AlreadyPrinted, (await ReportAsync(counter, file, Guid.NewGuid(), "sent")).Outcome);
        var second = Guid.NewGuid();
        Assert.Equal(Outcome.Done, (await ReportAsync(counter, file, second, "sent", again: "The PC has died")).Outcome);

        Assert.Equal((Outcome.Done, "printed:printer_finished"), await ToldAsync(agent, file, attempt, "printed:printer_finished"));

        Assert.True(await IsPrintingAsync(session));
        Assert.Equal(("processing", counter.Id), ((await _states.SessionAsync(session.Id)).Status, (await _states.SessionAsync(session.Id)).ClaimedBy));
        Assert.Equal(["printed:printer_finished", "sent"], (await _states.Get<Prints>().ListAsync(shop.Id, file, Token))!.Select(Text));
    }

    [Fact]
    public async Task Giving_back_what_another_key_has_claimed_but_not_begun_to_print_is_refused()
    {
        var shop = await fixture.ShopAsync();
        var (mine, other) = (await _states.KeyAsync(shop), await _states.KeyAsync(shop, another: true));
        var session = await _states.InStateAsync("processing", mine);
        var file = await FileAsync(session);
        await ReportAsync(mine, file, Guid.NewGuid(), "printed");

        Assert.Equal(Outcome.ClaimedByAnother, (await _states.Claims.ReleaseAsync(other, Name(session), Token, "Mine")).Outcome);
        Assert.Equal(Outcome.NotFound, (await _states.Claims.ReleaseAsync(await _states.KeyAsync(), Name(session), Token, "Mine")).Outcome);
        Assert.Equal(Outcome.Done, (await _states.Claims.ReleaseAsync(mine, Name(session), Token, "Not now")).Outcome);
        Assert.Equal(["printed:handed_over"], (await _states.Get<Prints>().ListAsync(shop.Id, file, Token))!.Select(Text));
    }

    [Theory]
    [InlineData(true, "sent")]
    [InlineData(false, "sent")]
    [InlineData(true, "printed")]
    [InlineData(false, "printed")]
    public async Task Of_a_report_and_a_give_back_at_once_the_later_sees_what_the_earlier_did(bool reportsFirst, string state)
    {
        var shop = await fixture.ShopAsync();
        var (agent, counter) = (await _states.KeyAsync(shop), await _states.KeyAsync(shop, another: true));
        using var other = new StateMachine(fixture, null, _states.Clock);
        var session = await _states.InStateAsync("processing", agent);
        await _states.StoreAsync(session.Id, await _states.BeginAsync(session.Id));
        var files = await FilesAsync(session);
        var attempt = Guid.NewGuid();
        await ReportAsync(agent, files[0], attempt, "printing");
        await using var holder = await fixture.Source.OpenConnectionAsync(Token);
        await using var transaction = await holder.BeginTransactionAsync(Token);
        await holder.ExecuteAsync("SELECT FROM sessions WHERE id = @Id FOR UPDATE", new { session.Id });

        // Sent is another attempt, of the other file; printed is how the first one ended.
        var second = state == "sent" ? Guid.NewGuid() : attempt;
        var file = files[state == "sent" ? 1 : 0];
        var report = reportsFirst ? ReportAsync(agent, file, second, state) : null;
        await UntilWaitAsync(reportsFirst ? 1 : 0);
        var back = other.Claims.ReleaseAsync(counter, Name(session), Token, "The PC has died");
        await UntilWaitAsync(reportsFirst ? 2 : 1);
        report ??= ReportAsync(agent, file, second, state);
        await UntilWaitAsync(2);
        await transaction.CommitAsync(Token);

        var (reported, givenBack) = ((await report).Outcome, (await back).Outcome);
        var row = await _states.SessionAsync(session.Id);
        var prints = (await _states.Get<Prints>().ListAsync(shop.Id, file, Token))!.Select(Text);
        if (state == "sent")
        {
            Assert.Equal((reportsFirst ? Outcome.Done : Outcome.NotClaimed, Outcome.Done, "pending"), (reported, givenBack, row.Status));
            Assert.Equal(reportsFirst ? ["unknown+given-back"] : [], prints);
        }
        else
        {
            // Once it is printed there is nothing to give back; given back it is unknown, until the agent's word comes.
            Assert.Equal((Outcome.Done, reportsFirst ? Outcome.ClaimedByAnother : Outcome.Done), (reported, givenBack));
            Assert.Equal(reportsFirst ? "processing" : "pending", row.Status);
            Assert.Equal(["printed:handed_over"], prints);
        }

        Assert.False(await IsPrintingAsync(session));
    }

    [Fact]
    public async Task A_claim_that_lapses_at_the_moment_of_the_report_is_either_kept_or_given_back_whole()
    {
        var (key, session, file) = await ProcessingAsync();
        await _states.ExecuteAsync("UPDATE sessions SET claimed_until = @now WHERE id = @Id", new { now = _states.Clock.GetUtcNow().UtcDateTime, session.Id });

        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(async i =>
        {
            if (i % 2 == 0)
                return (await ReportAsync(key, file, Guid.NewGuid(), "sent")).Outcome;
            await _states.Expiry.LapseClaimsAsync(1_000, Token);
            return Outcome.Done;
        }));

        var row = await _states.SessionAsync(session.Id);
        var prints = (await _states.Get<Prints>().ListAsync(key.Shop, file, Token))!;
        Assert.Equal((row.Status == "processing", row.Status == "processing"), (prints.Count == 1, await IsPrintingAsync(session)));
        Assert.Contains(row.Status == "processing" ? Outcome.StillPrinting : Outcome.NotClaimed, answers);
    }

    [Fact]
    public async Task A_customer_may_withdraw_what_is_being_printed_and_the_late_report_is_taken()
    {
        var (key, session, file) = await ProcessingAsync();
        var attempt = Guid.NewGuid();
        await ReportAsync(key, file, attempt, "sent");
        await _states.Sessions.CancelAsync(key.Shop, session.SessionId, Token);

        // Its agent would print if it were told that all is well.
        Assert.Equal(Outcome.Closed, (await ReportAsync(key, file, attempt, "sent")).Outcome);
        Assert.Equal(Outcome.Closed, (await ReportAsync(key, file, attempt, "printing")).Outcome);
        Assert.Equal((Outcome.Done, "printed:printer_finished"), await ToldAsync(key, file, attempt, "printed:printer_finished"));
        Assert.Equal(Outcome.Closed, (await ReportAsync(key, file, Guid.NewGuid(), "sent", again: "Once more")).Outcome);

        Assert.Equal(("cancelled", null), ((await _states.SessionAsync(session.Id)).Status, (await _states.SessionAsync(session.Id)).ClaimedUntil));
        Assert.False(await IsPrintingAsync(session));
    }

    [Theory]
    [InlineData("unknown", "printed:confirmed", true)]
    [InlineData("unknown", "failed", true)]
    [InlineData("printed", "printed:confirmed", true)]
    [InlineData("printing", "printed:confirmed", false)]
    public async Task A_person_of_the_shop_says_what_became_of_an_attempt_that_has_ended_and_another_device_does_not(string state, string word, bool isTaken)
    {
        var shop = await fixture.ShopAsync();
        var (agent, person) = (await _states.KeyAsync(shop), await _states.KeyAsync(shop, another: true));
        var session = await _states.InStateAsync("processing", agent);
        var file = await FileAsync(session);
        var attempt = Guid.NewGuid();
        await ReportAsync(agent, file, attempt, state);

        Assert.Equal(Outcome.ClaimedByAnother, (await ReportAsync(person with { IsDevice = true }, file, attempt, word)).Outcome);
        Assert.Equal(isTaken ? Outcome.Done : Outcome.ClaimedByAnother, (await ReportAsync(person, file, attempt, word)).Outcome);

        Assert.Equal(isTaken ? word : state, Text(Assert.Single((await _states.Get<Prints>().ListAsync(shop.Id, file, Token))!)));
        Assert.Equal(agent.Id, (await _states.SessionAsync(session.Id)).ClaimedBy);
    }

    [Theory]
    [InlineData("open", Outcome.FileNotFound)]
    [InlineData("pending", Outcome.NotClaimed)]
    [InlineData("completed", Outcome.Closed)]
    [InlineData("cancelled", Outcome.Closed)]
    [InlineData("expired", Outcome.Closed)]
    public async Task Nothing_is_printed_without_a_claim(string state, Outcome expected)
    {
        var (key, session) = await _states.InStateAsync(state);
        if (state == "open")
            await _states.BeginAsync(session.Id);
        var events = await _states.EventsAsync(session.Id);

        Assert.Equal(expected, (await ReportAsync(key, await FileAsync(session), Guid.NewGuid(), "sent")).Outcome);
        Assert.Equal(events, await _states.EventsAsync(session.Id));
    }

    [Fact]
    public async Task A_file_of_another_shop_is_no_file_and_a_deleted_one_is_not_begun()
    {
        var (key, session, file) = await ProcessingAsync();
        var stranger = await _states.KeyAsync();
        var attempt = Guid.NewGuid();
        await ReportAsync(key, file, attempt, "unknown");

        Assert.Equal(Outcome.FileNotFound, (await ReportAsync(stranger, file, attempt, "printed")).Outcome);
        Assert.Equal(Outcome.FileNotFound, (await ReportAsync(key, Guid.NewGuid(), attempt, "printed")).Outcome);
        Assert.Null(await _states.Get<Prints>().ListAsync(stranger.Shop, file, Token));

        await _states.ExecuteAsync("UPDATE files SET status = 'deleting' WHERE session = @Id", new { session.Id });
        Assert.Equal(Outcome.FileDeleted, (await ReportAsync(key, file, Guid.NewGuid(), "sent", again: "Once more")).Outcome);
        await _states.ExecuteAsync("UPDATE api_keys SET revoked_at = now() WHERE id = @Id", new { key.Id });
        Assert.Equal(Outcome.KeyRevoked, (await ReportAsync(key, file, attempt, "printed")).Outcome);
    }

    [Fact]
    public async Task Attempts_are_forgotten_with_their_session()
    {
        var (key, session, file) = await ProcessingAsync();
        await ReportAsync(key, file, Guid.NewGuid(), "printed");
        await _states.Claims.CompleteAsync(key, Name(session), Token);
        await StateMachine.AllAsync(_states.Get<RemoveFiles>().RunOnceAsync);
        await StateMachine.AllAsync(_states.Get<IssueReceipts>().RunOnceAsync);

        _states.Clock.Advance(TimeSpan.FromDays(2));
        await StateMachine.AllAsync(_states.Get<Purge>().RunOnceAsync);

        Assert.Equal(0, await fixture.ScalarAsync<long>("SELECT count(*) FROM prints WHERE file = @file", new { file }));
    }

    private static readonly EqualityComparer<Print> PrintComparer = EqualityComparer<Print>.Create(
        (one, other) => one! with { Reasons = [] } == other! with { Reasons = [] } && one.Reasons.SequenceEqual(other.Reasons));

    private static SessionName Name(OpenedSession session) => SessionName.Parse(session.SessionId);

    /// <summary>A print as it is written in a report: `state:grade+reason`.</summary>
    private static string Text(Print print) =>
        WireNames.Of(print.State) + (print.Grade is { } grade ? $":{WireNames.Of(grade)}" : "") + string.Concat(print.Reasons.Select(reason => $"+{reason}"));

    private async Task<(ShopKey Key, OpenedSession Session, Guid File)> ProcessingAsync()
    {
        var (key, session) = await _states.InStateAsync("processing");
        return (key, session, await FileAsync(session));
    }

    private async Task<Guid> FileAsync(OpenedSession session) => (await FilesAsync(session))[0];

    private Task<List<Guid>> FilesAsync(OpenedSession session) =>
        fixture.ColumnAsync<Guid>("SELECT id FROM files WHERE session = @Id ORDER BY position, id", new { session.Id });

    private Task<bool> IsPrintingAsync(OpenedSession session) => fixture.ScalarAsync<bool>("SELECT printing FROM sessions WHERE id = @Id", new { session.Id });

    private async Task<(Outcome Outcome, Print? Print)> ReportAsync(
        ShopKey key, Guid file, Guid attempt, string report, string? again = null, StateMachine? states = null)
    {
        var (words, reason) = report.Split('+') is [var first, var second] ? (first, second) : (report, null);
        var (state, grade) = words.Split(':') is [var one, var other] ? (one, other) : (words, null);
        var (clean, fault) = new PrintReport(
            attempt,
            "HP LaserJet",
            WireNames.Find<PrintState>(state),
            Grade: grade is null ? null : WireNames.Find<PrintGrade>(grade),
            Reasons: reason is null ? null : [reason],
            Again: again).Clean();
        Assert.Null(fault);
        var (outcome, print, _) = await (states ?? _states).Get<Prints>().ReportAsync(key, file, clean!, Token);
        return (outcome, print);
    }

    private async Task<(Outcome Outcome, string Known)> ToldAsync(ShopKey key, Guid file, Guid attempt, string report)
    {
        var (outcome, print) = await ReportAsync(key, file, attempt, report);
        return (outcome, Text(print!));
    }

    private async Task JanitorAsync()
    {
        await StateMachine.AllAsync(_states.Get<MarkDue>().ExpireFilesAsync);
        await StateMachine.AllAsync(_states.Get<MarkDue>().ExpireSessionsAsync);
        await StateMachine.AllAsync(_states.Get<MarkDue>().LapseClaimsAsync);
        await StateMachine.AllAsync(_states.Get<RemoveFiles>().RunOnceAsync);
    }

    private Task UntilWaitAsync(int count) => UntilAsync(async () => count == await fixture.ScalarAsync<long>(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"));
}
