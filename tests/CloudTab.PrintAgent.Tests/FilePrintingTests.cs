using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Diagnostics;
using CloudTab.Client;
using CloudTab.Testing;

namespace CloudTab.PrintAgent.Tests;

/// <summary>What becomes of a file that the agent has claimed, from its document to what is left at the printer.</summary>
[Collection(RelayCollection.Name)]
public sealed class FilePrintingTests(RunningRelay relay) : AgentPartsTests(relay)
{
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
        await File.WriteAllTextAsync(Path.Combine(Folder, "files"), "where the folder should be", Token);
        var file = await ClaimedAsync();

        var attempt = await PrintAsync(file);
        Assert.Equal((Outcome.Aborted, "disk-error"), (attempt.Outcome, attempt.Reasons));
        Assert.Equal(0, Documents());
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
        Assert.Equal(PrintStates.Printed, (await PrintOfAsync(Sent[0]))?.State);
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
    public async Task Nothing_of_a_document_is_on_this_PC_once_its_printer_has_all_of_it()
    {
        await Paper.HoldAsync(Token);
        var file = await ClaimedAsync();
        var printing = PrintAsync(file);
        await Eventually.HoldsAsync(
            () => Task.FromResult(Ledger.LatestOf(file.Id) is { Step: Step.Sent } && Directory.GetFiles(Path.Combine(Folder, "files")) is []), "it is deleted", Limit, Token);
        Assert.False(printing.IsCompleted);

        Paper.Release();
        Assert.Equal(Outcome.Done, (await printing).Outcome);
    }
}
