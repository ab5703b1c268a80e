using System.Text;
using CloudTab.Testing;

namespace CloudTab.PrintAgent.Tests;

/// <summary>The ledger's file.</summary>
public sealed class LedgerTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 11, 29, 12, 0, 0, TimeSpan.Zero);

    private readonly string _folder = Directory.CreateTempSubdirectory("cloudtab-ledger-").FullName;

    private string LedgerFile => Path.Combine(_folder, "ledger.db");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_was_written_is_there_for_a_successor_as_it_was()
    {
        var attempt = Attempt() with { Step = Step.Settled, Job = 7, Outcome = Outcome.Done, Grade = "printer_finished", Pages = 3, Reasons = "a,b" };
        using (var ledger = new Ledger(LedgerFile))
        {
            ledger.Add(attempt with { Step = Step.Intent, Job = null, Outcome = null, Grade = null, Pages = null, Reasons = "" });
            ledger.Write(attempt);
        }

        using var successor = new Ledger(LedgerFile);
        Assert.Equal(attempt, Assert.Single(successor.Open()));
        Assert.Equal(attempt, successor.LatestOf(attempt.File));
        Assert.Equal(attempt, successor.Find(attempt.Id.ToString()[..8]));
        Assert.Null(successor.LatestOf(Guid.NewGuid()));
    }

    [Fact]
    public void The_latest_attempt_of_a_file_counts()
    {
        using var ledger = new Ledger(LedgerFile);
        var first = Attempt() with { Step = Step.Reported, Outcome = Outcome.Unknown };
        var second = Attempt() with { File = first.File, At = Now.AddMinutes(-1), Again = "asked for" }; // the clock was set back
        ledger.Add(first);
        ledger.Add(second);

        Assert.Equal(second, ledger.LatestOf(first.File));
        Assert.Equal([second], ledger.Open());
        Assert.Equal([first], ledger.NotDone());
        Assert.Equal([second, first], ledger.Latest(5));
    }

    [Fact]
    public void An_older_copy_does_not_overwrite_a_newer_step()
    {
        using var ledger = new Ledger(LedgerFile);
        var older = Attempt();
        ledger.Add(older);
        var reported = ledger.Write(older with { Step = Step.Reported, Outcome = Outcome.Unknown });

        Assert.Equal(reported, ledger.Write(older with { Step = Step.Settled, Outcome = Outcome.Aborted }));
        Assert.Equal(reported, ledger.LatestOf(older.File));
        var confirmed = ledger.Write(reported with { Step = Step.Purged, Outcome = Outcome.Done }, isBack: true);
        Assert.Equal([confirmed], ledger.Open());
    }

    /// <summary>Nobody has looked at what fails later.</summary>
    [Fact]
    public void A_request_of_the_command_line_stays_until_it_is_fulfilled_and_is_for_what_had_failed_when_it_was_made()
    {
        var failed = Attempt() with { Step = Step.Reported, Outcome = Outcome.Aborted };
        using (var ledger = new Ledger(LedgerFile))
        {
            ledger.Add(failed);
            using (var commandLine = new Ledger(LedgerFile))
                commandLine.Ask("K7MX2P", "it was crumpled");
            ledger.Ask("LATER2", again: null);
            ledger.Add(Attempt() with { Step = Step.Reported, Outcome = Outcome.Unknown });
        }

        using var successor = new Ledger(LedgerFile);
        var requests = successor.Requests(after: 0);
        Assert.Equal(["K7MX2P", "LATER2"], requests.Select(request => request.Code));
        Assert.Equal("it was crumpled", requests[0].Again?.Reason);
        Assert.Equal([failed.Id], requests[0].Again?.Attempts);
        Assert.Null(requests[1].Again);
        Assert.Equal("LATER2", Assert.Single(successor.Requests(after: requests[0].Number)).Code);

        successor.RemoveRequest(requests[1].Number);
        Assert.Equal("K7MX2P", Assert.Single(successor.Requests(after: 0)).Code);
        successor.Ask("AGAIN2", again: null);
        Assert.True(successor.Requests(after: requests[1].Number).Count == 1, "a number is not given twice");
    }

    [Fact]
    public void What_is_forgotten_is_in_none_of_the_ledgers_files()
    {
        using var ledger = new Ledger(LedgerFile);
        var (old, open) = (Attempt() with { Step = Step.Reported, Outcome = Outcome.Done, Reasons = "mark-of-the-old-one" }, Attempt());
        ledger.Add(old);
        ledger.Add(open);
        ledger.Ask("CODE23", "mark-of-the-request");
        ledger.RemoveRequest(Assert.Single(ledger.Requests(after: 0)).Number);
        Assert.Contains("mark-of-the-old-one", Content(), StringComparison.Ordinal);

        ledger.Forget(Now.AddDays(1));

        Assert.DoesNotContain("mark-of-the-old-one", Content(), StringComparison.Ordinal);
        Assert.DoesNotContain("mark-of-the-request", Content(), StringComparison.Ordinal);
        Assert.Equal([open], ledger.Latest(5));
    }

    /// <summary>The process of the verb, beside the agent, which then tells the relay.</summary>
    [Fact]
    public async Task A_person_can_say_what_became_of_an_attempt_of_which_nobody_knows_and_of_no_other()
    {
        using var ledger = new Ledger(LedgerFile);
        var unknown = ledger.Add(Attempt() with { Step = Step.Reported, Outcome = Outcome.Unknown, Reasons = "interrupted" });
        var done = ledger.Add(Attempt() with { Step = Step.Reported, Outcome = Outcome.Done });

        Assert.Equal(0, await ConfirmAsync(unknown, "printed"));
        Assert.Equal(unknown with { Step = Step.Purged, Outcome = Outcome.Done, Grade = "confirmed", Reasons = "" }, Assert.Single(ledger.Open()));
        Assert.Equal(1, await ConfirmAsync(done, "failed"));
        Assert.Equal(done, ledger.LatestOf(done.File));
    }

    [Fact]
    public async Task The_status_counts_files_of_which_nobody_knows_yet_whether_they_came_out()
    {
        using var ledger = new Ledger(LedgerFile);
        var unknown = ledger.Add(Attempt() with { Step = Step.Reported, Outcome = Outcome.Unknown });
        ledger.Add(Attempt() with { File = unknown.File, Step = Step.Reported, Outcome = Outcome.Done });
        ledger.Add(Attempt() with { Step = Step.Reported, Outcome = Outcome.Unknown });

        var (code, output) = await RunAsync("status");
        Assert.True(code == 0 && output.Contains("unknown   1", StringComparison.Ordinal), output);
    }

    private async Task<int> ConfirmAsync(Attempt attempt, string outcome) => (await RunAsync("confirm", attempt.Id.ToString()[..8], outcome)).Code;

    private async Task<(int Code, string Output)> RunAsync(params string[] arguments)
    {
        var token = TestContext.Current.CancellationToken;
        var environment = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["CLOUDTAB_AGENT_DATA"] = _folder,
            ["CLOUDTAB_URL"] = "http://localhost:1",
            ["CLOUDTAB_API_KEY"] = "ctk_key",
            ["CLOUDTAB_PRINTERS"] = "ipp://printer/ipp/print",
        };
        await using var verb = await ChildProcess.StartAsync("CloudTab.PrintAgent", environment, ready: null, token, arguments);
        return (await verb.WaitForExitAsync(token), verb.Output);
    }

    private static Attempt Attempt() => new(Guid.NewGuid(), Guid.NewGuid(), AttemptRun.NewToken(), "ipp://printer/ipp/print", TwoSteps: true, Copies: 2, Now);

    private string Content() => string.Concat(Directory.GetFiles(_folder).Select(file =>
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(stream, Encoding.Latin1);
        return reader.ReadToEnd();
    }));
}
