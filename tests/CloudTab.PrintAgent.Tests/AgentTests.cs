using System.Diagnostics;
using CloudTab.Client;
using CloudTab.Testing;
using Microsoft.Data.Sqlite;

namespace CloudTab.PrintAgent.Tests;

/// <summary>From a customer's "send" to paper: the relay's processes, the agent's process, and printers that are CUPS's own test printer.</summary>
[Collection(RelayCollection.Name)]
public sealed class AgentTests(RunningRelay relay, ITestOutputHelper output) : PaperTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    public override ValueTask InitializeAsync()
    {
        Given.RequireQpdf();
        return base.InitializeAsync();
    }

    [Fact]
    public async Task What_a_customer_sends_comes_out_as_asked_for_and_nothing_of_it_stays()
    {
        await using var agent = new AgentProcess(relay, Paper.Address);
        await agent.StartAsync(Token);

        var session = await relay.SendAsync(
            ("a-telling-name.pdf", Given.Pdf(pages: 3, text: "Sheet"), new() { Copies = 2, Sides = Sides.TwoSidedLongEdge, ColorMode = ColorModes.Color, PageRanges = "2-3" }),
            ("notes.txt", "a customer's words"u8.ToArray(), null));
        await relay.EndsAsync(session, SessionStatuses.Completed);

        Assert.Equal(2, Paper.Paper.Count);
        var first = Paper.Paper[0];
        Assert.Equal(("2", "two-sided-long-edge", "color"), (first["IPP_COPIES"], first["IPP_SIDES"], first["IPP_PRINT_COLOR_MODE"]));
        Assert.Equal("monochrome", Paper.Paper[1]["IPP_PRINT_COLOR_MODE"]);
        Assert.Empty(Directory.GetFiles(Path.Combine(agent.Folder, "files")));
        Assert.All((string[])["telling", "customer's words", session.SessionId, session.PickupCode], text => Assert.DoesNotContain(text, agent.Content(), StringComparison.Ordinal));
    }

    /// <summary>The agent looks each second: three leave room for a machine that has other things to do.</summary>
    [Fact]
    public async Task Each_state_of_a_printer_is_on_the_customers_phone_within_three_seconds_and_the_print_goes_on_when_all_is_well()
    {
        await Paper.HoldAsync(Token);
        using var stranger = Given.Printer(Paper.Address);
        var theirs = await stranger.CreateJobAsync("somebody-elses", new PrintTicket().AttributesFor(await stranger.DescribeAsync(Token)), Token);
        await stranger.SendDocumentAsync(theirs, new MemoryStream(Given.Pdf()), Token);
        await using var agent = new AgentProcess(relay, Paper.Address);
        await agent.StartAsync(Token);
        await Eventually.HoldsAsync(() => Task.FromResult(agent.Output.Contains("Connected to the relay", StringComparison.Ordinal)), "the agent is connected", Limit, Token);
        var session = await relay.SendAsync(("one.pdf", Given.Pdf(), null));
        await IsToldAsync("busy");
        Paper.Release();
        await relay.EndsAsync(session, SessionStatuses.Completed);

        await Paper.HoldAsync(Token);
        session = await relay.SendAsync(("two.pdf", Given.Pdf(), null));
        await Eventually.HoldsAsync(() => Task.FromResult(Paper.Begun == 3), "it is being printed", Limit, Token);
        foreach (var state in (string[])["media-empty", "cover-open", "toner-empty", "marker-supply-empty", "media-jam"])
        {
            await Paper.SayAsync(Token, state);
            await IsToldAsync(state);
        }

        Assert.Equal(SessionStatuses.Processing, await relay.StatusAsync(session));
        await Eventually.HoldsAsync(
            async () => (await relay.Client.Shop.GetAgentsAsync(Token)).Any(one => one is { Online: true, Printers: [{ State: PrinterStates.Processing, Reasons: ["media-jam-warning"] }] }),
            "the counter sees it at the printer", Limit, Token);
        await Paper.SayAsync(Token);
        await IsToldAsync("\"reasons\":[]");
        Paper.Release();
        await relay.EndsAsync(session, SessionStatuses.Completed);
        Assert.Equal(3, Paper.Paper.Count);

        await Paper.HoldAsync(Token);
        session = await relay.SendAsync(("three.pdf", Given.Pdf(), null));
        await Eventually.HoldsAsync(() => Task.FromResult(Paper.Begun == 4), "it is being printed", Limit, Token);
        await Paper.TurnOffAsync();
        await IsToldAsync(AttemptRun.Offline);
        await Paper.TurnOnAsync(Token);
        await relay.EndsAsync(session, SessionStatuses.Pending);
        await relay.Client.Customer.WithdrawAsync(session.SessionId, Token);

        async Task IsToldAsync(string what)
        {
            var changed = Stopwatch.GetTimestamp();
            await Eventually.HoldsAsync(
                async () => (await relay.AnswerAsync(session)).Contains(what, StringComparison.Ordinal), $"the customer's status has {what}", TimeSpan.FromSeconds(3), Token);
            output.WriteLine($"{what} after {Stopwatch.GetElapsedTime(changed)}");
        }
    }

    [Fact]
    public async Task A_file_that_needs_a_person_is_given_back_with_the_reason_and_left_alone()
    {
        await using var agent = new AgentProcess(relay, Paper.Address);
        await agent.StartAsync(Token);

        var session = await relay.SendAsync(("wide.pdf", Given.Pdf(), new() { Media = MediaNames.A3 }));
        await Eventually.HoldsAsync(
            async () => (await relay.AnswerAsync(session)).Contains("no-media", StringComparison.Ordinal) && await relay.StatusAsync(session) == SessionStatuses.Pending,
            "it is back in the queue", Limit, Token);

        // What comes later is printed: the agent is not busy with the other.
        var other = await relay.SendAsync(("one.pdf", Given.Pdf(), null));
        await relay.EndsAsync(other, SessionStatuses.Completed);
        Assert.Equal(SessionStatuses.Pending, await relay.StatusAsync(session));
        Assert.Single(Paper.Paper);
        await relay.Client.Customer.WithdrawAsync(session.SessionId, Token);
    }

    [Fact]
    public async Task Each_job_goes_to_the_printer_that_the_shop_wants_for_it()
    {
        await using var colored = await TestPrinter.StartAsync(Token);
        await using var agent = new AgentProcess(relay, $"{Paper.Address}#monochrome", $"{colored.Address}#color");
        await agent.StartAsync(Token);

        var sessions = new List<CreatedSession>();
        for (var i = 0; i < 3; i++)
        {
            sessions.Add(await relay.SendAsync(
                ("gray.pdf", Given.Pdf(text: "Gray"), null), ("colored.pdf", Given.Pdf(text: "Colored"), new PrintOptionsChange { ColorMode = ColorModes.Color })));
        }

        foreach (var session in sessions)
            await relay.EndsAsync(session, SessionStatuses.Completed);
        Assert.Equal(["monochrome", "monochrome", "monochrome"], Paper.Paper.Select(job => job["IPP_PRINT_COLOR_MODE"]));
        Assert.Equal(["color", "color", "color"], colored.Paper.Select(job => job["IPP_PRINT_COLOR_MODE"]));
    }

    [Fact]
    public async Task A_held_job_is_printed_when_the_command_line_releases_it()
    {
        await using var agent = new AgentProcess(relay, Paper.Address) { Settings = { ["CLOUDTAB_AUTO_PRINT"] = "false" } };
        var session = await relay.SendAsync(("one.pdf", Given.Pdf(), null));

        var (code, output) = await agent.RunAsync(Token, "print", session.PickupCode);
        Assert.True(code == 0, output);
        (code, output) = await agent.RunAsync(Token, "print", "K7MX2P");
        Assert.True(code == 1 && output.Contains("no such session", StringComparison.Ordinal), output);
        await agent.StartAsync(Token);
        await relay.EndsAsync(session, SessionStatuses.Completed);
        Assert.Single(Paper.Paper);

        (code, output) = await agent.RunAsync(Token, "jobs");
        Assert.True(code == 0 && output.Contains("done", StringComparison.Ordinal), output);
        (code, output) = await agent.RunAsync(Token, "printers");
        Assert.True(code == 0 && output.Contains("idle", StringComparison.Ordinal), output);
    }

    [Fact]
    public async Task The_command_line_refuses_what_a_counter_has_claimed_and_what_a_person_has_to_look_at()
    {
        await using var key = await relay.CreateDeviceKeyAsync("the counter");
        using var counter = relay.ClientOf(key);
        await using var agent = new AgentProcess(relay, Paper.Address);
        var session = await relay.SendAsync(("one.pdf", Given.Pdf(), null));
        var file = Assert.Single((await counter.Shop.ClaimAsync(session.SessionId, Token)).Files).Id;

        var (code, output) = await agent.RunAsync(Token, "retry", session.PickupCode);
        Assert.Equal((1, "This session is claimed by the counter, who has to give it back first."), (code, output));
        await counter.Shop.ReportPrintAsync(file, new PrintReport(Guid.NewGuid(), "Another", PrintStates.Failed, Reasons: ["damaged-file"]), Token);
        await counter.Shop.ReleaseAsync(session.SessionId, Token);
        (code, output) = await agent.RunAsync(Token, "print", session.PickupCode);
        Assert.True(code == 1 && output.Contains("`retry`", StringComparison.Ordinal), output);
        (code, output) = await agent.RunAsync(Token, "retry", session.PickupCode, "--reason", new string('x', 201));
        Assert.True(code == 1 && output.Contains("1 to 200 characters", StringComparison.Ordinal), output);

        using var ledger = new Ledger(agent.LedgerFile);
        Assert.Empty(ledger.Requests(after: 0));
        await relay.Client.Customer.WithdrawAsync(session.SessionId, Token);
    }

    /// <summary>A trigger stands for a full disk at that moment. The request is for a session that a counter has claimed meanwhile.</summary>
    [Fact]
    public async Task A_request_that_the_ledger_cannot_forget_does_not_keep_its_session_from_being_printed_later()
    {
        await using var key = await relay.CreateDeviceKeyAsync("the counter");
        using var counter = relay.ClientOf(key);
        await using var agent = new AgentProcess(relay, Paper.Address) { Settings = { ["CLOUDTAB_AUTO_PRINT"] = "false" } };
        var session = await relay.SendAsync(("one.pdf", Given.Pdf(), null));
        await counter.Shop.ClaimAsync(session.SessionId, Token);
        using (var ledger = new Ledger(agent.LedgerFile))
            ledger.Ask(session.PickupCode, again: null);
        await ChangeAsync(agent, "CREATE TRIGGER full BEFORE DELETE ON asked BEGIN SELECT RAISE(ABORT, 'the disk is full'); END");
        await agent.StartAsync(Token);
        await Eventually.HoldsAsync(() => Task.FromResult(agent.Output.Contains("the disk is full", StringComparison.Ordinal)), "the request is not forgotten", Limit, Token);

        await ChangeAsync(agent, "DROP TRIGGER full");
        await counter.Shop.ReleaseAsync(session.SessionId, Token);
        var (code, output) = await agent.RunAsync(Token, "print", session.PickupCode);
        Assert.True(code == 0, output);
        await relay.EndsAsync(session, SessionStatuses.Completed);
        Assert.Single(Paper.Paper);
    }

    /// <summary>A trigger stands for a full disk at that moment: the agent gives the run up, and claims the session anew some seconds later, when it has just been withdrawn.</summary>
    [Fact]
    public async Task A_job_at_the_printer_that_is_withdrawn_between_two_tries_of_the_agent_is_cancelled_there_and_settled()
    {
        await using var way = await CutPrinter.StartAsync(Paper, Token);
        await using var network = await CutRelay.StartAsync(relay, Token);
        await using var agent = new AgentProcess(relay, way.Address) { Settings = { ["CLOUDTAB_URL"] = network.Origin } };
        await Paper.HoldAsync(Token, "media-jam");
        await agent.StartAsync(Token);
        await Eventually.HoldsAsync(() => Task.FromResult(agent.Output.Contains("Connected to the relay", StringComparison.Ordinal)), "the agent is connected", Limit, Token);
        var (sent, claims) = ("", 0);
        network.CutAt(request => request.Contains("/claim", StringComparison.Ordinal) && ++claims == 2, Cut.Before, () => relay.Client.Customer.WithdrawAsync(sent, Token));
        await ChangeAsync(agent, $"CREATE TRIGGER full BEFORE UPDATE ON attempts WHEN NEW.step = {(int)Step.Sent} BEGIN SELECT RAISE(ABORT, 'the disk is full'); END");
        sent = (await relay.SendAsync(("one.pdf", Given.Pdf(), null))).SessionId;
        await Eventually.HoldsAsync(() => Task.FromResult(network.Cuts == 1), "it is withdrawn before the second try", Limit, Token);

        await ChangeAsync(agent, "DROP TRIGGER full");
        await Eventually.HoldsAsync(() => Task.FromResult(way.Requests.Contains(IppOperation.CancelJob)), "the printer is told", Limit, Token);
        Paper.Release();
        using var ledger = new Ledger(agent.LedgerFile);
        await Eventually.HoldsAsync(() => Task.FromResult(ledger.Latest(1) is [{ Step: Step.Reported, Outcome: Outcome.Aborted }]), "it is settled", Limit, Token);
    }

    [Fact]
    public async Task What_was_changed_on_its_way_from_the_store_is_not_printed()
    {
        await using var agent = new AgentProcess(relay, Paper.Address) { Settings = { ["CLOUDTAB_AUTO_PRINT"] = "false" } };
        await agent.StartAsync(Token);
        var before = await relay.Processes.ObjectsAsync(Token);
        var content = Given.Pdf(text: "Original");
        var session = await relay.SendAsync(("one.pdf", content, null));
        using (var store = relay.Processes.S3.Endpoint.CreateClient())
        {
            content[^20] ^= 1;
            var key = Assert.Single((await relay.Processes.ObjectsAsync(Token)).Except(before, StringComparer.Ordinal));
            await store.PutObjectAsync(new() { BucketName = "cloudtab", Key = key, InputStream = new MemoryStream(content) }, Token);
        }

        await agent.RunAsync(Token, "print", session.PickupCode);
        await Eventually.HoldsAsync(
            async () => (await relay.AnswerAsync(session)).Contains("damaged-download", StringComparison.Ordinal), "the download is refused", Limit, Token);
        Assert.Equal(0, Paper.Begun);
        await relay.Client.Customer.WithdrawAsync(session.SessionId, Token);
    }

    [Fact]
    public async Task A_second_agent_in_one_folder_says_so_and_ends_and_verbs_still_run()
    {
        await using var agent = new AgentProcess(relay, Paper.Address);
        await agent.StartAsync(Token);
        await Eventually.HoldsAsync(() => Task.FromResult(File.Exists(agent.Lock)), "the first one runs", Limit, Token);

        var (code, output) = await agent.RunAsync(Token);
        Assert.Equal((78, $"Not started: another print agent uses the folder {agent.Folder}"), (code, output));
        Assert.Equal(0, (await agent.RunAsync(Token, "status")).Code);
    }

    [Fact]
    public async Task An_agent_whose_key_the_relay_does_not_know_ends_with_a_fault()
    {
        await using var agent = new AgentProcess(relay, Paper.Address) { Settings = { ["CLOUDTAB_API_KEY"] = "ctk_wrong" } };

        var (code, output) = await agent.RunAsync(Token);
        Assert.True(code == 70 && output.Contains("CloudTabException", StringComparison.Ordinal), output);
    }

    /// <summary>A person has claimed it with the agent's key.</summary>
    [Fact]
    public async Task What_a_person_has_claimed_with_the_same_key_is_left_alone()
    {
        var theirs = await relay.SendAsync(("theirs.pdf", Given.Pdf(text: "Theirs"), null));
        await relay.Client.Shop.ClaimAsync(theirs.SessionId, Token);
        await using var agent = new AgentProcess(relay, Paper.Address);
        await agent.StartAsync(Token);

        // It was heard of at the start, long before this one.
        await relay.EndsAsync(await relay.SendAsync(("other.pdf", Given.Pdf(text: "Other"), null)), SessionStatuses.Completed);
        Assert.Single(Paper.Paper);
        Assert.Equal(SessionStatuses.Processing, await relay.StatusAsync(theirs));

        // Until the person gives it back.
        await relay.Client.Shop.ReleaseAsync(theirs.SessionId, Token);
        await relay.EndsAsync(theirs, SessionStatuses.Completed);
        Assert.Equal(2, Paper.Paper.Count);
    }

    /// <summary>The ledger of this PC has nothing of the file: the relay's word counts.</summary>
    [Theory]
    [InlineData(PrintStates.Unknown, "forgotten-by-printer", SessionStatuses.Pending, 1)]
    [InlineData(PrintStates.Failed, "damaged-file", SessionStatuses.Pending, 1)]
    [InlineData(PrintStates.Failed, "no-media", SessionStatuses.Completed, 2)]
    [InlineData(PrintStates.Printed, null, SessionStatuses.Completed, 1)]
    public async Task What_another_PC_has_tried_is_known_from_the_relay(string state, string? reason, string expected, int papers)
    {
        var tried = await relay.SendAsync(("tried.pdf", Given.Pdf(text: "Tried"), null));
        var file = Assert.Single((await relay.Client.Shop.ClaimAsync(tried.SessionId, Token)).Files).Id;
        await relay.Client.Shop.ReportPrintAsync(file, new PrintReport(Guid.NewGuid(), "Another", state, Reasons: reason is null ? null : [reason]), Token);
        await relay.Client.Shop.ReleaseAsync(tried.SessionId, Token);

        await using var agent = new AgentProcess(relay, Paper.Address);
        await agent.StartAsync(Token);
        await relay.EndsAsync(await relay.SendAsync(("other.pdf", Given.Pdf(text: "Other"), null)), SessionStatuses.Completed);
        await relay.EndsAsync(tried, expected);
        Assert.Equal(papers, Paper.Paper.Count);
        if (expected == SessionStatuses.Pending)
            await relay.Client.Customer.WithdrawAsync(tried.SessionId, Token);
    }

    /// <summary>One of them has a device's key.</summary>
    [Fact]
    public async Task Two_agents_of_a_shop_share_the_queue_and_print_each_file_once()
    {
        await using var other = await TestPrinter.StartAsync(Token);
        await using var key = await relay.CreateDeviceKeyAsync("the other PC");
        await using var first = new AgentProcess(relay, Paper.Address);
        await using var second = new AgentProcess(relay, other.Address) { Settings = { ["CLOUDTAB_API_KEY"] = key.Text } };
        await first.StartAsync(Token);
        await second.StartAsync(Token);

        var sessions = await Task.WhenAll(Enumerable.Range(1, 20).Select(number => relay.SendAsync(("one.pdf", Given.Pdf(text: $"Job {number} page"), null))));
        foreach (var session in sessions)
            await relay.EndsAsync(session, SessionStatuses.Completed);

        Assert.Equal(20, Paper.Paper.Concat(other.Paper).Select(job => Convert.ToHexString(job.Document)).Distinct(StringComparer.Ordinal).Count());
        Assert.Equal(20, Paper.Paper.Count + other.Paper.Count);
    }

    /// <summary>The document was on its way when the agent was killed, and perhaps the printer was switched off and on.</summary>
    [Theory]
    [InlineData(Cut.Within, false, "interrupted")]
    [InlineData(Cut.After, false, "interrupted")]
    [InlineData(Cut.After, true, "forgotten-by-printer")]
    public async Task An_outcome_that_nobody_knows_waits_for_a_person_and_is_printed_again_only_when_asked_for(Cut cut, bool isPrinterCycled, string reason)
    {
        await using var way = await CutPrinter.StartAsync(Paper, Token);
        await using var agent = new AgentProcess(relay, way.Address);
        var session = await KilledAsync(agent, way, IppOperation.SendDocument, cut, async () =>
        {
            await Eventually.HoldsAsync(() => Task.FromResult(Paper.Paper.Count == 1), "it is printed", Limit, Token);
            if (!isPrinterCycled)
                return;
            await Paper.TurnOffAsync();
            await Paper.TurnOnAsync(Token);
        });

        await agent.StartAsync(Token);
        await Eventually.HoldsAsync(
            async () => (await relay.AnswerAsync(session)).Contains(reason, StringComparison.Ordinal) && await relay.StatusAsync(session) == SessionStatuses.Pending,
            "it waits for a person", Limit, Token);
        Assert.Single(Paper.Paper);

        var (code, output) = await agent.RunAsync(Token, "retry", session.PickupCode, "--reason", "nothing came out");
        Assert.True(code == 0, output);
        await relay.EndsAsync(session, SessionStatuses.Completed);
        Assert.Equal(2, Paper.Paper.Count);
    }

    /// <summary>The relay hears of it from the agent, which has given the session back before.</summary>
    [Fact]
    public async Task A_session_is_completed_when_a_person_has_seen_its_file_on_paper()
    {
        await using var way = await CutPrinter.StartAsync(Paper, Token);
        way.Refusal = (IppOperation.GetJobAttributes, IppStatus.Gone);
        await using var agent = new AgentProcess(relay, way.Address);
        await agent.StartAsync(Token);
        var session = await relay.SendAsync(("one.pdf", Given.Pdf(text: "Seen"), null));
        await Eventually.HoldsAsync(
            async () => (await relay.AnswerAsync(session)).Contains("forgotten-by-printer", StringComparison.Ordinal) && await relay.StatusAsync(session) == SessionStatuses.Pending,
            "it waits for a person", Limit, Token);

        string attempt;
        using (var ledger = new Ledger(agent.LedgerFile))
            attempt = Assert.Single(ledger.Latest(1)).Id.ToString();
        var (code, output) = await agent.RunAsync(Token, "confirm", attempt[..8], "printed");
        Assert.True(code == 0, output);
        await relay.EndsAsync(session, SessionStatuses.Completed);
        Assert.Contains("confirmed", await relay.AnswerAsync(session), StringComparison.Ordinal);
        await Eventually.HoldsAsync(() => Task.FromResult(Paper.Paper.Count == 1), "it came out once", Limit, Token);
    }

    private static async Task ChangeAsync(AgentProcess agent, string sql)
    {
        await using var database = new SqliteConnection($"Data Source={agent.LedgerFile};Pooling=false");
        await database.OpenAsync(Token);
        await using var command = database.CreateCommand();
#pragma warning disable CA2100 // every text is a constant of this file
        command.CommandText = sql;
#pragma warning restore CA2100
        await command.ExecuteNonQueryAsync(Token);
    }

    private async Task<CreatedSession> KilledAsync(AgentProcess agent, CutPrinter way, IppOperation operation, Cut cut, Func<Task> then)
    {
        var died = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        way.CutAt(operation, cut, async () =>
        {
            await agent.KillAsync();
            await then();
            died.SetResult();
        });
        await agent.StartAsync(Token);
        var session = await relay.SendAsync(("one.pdf", Given.Pdf(text: "Once"), null));
        await died.Task.WaitAsync(Limit, TimeProvider.System, Token);
        return session;
    }
}
