using System.Net;
using CloudTab.Client;
using CloudTab.Testing;

namespace CloudTab.PrintAgent.Tests;

/// <summary>The relay, the network or the disk is away in the middle of a job, and the agent lives on or does not.</summary>
[Collection(RelayCollection.Name)]
public sealed class OutageTests(RunningRelay relay) : PaperTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    public override ValueTask InitializeAsync()
    {
        Given.RequireQpdf();
        return base.InitializeAsync();
    }

    /// <summary>First in the middle of a download. Then while the printer works, which goes on: what it has done is reported when the relay is there again.</summary>
    [Fact]
    public async Task A_PC_whose_cable_is_pulled_goes_on_when_it_is_back_and_prints_once()
    {
        await using var toRelay = new TcpProxy(relay.Origin.Port);
        await using var toPrinter = new TcpProxy(Paper.Port);
        await using var agent = new AgentProcess(relay, $"ipp://localhost:{toPrinter.Port}/ipp/print") { Settings = { ["CLOUDTAB_URL"] = $"http://127.0.0.1:{toRelay.Port}" } };
        await agent.StartAsync(Token);
        await ConnectedAsync(agent);

        const int half = 500_000;
        toRelay.CutAfter(half);
        var session = await relay.SendAsync(("one.pdf", Given.Pdf(text: new string('x', 2 * half)), null));
        await Eventually.HoldsAsync(() => Task.FromResult(agent.Output.Contains("Trying again", StringComparison.Ordinal)), "the download broke", Limit, Token);
        toRelay.Cut();
        await Eventually.HoldsAsync(() => Task.FromResult(agent.Output.Contains("Lost the relay", StringComparison.Ordinal)), "the agent has noticed", Limit, Token);
        await Paper.HoldAsync(Token);
        toRelay.Restore();
        await Eventually.HoldsAsync(() => Task.FromResult(Paper.Begun == 1), "it is being printed", Limit, Token);

        toRelay.Cut();
        toPrinter.Cut();
        Paper.Release();
        await Eventually.HoldsAsync(() => Task.FromResult(Paper.Paper.Count == 1), "it is printed", Limit, Token);
        toPrinter.Restore();
        using (var ledger = new Ledger(agent.LedgerFile))
            await Eventually.HoldsAsync(() => Task.FromResult(ledger.Latest(1) is [{ Step: Step.Purged, Outcome: Outcome.Done }]), "only the report is left", Limit, Token);
        Assert.Equal(SessionStatuses.Processing, await relay.StatusAsync(session));
        toRelay.Restore();

        await relay.EndsAsync(session, SessionStatuses.Completed);
        Assert.Single(Paper.Paper);
        Assert.EndsWith("%%EOF", System.Text.Encoding.Latin1.GetString(Paper.Paper[0].Document).TrimEnd(), StringComparison.Ordinal);
    }

    /// <summary>The relay did what it was asked for, or did not: the agent cannot know.</summary>
    [Fact]
    public async Task An_answer_of_the_relay_that_is_lost_is_asked_for_again()
    {
        await using var way = await CutRelay.StartAsync(relay, Token);
        await using var agent = new AgentProcess(relay, Paper.Address) { Settings = { ["CLOUDTAB_URL"] = way.Origin } };
        await agent.StartAsync(Token);
        await ConnectedAsync(agent);

        string[] requests = ["/claim", "/download", "\"sent\"", "\"printed\"", "/complete"];
        foreach (var (number, request) in requests.Index())
        {
            way.CutAt(text => text.Contains(request, StringComparison.Ordinal), Cut.After, () => Task.CompletedTask);
            await relay.EndsAsync(await relay.SendAsync(("one.pdf", Given.Pdf(text: request), null)), SessionStatuses.Completed);
            Assert.Equal(number + 1, way.Cuts);
        }

        Assert.Equal(requests.Length, Paper.Paper.Count);
    }

    /// <summary>It answers without the relay's code, so that it says nothing of the key. The agent's start asks it, too.</summary>
    [Theory]
    [InlineData(HttpStatusCode.Unauthorized)]
    [InlineData(HttpStatusCode.Forbidden)]
    public async Task An_agent_that_a_firewall_does_not_let_through_goes_on_when_it_does(HttpStatusCode answer)
    {
        await using var way = await CutRelay.StartAsync(relay, Token);
        way.Refusal = answer;
        await using var agent = new AgentProcess(relay, Paper.Address) { Settings = { ["CLOUDTAB_URL"] = way.Origin } };
        await agent.StartAsync(Token);
        await Eventually.HoldsAsync(
            () => Task.FromResult(agent.Output.Contains($"Lost the relay (the handshake was answered with {(int)answer})", StringComparison.Ordinal)), "the agent is refused", Limit, Token);

        way.Refusal = null;
        await relay.EndsAsync(await relay.SendAsync(("one.pdf", Given.Pdf(), null)), SessionStatuses.Completed);
        Assert.Single(Paper.Paper);
    }

    /// <summary>A claim holds ten minutes; one of a file at the printer as long as the file lives.</summary>
    [Fact]
    public async Task What_a_dead_agent_was_printing_is_given_to_no_other_counter_until_a_person_gives_it_back()
    {
        await using var key = await relay.CreateDeviceKeyAsync("the PC that dies");
        await Paper.HoldAsync(Token);
        await using var agent = new AgentProcess(relay, Paper.Address) { Settings = { ["CLOUDTAB_API_KEY"] = key.Text } };
        await agent.StartAsync(Token);
        var session = await relay.SendAsync(("one.pdf", Given.Pdf(), null));
        await Eventually.HoldsAsync(() => Task.FromResult(Paper.Begun == 1), "it is being printed", Limit, Token);
        await agent.KillAsync();

        Assert.Equal(1, await relay.Processes.CountAsync("SELECT count(*) FROM sessions WHERE printing AND status = 'processing' AND claimed_until > now() + interval '1 hour'", Token));
        var refusal = await Assert.ThrowsAsync<CloudTabException>(() => relay.Client.Shop.ClaimAsync(session.SessionId, Token));
        Assert.Equal((HttpStatusCode.Conflict, "already_claimed"), (refusal.Status, refusal.Code));
        await relay.Client.Shop.ReleaseAsync(session.SessionId, "the PC is broken", Token);
        Assert.Equal(SessionStatuses.Pending, await relay.StatusAsync(session));
        Assert.Contains("given-back", await relay.AnswerAsync(session), StringComparison.Ordinal);

        // The PC was not broken. Its printer has done the job meanwhile.
        Paper.Release();
        await Eventually.HoldsAsync(() => Task.FromResult(Paper.Paper.Count == 1), "it is printed", Limit, Token);
        await agent.StartAsync(Token);
        await relay.EndsAsync(session, SessionStatuses.Completed);
        Assert.Single(Paper.Paper);
    }

    /// <summary>The second agent, whose key is refused from its start, has the ledger of one that was killed.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_agent_whose_key_is_revoked_ends_when_its_printer_has_nothing_of_its_jobs_any_more(bool isKilledBefore)
    {
        await using var way = await CutPrinter.StartAsync(Paper, Token);
        await using var key = await relay.CreateDeviceKeyAsync("the PC that was sold");
        await using var agent = new AgentProcess(relay, way.Address) { Settings = { ["CLOUDTAB_API_KEY"] = key.Text } };
        await Paper.HoldAsync(Token);
        var session = await relay.SendAsync(("one.pdf", Given.Pdf(), null));
        await agent.StartAsync(Token);
        await Eventually.HoldsAsync(() => Task.FromResult(Paper.Begun == 1), "it is being printed", Limit, Token);
        if (isKilledBefore)
            await agent.KillAsync();
        await key.RevokeAsync();
        if (isKilledBefore)
            await agent.StartAsync(Token);
        else
            await Eventually.HoldsAsync(() => Task.FromResult(agent.Output.Contains("does not know this key", StringComparison.Ordinal)), "the agent knows", Limit, Token);

        Paper.Release();
        Assert.Equal(70, await agent.EndAsync(Token));
        Assert.Contains(IppOperation.CancelJob, way.Requests);
        using var ledger = new Ledger(agent.LedgerFile);
        Assert.True(ledger.Latest(2) is [{ Step: Step.Purged, Outcome: Outcome.Done }], agent.Output);
        Assert.Single(Paper.Paper);
        await relay.Client.Customer.WithdrawAsync(session.SessionId, Token);
    }

    /// <summary>The agent could not reach the relay for longer than its claim held. Another counter has looked at the session meanwhile.</summary>
    [Fact]
    public async Task A_session_whose_claim_lapses_before_the_agent_has_printed_is_claimed_anew_and_printed_once()
    {
        await using var key = await relay.CreateDeviceKeyAsync("the PC that sleeps");
        await using var way = await CutRelay.StartAsync(relay, Token);
        await using var agent = new AgentProcess(relay, Paper.Address) { Settings = { ["CLOUDTAB_URL"] = way.Origin, ["CLOUDTAB_API_KEY"] = key.Text } };
        await agent.StartAsync(Token);
        await ConnectedAsync(agent);
        var sent = new TaskCompletionSource<CreatedSession>(TaskCreationOptions.RunContinuationsAsynchronously);
        way.CutAt(text => text.Contains("\"sent\"", StringComparison.Ordinal), Cut.Before, async () =>
        {
            var id = (await sent.Task).SessionId;
            Assert.Equal(1, await relay.Processes.CountAsync(
                $"WITH lapsed AS (UPDATE sessions SET claimed_until = now() - interval '1 minute' WHERE session_id = '{id}' RETURNING id) SELECT count(*) FROM lapsed", Token));
            await relay.Client.Shop.ClaimAsync(id, Token);
            await relay.Client.Shop.ReleaseAsync(id, Token);
        });

        sent.SetResult(await relay.SendAsync(("one.pdf", Given.Pdf(), null)));
        await relay.EndsAsync(await sent.Task, SessionStatuses.Completed);
        Assert.Single(Paper.Paper);
        Assert.Equal(1, way.Cuts);
    }

    [Fact]
    public async Task What_an_agent_has_claimed_and_not_begun_is_there_for_others_when_it_is_stopped()
    {
        await using var way = await CutRelay.StartAsync(relay, Token);
        await using var agent = new AgentProcess(relay, Paper.Address) { Settings = { ["CLOUDTAB_URL"] = way.Origin } };
        await agent.StartAsync(Token);
        await ConnectedAsync(agent);
        var stopped = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        way.CutAt(text => text.Contains("/download", StringComparison.Ordinal), Cut.Before, async () => stopped.SetResult(await agent.StopAsync()));

        var session = await relay.SendAsync(("one.pdf", Given.Pdf(), null));
        Assert.Equal(0, await stopped.Task.WaitAsync(Limit, TimeProvider.System, Token));
        Assert.Equal(SessionStatuses.Pending, await relay.StatusAsync(session));
        Assert.Equal(0, Paper.Begun);
        await relay.Client.Customer.WithdrawAsync(session.SessionId, Token);
    }

    [Fact]
    public async Task A_file_that_the_disk_has_no_room_for_comes_to_the_counter_and_a_smaller_one_is_printed()
    {
        await using var agent = new AgentProcess(relay, Paper.Address) { DiskSize = "2m" };
        await StartOnSmallDiskAsync(agent);

        var session = await relay.SendAsync(("large.pdf", Given.Pdf(text: new string('x', 3 << 20)), null));
        await Eventually.HoldsAsync(
            async () => (await relay.AnswerAsync(session)).Contains("disk-full", StringComparison.Ordinal) && await relay.StatusAsync(session) == SessionStatuses.Pending,
            "it is back in the queue", Limit, Token);
        await relay.EndsAsync(await relay.SendAsync(("one.pdf", Given.NumberedPdf(1), Given.OwnSize)), SessionStatuses.Completed);

        Assert.Equal(1, Given.NumberOf(Assert.Single(Paper.Paper).Document));
        Assert.Empty(Directory.GetFiles(Path.Combine(agent.FolderFromOutside, "files")));
        await relay.Client.Customer.WithdrawAsync(session.SessionId, Token);
    }

    /// <summary>The printer has taken the document, and the ledger has no room to say so.</summary>
    [Fact]
    public async Task A_disk_that_is_full_in_the_middle_of_a_job_makes_it_unknown_and_not_two()
    {
        var full = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var way = await CutPrinter.StartAsync(Paper, Token);
        way.Held = (IppOperation.SendDocument, full.Task);
        await using var agent = new AgentProcess(relay, way.Address) { DiskSize = "2m" };
        await StartOnSmallDiskAsync(agent);

        var session = await relay.SendAsync(("one.pdf", Given.Pdf(), null));
        await Eventually.HoldsAsync(() => Task.FromResult(way.Requests.Contains(IppOperation.SendDocument)), "the document is on its way", Limit, Token);
        var filler = Path.Combine(agent.FolderFromOutside, "filler");
        Assert.Throws<IOException>(() => File.WriteAllBytes(filler, new byte[4 << 20]));
        full.SetResult();
        await Eventually.HoldsAsync(() => Task.FromResult(agent.Output.Contains("database or disk is full", StringComparison.Ordinal)), "the ledger is full", Limit, Token);
        Assert.Equal(SessionStatuses.Processing, await relay.StatusAsync(session));

        File.Delete(filler);
        await Eventually.HoldsAsync(
            async () => (await relay.AnswerAsync(session)).Contains("interrupted", StringComparison.Ordinal) && await relay.StatusAsync(session) == SessionStatuses.Pending,
            "it waits for a person", Limit, Token);
        Assert.Single(Paper.Paper);
        await relay.Client.Customer.WithdrawAsync(session.SessionId, Token);
    }

    private static Task ConnectedAsync(AgentProcess agent) =>
        Eventually.HoldsAsync(() => Task.FromResult(agent.Output.Contains("Connected to the relay", StringComparison.Ordinal)), "the agent is connected", Limit, Token);

    private static async Task StartOnSmallDiskAsync(AgentProcess agent)
    {
        Assert.True(OperatingSystem.IsLinux(), "namespaces and tmpfs are Linux's");
        await agent.StartAsync(Token);
        await ConnectedAsync(agent);
    }
}
