using System.Net;
using CloudTab.Client;

namespace CloudTab.Clients.Tests;

/// <summary>CloudTab.Client's calls for programs that print.</summary>
[Collection(RelayCollection.Name)]
public sealed class PrintsTests(RunningRelay relay)
{
    [Fact]
    public async Task An_attempt_is_reported_until_somebody_has_confirmed_it()
    {
        using var client = relay.Client();
        var session = await client.ClaimedAsync(ClientOf.Pdf(1_000), Token);
        var file = session.Files[0].Id;
        await using var events = new Listener(client.Shop.ListenAsync(Token));
        await events.NextAsync<PendingSessions>();
        var report = new PrintReport(Guid.NewGuid(), "Front desk", PrintStates.Sent, new() { Sides = Sides.TwoSidedLongEdge });

        var sent = await client.Shop.ReportPrintAsync(file, report, Token);
        var early = await Assert.ThrowsAsync<CloudTabException>(() => client.Shop.CompleteAsync(session.SessionId, Token));
        await client.Shop.ReportPrintAsync(file, report with { State = PrintStates.Printing, Reasons = ["media-empty-error"] }, Token);
        var details = await client.Shop.GetSessionAsync(session.SessionId, Token);
        var seen = await client.Customer.GetSessionAsync(session.SessionId, Token);
        var listed = Assert.Single(await client.Shop.GetProcessingAsync(Token), one => one.SessionId == session.SessionId);
        await client.Shop.ReportPrintAsync(file, report with { State = PrintStates.Printed, Grade = PrintGrades.PrinterFinished, Pages = 1, Copies = 1 }, Token);
        var confirmed = await client.Shop.ReportPrintAsync(file, report with { State = PrintStates.Printed, Grade = PrintGrades.Confirmed }, Token);
        var twice = await Assert.ThrowsAsync<CloudTabException>(() => client.Shop.ReportPrintAsync(file, report with { Attempt = Guid.NewGuid() }, Token));

        Assert.Equal((report.Attempt, "Front desk", PrintStates.Sent, Sides.TwoSidedLongEdge), (sent.Attempt, sent.Printer, sent.State, sent.Options.Sides));
        Assert.Equal((HttpStatusCode.Conflict, "still_printing"), (early.Status, early.Code));
        Assert.True(details.Printing && seen.Printing && listed.Printing);
        Assert.Equal((PrintStates.Printing, "media-empty-error"), (details.Files[0].Print!.State, Assert.Single(seen.Files[0].Print!.Reasons)));
        Assert.Equal((PrintStates.Printed, PrintGrades.Confirmed, 1, 1), (confirmed.State, confirmed.Grade, confirmed.Pages, confirmed.Copies));
        Assert.Equal("already_printed", twice.Code);
        var heard = await events.NextAsync<PrintChanged>(changed => changed.FileId == file && changed.Print.State == PrintStates.Printing);
        Assert.Equal((session.SessionId, session.PickupCode, report.Attempt), (heard.SessionId, heard.PickupCode, heard.Print.Attempt));

        await client.Shop.CompleteAsync(session.SessionId, Token);
    }

    [Fact]
    public async Task A_session_whose_program_does_not_answer_is_given_back_for_a_reason()
    {
        using var client = relay.Client();
        var session = await client.ClaimedAsync(ClientOf.Pdf(1_000), Token);
        var file = session.Files[0].Id;
        var first = new PrintReport(Guid.NewGuid(), "Front desk", PrintStates.Sent);
        await client.Shop.ReportPrintAsync(file, first, Token);

        await client.Shop.ReleaseAsync(session.SessionId, "The PC is off", Token);
        await client.Shop.ClaimAsync(session.SessionId, Token);
        await client.Shop.ReportPrintAsync(file, new(Guid.NewGuid(), "Back room", PrintStates.Sent, Again: "Nothing came out"), Token);

        var prints = await client.Shop.GetPrintsAsync(file, Token);
        Assert.Equal([(first.Attempt, PrintStates.Unknown, "The PC is off", null)], prints.Take(1).Select(print => (print.Attempt, print.State, print.GivenBack, print.Again)));
        Assert.Equal(("Back room", "Nothing came out"), (prints[1].Printer, prints[1].Again));
        await client.Customer.WithdrawAsync(session.SessionId, Token);
    }

    [Fact]
    public async Task An_agent_shows_its_printers_with_a_key_for_nothing_else()
    {
        using var client = relay.Client();
        var key = await client.Shop.CreateKeyAsync("Shop PC", isDevice: true, Token);
        using var agent = relay.Client(key: key.Key);
        var printer = new AgentPrinter("Front desk", PrinterStates.Stopped, ["media-empty-error"], ["application/pdf"], true, true, ["iso_a4_210x297mm"], "ipp://127.0.0.1:631/ipp/print");

        await agent.Shop.ReportAgentAsync(new("PC-1", "1.0", [printer], AutoPrints.None), Token);
        var refused = await Assert.ThrowsAsync<CloudTabException>(() => agent.Shop.GetKeysAsync(Token));

        var shown = Assert.Single(await client.Shop.GetAgentsAsync(Token), one => one.KeyName == "Shop PC");
        Assert.Equal(("PC-1", "1.0", true, AutoPrints.None), (shown.Name, shown.Version, shown.Online, shown.AutoPrint));
        var listed = Assert.Single(shown.Printers);
        Assert.Equivalent(printer, listed, strict: true);
        Assert.Equal((HttpStatusCode.Forbidden, "device_key"), (refused.Status, refused.Code));
        Assert.Contains(await client.Shop.GetKeysAsync(Token), one => one.Id == key.Id && one.Device);
        await client.Shop.RevokeKeyAsync(key.Id, Token);
    }
}
