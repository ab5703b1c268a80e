using System.Collections.Concurrent;
using System.Security.Cryptography;
using CloudTab.Testing;

namespace CloudTab.PrintAgent.Tests;

/// <summary>
/// The ledger's promise: whatever an agent was cut off from, and wherever, its successor, which has nothing but the ledger and the printer's word,
/// prints the file once, or leaves it to a person. What came out of the printer is the judge.
/// </summary>
public sealed class AttemptRunTests : PaperTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly string _folder = Directory.CreateTempSubdirectory("cloudtab-ledger-").FullName;
    private readonly byte[] _document = Given.Pdf(pages: 3, text: "Once");
    private readonly ConcurrentQueue<string> _reasons = [];

    // The same by report; and what the relay answers to each, at last that all is well.
    private readonly ConcurrentQueue<string> _reports = [];
    private readonly ConcurrentQueue<bool?> _answers = [];
    private CutPrinter? _way;

    private CutPrinter Way => _way!;

    private string LedgerFile => Path.Combine(_folder, "ledger.db");

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _way = await CutPrinter.StartAsync(Paper, Token);
    }

    public override async ValueTask DisposeAsync()
    {
        if (_way is not null)
            await _way.DisposeAsync();
        await base.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(nameof(IppOperation.GetPrinterAttributes), Cut.Before)]
    [InlineData(nameof(IppOperation.CreateJob), Cut.Before)]
    [InlineData(nameof(IppOperation.CreateJob), Cut.After)]
    [InlineData(nameof(IppOperation.SendDocument), Cut.Before)]
    [InlineData(nameof(IppOperation.GetJobAttributes), Cut.Before)]
    [InlineData(nameof(IppOperation.GetJobAttributes), Cut.After)]
    public async Task A_run_that_was_cut_off_is_finished_by_its_successor_with_one_print(string operation, Cut cut)
    {
        await RunUntilCutAsync(Enum.Parse<IppOperation>(operation), cut, twoSteps: true, () => Task.CompletedTask);

        var finished = await SucceedAsync();

        Assert.Equal(Outcome.Done, finished.Outcome);
        Assert.Equal(SHA256.HashData(_document), SHA256.HashData(Assert.Single(Paper.Paper).Document));
    }

    /// <summary>This printer prints half a document if that is all that it gets, and calls it completed.</summary>
    [Theory]
    [InlineData(true, Cut.Within)]
    [InlineData(true, Cut.After)]
    [InlineData(false, Cut.Within)]
    [InlineData(false, Cut.After)]
    public async Task Whether_a_document_arrived_whole_is_unknown_without_the_printers_answer(bool twoSteps, Cut cut)
    {
        await RunUntilCutAsync(twoSteps ? IppOperation.SendDocument : IppOperation.PrintJob, cut, twoSteps, () => Task.CompletedTask);

        var finished = await SucceedAsync();
        Assert.Equal((Outcome.Unknown, "interrupted"), (finished.Outcome, finished.Reasons));
        Assert.Single(Paper.Paper);
    }

    [Fact]
    public async Task A_run_that_was_cut_off_anywhere_in_the_document_leaves_one_print_at_most()
    {
        const int seed = 20261130;
        var random = new Random(seed);
        for (var run = 0; run < 15; run++)
        {
            File.Delete(LedgerFile);
            Way.Share = random.NextDouble();
            var before = Paper.Begun;
            await RunUntilCutAsync(IppOperation.SendDocument, Cut.Within, twoSteps: true, () => Task.CompletedTask);

            var finished = await SucceedAsync();

            Assert.True(Paper.Begun - before <= 1, $"{Way.Share} of the document, {finished.Outcome}: {Paper.Begun - before} prints");
            if (finished.Outcome == Outcome.Done)
                Assert.Equal(SHA256.HashData(_document), SHA256.HashData(Paper.Paper[^1].Document));
        }
    }

    [Fact]
    public async Task What_a_printer_has_forgotten_is_unknown_and_not_printed_again()
    {
        await RunUntilCutAsync(IppOperation.SendDocument, Cut.After, twoSteps: true, PrintedAndSwitchedOffAsync);
        await Paper.TurnOnAsync(Token);

        var finished = await SucceedAsync();

        Assert.Equal((Outcome.Unknown, "forgotten-by-printer"), (finished.Outcome, finished.Reasons));
        Assert.Single(Paper.Paper);
    }

    [Fact]
    public async Task A_lost_answer_to_Print_Job_is_unknown_if_the_printer_has_no_such_job()
    {
        await RunUntilCutAsync(IppOperation.PrintJob, Cut.After, twoSteps: false, PrintedAndSwitchedOffAsync);
        await Paper.TurnOnAsync(Token);

        Assert.Equal(Outcome.Unknown, (await SucceedAsync()).Outcome);
        Assert.Single(Paper.Paper);
    }

    /// <summary>Here the agent lives on: the network alone breaks.</summary>
    [Theory]
    [InlineData(nameof(IppOperation.CreateJob), Cut.After)]
    [InlineData(nameof(IppOperation.SendDocument), Cut.Before)]
    [InlineData(nameof(IppOperation.GetJobAttributes), Cut.After)]
    public async Task A_connection_that_breaks_is_mended_with_one_print(string operation, Cut cut)
    {
        Way.CutAt(Enum.Parse<IppOperation>(operation), cut, () => Task.CompletedTask);
        using var ledger = new Ledger(LedgerFile);

        Assert.Equal(Outcome.Done, (await PrintAsync(ledger, Begin(ledger), Token)).Outcome);
        Assert.Single(Paper.Paper);
    }

    [Fact]
    public async Task A_printer_that_is_off_is_waited_for_and_said_to_be_offline()
    {
        await Paper.TurnOffAsync();
        using var ledger = new Ledger(LedgerFile);
        var printing = PrintAsync(ledger, Begin(ledger), Token, Paper.Address);
        await Eventually.HoldsAsync(() => Task.FromResult(_reasons.Contains("offline")), "offline is told", Limit, Token);

        await Paper.TurnOnAsync(Token);
        Assert.Equal(Outcome.Done, (await printing).Outcome);
        Assert.Single(Paper.Paper);
    }

    /// <summary>Its document leaves this PC before the printer is on again.</summary>
    [Fact]
    public async Task A_job_that_is_withdrawn_while_its_printer_is_off_is_given_up()
    {
        await Paper.TurnOffAsync();
        _answers.Enqueue(true);
        _answers.Enqueue(false);
        using var ledger = new Ledger(LedgerFile);

        var finished = await PrintAsync(ledger, Begin(ledger), Token, Paper.Address).WaitAsync(Limit, TimeProvider.System, Token);
        Assert.Equal((Outcome.Aborted, "given-back"), (finished.Outcome, finished.Reasons));
        Assert.Equal(["offline", "offline"], _reports);
    }

    [Fact]
    public async Task A_busy_printer_is_waited_for_and_a_jam_is_told()
    {
        await Paper.HoldAsync(Token, "media-jam");
        using var stranger = Given.Printer(Paper.Address);
        var id = await stranger.CreateJobAsync("somebody-elses", new PrintTicket().AttributesFor(await stranger.DescribeAsync(Token)), Token);
        await stranger.SendDocumentAsync(id, new MemoryStream(Given.Pdf()), Token);

        using var ledger = new Ledger(LedgerFile);
        var printing = PrintAsync(ledger, Begin(ledger), Token);
        await Eventually.HoldsAsync(() => Task.FromResult(_reasons.Contains("busy")), "busy is told", Limit, Token);
        Paper.Release();

        Assert.Equal(Outcome.Done, (await printing).Outcome);
        Assert.Equal(2, Paper.Paper.Count);
    }

    [Fact]
    public async Task A_printer_is_said_to_be_busy_until_it_takes_the_job()
    {
        Way.Refusal = (IppOperation.CreateJob, IppStatus.Busy);
        using var ledger = new Ledger(LedgerFile);

        Assert.Equal(Outcome.Done, (await PrintAsync(ledger, Begin(ledger), Token)).Outcome);
        Assert.Equal(["busy", "busy"], _reports.Take(2));
        Assert.DoesNotContain("busy", _reports.Skip(2));
    }

    [Fact]
    public async Task A_printer_that_answers_again_is_not_said_to_be_offline_any_more()
    {
        var asked = 0;
        await Paper.HoldAsync(Token);
        Way.CutAt(operation => operation == IppOperation.GetJobAttributes && ++asked == 2, Cut.Before, () => Task.CompletedTask);
        using var ledger = new Ledger(LedgerFile);
        var printing = PrintAsync(ledger, Begin(ledger), Token);

        await Eventually.HoldsAsync(() => Task.FromResult(_reports.SequenceEqual(["", "offline", ""])), "it is offline and back", Limit, Token);
        Paper.Release();
        Assert.Equal(Outcome.Done, (await printing).Outcome);
    }

    /// <summary>As when its plug is pulled, or the Wi-Fi is gone: no connection is reset, and its time limit is that of a slow printer.</summary>
    [Fact]
    public async Task A_printer_that_falls_silent_is_said_to_be_offline_long_before_its_time_limit_and_nothing_is_decided()
    {
        await Paper.HoldAsync(Token);
        using var ledger = new Ledger(LedgerFile);
        var printing = PrintAsync(ledger, Begin(ledger), Token);
        await Eventually.HoldsAsync(() => Task.FromResult(_reports.SequenceEqual([""])), "that it prints is told", Limit, Token);
        var power = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Way.Held = (null, power.Task);

        await IsToldInTimeAsync("offline");
        Assert.Equal(Step.Sent, Assert.Single(ledger.Open()).Step);
        power.SetResult();
        await Eventually.HoldsAsync(() => Task.FromResult(_reports.SequenceEqual(["", "offline", ""])), "it is back", Limit, Token);
        Paper.Release();
        Assert.Equal(Outcome.Done, (await printing).Outcome);
        Assert.Single(Paper.Paper);
    }

    /// <summary>Of the document nothing moves any more.</summary>
    [Fact]
    public async Task A_printer_that_falls_silent_in_the_middle_of_a_document_is_said_to_be_offline_too()
    {
        var power = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var ledger = new Ledger(LedgerFile);
        using var printer = Given.ShopPrinter(Way.Address);
        var printing = RunOf(ledger, printer).PrintAsync(
            Begin(ledger), new PrintTicket(), () => new SlowDocument(_document, TimeSpan.Zero, () => Way.Held = (null, power.Task)), Token);

        await IsToldInTimeAsync("offline");
        Assert.Equal(Step.Created, Assert.Single(ledger.Open()).Step);
        power.SetResult();
        Assert.Equal(Outcome.Done, (await printing).Outcome);
        Assert.Single(Paper.Paper);
    }

    [Fact]
    public async Task What_the_relay_did_not_answer_is_told_again()
    {
        await Paper.HoldAsync(Token);
        _answers.Enqueue(null);
        using var ledger = new Ledger(LedgerFile);
        var printing = PrintAsync(ledger, Begin(ledger), Token);

        await Eventually.HoldsAsync(() => Task.FromResult(_reports.SequenceEqual(["", ""])), "that it prints is told twice", Limit, Token);
        Paper.Release();
        Assert.Equal(Outcome.Done, (await printing).Outcome);
    }

    /// <summary>Its document did not arrive, so that this agent would send it again; another one may have printed it meanwhile.</summary>
    [Fact]
    public async Task A_job_that_was_given_back_while_it_was_at_the_printer_is_not_begun_again()
    {
        Way.CutAt(IppOperation.SendDocument, Cut.Before, () => Task.CompletedTask);
        _answers.Enqueue(false);
        using var ledger = new Ledger(LedgerFile);

        var finished = await PrintAsync(ledger, Begin(ledger), Token);
        Assert.Equal((Outcome.Aborted, "given-back"), (finished.Outcome, finished.Reasons));
        Assert.Empty(Paper.Paper);
        Assert.Single(ledger.Leftovers()); // a part of it may be at the printer
    }

    [Fact]
    public async Task A_job_that_the_printer_gave_up_is_aborted_and_not_tried_again()
    {
        Paper.Break();
        using var ledger = new Ledger(LedgerFile);

        Assert.Equal(Outcome.Aborted, (await PrintAsync(ledger, Begin(ledger), Token)).Outcome);
        Assert.Equal(1, Paper.Begun);
    }

    /// <summary>
    /// It takes the job although it was told to refuse what it cannot do, and says what it has ignored. An attribute that was not asked for does not matter.
    /// One that takes jobs in one step is asked before.
    /// </summary>
    [Theory]
    [InlineData("sides", true, nameof(JobStage.Cancelled))]
    [InlineData("print-color-mode", true, nameof(JobStage.Cancelled))]
    [InlineData("job-priority", true, nameof(JobStage.Completed))]
    [InlineData("sides", false, null)]
    [InlineData("print-color-mode", false, null)]
    [InlineData("job-priority", false, nameof(JobStage.Completed))]
    public async Task No_job_is_printed_in_another_way_than_it_was_asked_for(string ignored, bool twoSteps, string? expected)
    {
        Way.Ignores = ignored;
        using var ledger = new Ledger(LedgerFile);

        var finished = await PrintAsync(ledger, Begin(ledger, twoSteps), Token);
        Assert.Equal(expected == nameof(JobStage.Completed) ? (Outcome.Done, "") : (Outcome.Aborted, $"no-{ignored}"), (finished.Outcome!.Value, finished.Reasons));
        Assert.Equal(expected == nameof(JobStage.Completed) ? 1 : 0, Paper.Begun);
        using var printer = Given.Printer(Paper.Address);
        Assert.Equal(expected, (await printer.FindJobAsync(finished.Token, Token))?.Stage.ToString());
    }

    [Fact]
    public async Task A_printer_that_speaks_only_an_older_version_of_IPP_prints()
    {
        Way.KnowsOnlyVersion11 = true;
        using var ledger = new Ledger(LedgerFile);

        Assert.Equal(Outcome.Done, (await PrintAsync(ledger, Begin(ledger), Token)).Outcome);
        Assert.Single(Paper.Paper);
    }

    /// <summary>CUPS says 0 of each job whose driver counts nothing.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_job_that_was_given_up_by_a_printer_that_does_not_count_pages_is_unknown(bool isCups)
    {
        Paper.Break();
        (Way.CountsPages, Way.IsCups) = (isCups, isCups);
        using var ledger = new Ledger(LedgerFile);

        Assert.Equal(Outcome.Unknown, (await PrintAsync(ledger, Begin(ledger), Token)).Outcome);
        Assert.Equal(1, Paper.Begun);
    }

    [Fact]
    public async Task A_job_that_the_printer_has_completed_with_errors_is_unknown()
    {
        Way.HasErrors = true;
        using var ledger = new Ledger(LedgerFile);

        var finished = await PrintAsync(ledger, Begin(ledger), Token);
        Assert.Equal((Outcome.Unknown, "job-completed-with-errors"), (finished.Outcome, finished.Reasons));
    }

    /// <summary>Its last bytes may have arrived while it was cancelled. CUPS says 0 of each job whose driver counts nothing.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_document_that_was_cut_off_is_sent_again_only_if_the_printer_counts_pages(bool isCups)
    {
        (Way.CountsPages, Way.IsCups) = (isCups, isCups);
        await RunUntilCutAsync(IppOperation.SendDocument, Cut.Before, twoSteps: true, () => Task.CompletedTask);

        var finished = await SucceedAsync();
        Assert.Equal((Outcome.Unknown, "interrupted"), (finished.Outcome, finished.Reasons));
        Assert.Empty(Paper.Paper);
    }

    /// <summary>CUPS has the whole document, and its driver, which counts nothing, gives it up: pages of it may be there.</summary>
    [Fact]
    public async Task A_document_whose_answer_was_lost_and_that_CUPS_has_given_up_is_not_sent_again()
    {
        Paper.Break();
        Way.IsCups = true;
        await RunUntilCutAsync(IppOperation.SendDocument, Cut.After, twoSteps: true, () => Task.CompletedTask);

        var finished = await SucceedAsync();
        Assert.Equal((Outcome.Unknown, "interrupted"), (finished.Outcome, finished.Reasons));
        Assert.Equal(1, Paper.Begun);
    }

    [Theory]
    [InlineData(nameof(IppStatus.BadRequest), "refused-by-printer")]
    [InlineData(nameof(IppStatus.Gone), "forgotten-by-printer")]
    public async Task A_printer_that_does_not_say_what_became_of_a_job_makes_it_unknown(string status, string reason)
    {
        Way.Refusal = (IppOperation.GetJobAttributes, Enum.Parse<IppStatus>(status));
        using var ledger = new Ledger(LedgerFile);

        var finished = await PrintAsync(ledger, Begin(ledger), Token);
        Assert.Equal((Outcome.Unknown, reason), (finished.Outcome, finished.Reasons));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_printer_that_takes_no_more_of_a_document_is_waited_for_while_it_answers(bool twoSteps)
    {
        var paper = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Way.Held = (twoSteps ? IppOperation.SendDocument : IppOperation.PrintJob, paper.Task);
        using var ledger = new Ledger(LedgerFile);
        using var printer = Given.ShopPrinter(Way.Address, limitInSeconds: 2);
        var printing = RunOf(ledger, printer).PrintAsync(Begin(ledger, twoSteps), new PrintTicket(), () => new MemoryStream(_document), Token);

        // It is asked each second, so five times are longer than the limit.
        await Eventually.HoldsAsync(() => Task.FromResult(Way.Requests.Count(one => one == IppOperation.GetPrinterAttributes) > 5), "the printer was asked meanwhile", Limit, Token);
        Assert.False(printing.IsCompleted);
        paper.SetResult();

        Assert.Equal(Outcome.Done, (await printing).Outcome);
        Assert.Single(Paper.Paper);
    }

    /// <summary>It is out of paper, and the counter has given the session back.</summary>
    [Fact]
    public async Task A_document_that_is_on_its_way_is_broken_off_if_the_session_is_taken_away()
    {
        var paper = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Way.Held = (IppOperation.SendDocument, paper.Task);
        _answers.Enqueue(false);
        using var ledger = new Ledger(LedgerFile);

        var finished = await PrintAsync(ledger, Begin(ledger), Token).WaitAsync(Limit, TimeProvider.System, Token);
        Assert.Equal((Outcome.Aborted, "given-back"), (finished.Outcome, finished.Reasons));
        Assert.Contains(IppOperation.CancelJob, Way.Requests);
        Assert.Equal(0, Paper.Begun);
        paper.SetResult();
    }

    /// <summary>It says nothing of its state meanwhile, because it has a single connection.</summary>
    [Fact]
    public async Task A_document_that_moves_is_sent_to_its_end_however_long_that_takes()
    {
        const int limitInSeconds = 2;
        var opened = 0;
        using var ledger = new Ledger(LedgerFile);
        using var printer = Given.ShopPrinter(Way.Address, limitInSeconds);
        var printing = RunOf(ledger, printer).PrintAsync(Begin(ledger), new PrintTicket(), () =>
        {
            opened++;
            var read = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Way.Held = (IppOperation.GetPrinterAttributes, read.Task);
            return new SlowDocument(_document, TimeSpan.FromSeconds(2 * limitInSeconds), read.SetResult);
        }, Token);

        Assert.Equal(Outcome.Done, (await printing).Outcome);
        Assert.Equal(1, opened);
        Assert.Equal(_document, Assert.Single(Paper.Paper).Document);
    }

    // The printer's time limit is 20 s.
    private Task IsToldInTimeAsync(string reason) =>
        Eventually.HoldsAsync(() => Task.FromResult(_reasons.Contains(reason)), $"{reason} is told", TimeSpan.FromSeconds(10), Token);

    private async Task PrintedAndSwitchedOffAsync()
    {
        await Eventually.HoldsAsync(() => Task.FromResult(Paper.Paper.Count == 1), "it is printed", Limit, Token);
        await Paper.TurnOffAsync();
    }

    private Attempt Begin(Ledger ledger, bool twoSteps = true)
    {
        var attempt = new Attempt(Guid.NewGuid(), Guid.NewGuid(), AttemptRun.NewToken(), Way.Address, twoSteps, Copies: 1, TimeProvider.System.GetUtcNow());
        ledger.Add(attempt);
        return attempt;
    }

    // The agent's end is the end of everything that it has in memory: only the ledger's file stays.
    private async Task RunUntilCutAsync(IppOperation operation, Cut cut, bool twoSteps, Func<Task> then)
    {
        using var dies = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Way.CutAt(operation, cut, async () =>
        {
            await dies.CancelAsync();
            await then();
            done.SetResult();
        });
        using var ledger = new Ledger(LedgerFile);
        var attempt = Begin(ledger, twoSteps);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => PrintAsync(ledger, attempt, dies.Token));
        await done.Task.WaitAsync(Limit, TimeProvider.System, Token);
    }

    private async Task<Attempt> SucceedAsync()
    {
        using var ledger = new Ledger(LedgerFile);
        using var printer = Given.ShopPrinter(Way.Address);
        var settled = await RunOf(ledger, printer).SettleAsync(Assert.Single(ledger.Open()), Token);
        return settled.Step == Step.Intent ? await PrintAsync(ledger, settled, Token) : settled;
    }

    private async Task<Attempt> PrintAsync(Ledger ledger, Attempt attempt, CancellationToken cancellationToken, string? address = null)
    {
        using var printer = Given.ShopPrinter(address ?? Way.Address);
        return await RunOf(ledger, printer).PrintAsync(attempt, new PrintTicket(), () => new MemoryStream(_document), cancellationToken);
    }

    private AttemptRun RunOf(Ledger ledger, ShopPrinter printer) => new(ledger, printer, (_, reasons, _) =>
    {
        _reports.Enqueue(string.Join(' ', reasons));
        foreach (var reason in reasons)
            _reasons.Enqueue(reason);
        return Task.FromResult(_answers.TryDequeue(out var answer) ? answer : true);
    }, TimeProvider.System);

    /// <summary>A document over a slow network: its bytes come one after the other, spread over the time.</summary>
    private sealed class SlowDocument(byte[] content, TimeSpan time, Action atEnd) : MemoryStream(content)
    {
        private const int Parts = 20;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await Task.Delay(time / Parts, TimeProvider.System, cancellationToken);
            var read = await base.ReadAsync(buffer[..Math.Min(buffer.Length, (int)(Length / Parts) + 1)], cancellationToken);
            if (read == 0)
                atEnd();
            return read;
        }
    }
}
