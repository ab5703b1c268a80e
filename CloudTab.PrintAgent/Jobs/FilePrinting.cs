using System.Diagnostics;
using CloudTab.Client;
using Microsoft.Extensions.Options;

namespace CloudTab.PrintAgent;

/// <summary>Prints one file of a session that this agent has claimed: from the relay, over the ledger, to the printer, and back with the outcome.</summary>
internal sealed class FilePrinting(
    CloudTabClient relay, Ledger ledger, ShopPrinters printers, PrintReady documents, PrintReports reports, Telemetry telemetry, IOptions<AgentOptions> options, TimeProvider clock,
    ILogger<FilePrinting> logger)
{
    private const int Enospc = 28;
    private const int ErrorDiskFull = 112;

    /// <summary>Prints the file, unless it was tried already; goes on with an attempt that was cut off.</summary>
    /// <param name="again">Why it is printed again though an attempt failed or has no known outcome; null: it is not.</param>
    /// <returns>The latest attempt, with its outcome, which the relay knows.</returns>
    public async Task<Attempt> PrintAsync(FileDetails file, string? again, CancellationToken cancellationToken)
    {
        using var span = Telemetry.Source.StartActivity("print file");
        var started = clock.GetTimestamp();
        var attempt = ledger.LatestOf(file.Id);
        if (attempt is { Step: Step.Reported } && (again is null || attempt.Outcome == Outcome.Done))
            return attempt;
        if (attempt is { Step: < Step.Settled })
            attempt = await ResumeAsync(attempt, file, cancellationToken);
        else if (attempt is null || again is not null && attempt.Outcome != Outcome.Done)
            attempt = await BeginAsync(file, again, cancellationToken);
        telemetry.Settled(attempt.Outcome!.Value, clock.GetElapsedTime(started));
        return await FinishAsync(attempt, cancellationToken);
    }

    /// <summary>Settles an attempt whose session is not this agent's any more, without printing anything.</summary>
    public async Task SettleAsync(Attempt attempt, CancellationToken cancellationToken)
    {
        if (attempt.Step < Step.Settled)
        {
            attempt = await AtPrinterAsync(attempt, (run, _) => run.SettleAsync(attempt, cancellationToken), cancellationToken);
            if (attempt.Step == Step.Intent)
                attempt = Abort(attempt, "given-back");
        }

        await FinishAsync(attempt, cancellationToken);
    }

    private async Task<Attempt> BeginAsync(FileDetails file, string? again, CancellationToken cancellationToken)
    {
        var attempt = new Attempt(Guid.NewGuid(), file.Id, AttemptRun.NewToken(), Printer: "", TwoSteps: true, file.PrintOptions.Copies, clock.GetUtcNow(), Again: again);
        try
        {
            if (file.Scan == ScanResults.Infected)
                throw new NotPrintableException("infected-file");
            if (!PrintReady.CanPrint(file.Type))
                throw new NotPrintableException("no-converter");
            var ticket = TicketFor(file);
            var (printer, description) = await printers.ChooseAsync(ticket, clock, cancellationToken);
            attempt = attempt with { Printer = printer.Address, TwoSteps = description.HasCreateJob };
            using var document = await PrepareAsync(file, ticket.MediaAt(description)!, cancellationToken);
            using var turn = await printer.TakeTurnAsync(cancellationToken);

            attempt = attempt with { At = clock.GetUtcNow() };
            ledger.Add(attempt);
            if (!await reports.TryAsync(attempt, PrintStates.Sent, [], mustAnswer: true, cancellationToken))
                return Abort(attempt, "given-back");
            return await RunOf(printer, cancellationToken).PrintAsync(attempt, ticket, document.Open, cancellationToken);
        }
        catch (NotPrintableException reason)
        {
            ledger.Add(attempt = attempt with { Step = Step.Settled, Outcome = Outcome.Aborted, Reasons = string.Join(',', reason.Reasons) });
            return attempt;
        }
    }

    private Task<Attempt> ResumeAsync(Attempt attempt, FileDetails file, CancellationToken cancellationToken) => AtPrinterAsync(attempt, async (run, printer) =>
    {
        attempt = await run.SettleAsync(attempt, cancellationToken);
        if (attempt.Step != Step.Intent)
            return attempt;
        try
        {
            var ticket = TicketFor(file);
            var media = (await printer.LookAsync(cancellationToken) is { } there ? ticket.MediaAt(there) : null) ?? throw new NotPrintableException("no-media");
            using var document = await PrepareAsync(file, media, cancellationToken);
            if (!await reports.TryAsync(attempt, PrintStates.Sent, [], mustAnswer: true, cancellationToken))
                return Abort(attempt, "given-back");
            return await run.PrintAsync(attempt, ticket, document.Open, cancellationToken);
        }
        catch (NotPrintableException reason)
        {
            return Abort(attempt, [.. reason.Reasons]);
        }
    }, cancellationToken);

    // A printer that the shop has removed from the settings can be asked no more.
    private async Task<Attempt> AtPrinterAsync(Attempt attempt, Func<AttemptRun, ShopPrinter, Task<Attempt>> act, CancellationToken cancellationToken)
    {
        if (printers.Find(attempt.Printer) is not { } printer)
            return ledger.Write(attempt with { Step = Step.Settled, Outcome = Outcome.Unknown, Reasons = "printer-gone" });
        using var turn = await printer.TakeTurnAsync(cancellationToken);
        return await act(RunOf(printer, cancellationToken), printer);
    }

    private async Task<SealedFile> PrepareAsync(FileDetails file, string media, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            using var content = await SealedFile.CreateAsync(options.Value.Files, output => relay.Shop.DownloadAsync(file, output, cancellationToken: cancellationToken));
            var document = await documents.MakeAsync(content, file, media, cancellationToken);
            logger.DocumentPrepared(file.Id, file.Type, Stopwatch.GetElapsedTime(started));
            return document;
        }
        catch (InvalidDataException)
        {
            throw new NotPrintableException("damaged-download");
        }
        catch (CloudTabException refused) when (refused.Code is "file_infected" or "file_deleted" or "file_not_found")
        {
            throw new NotPrintableException(refused.Code == "file_infected" ? "infected-file" : "deleted-file");
        }
        catch (IOException full) when ((full.HResult & 0xFFFF) is Enospc or ErrorDiskFull)
        {
            throw new NotPrintableException("disk-full");
        }
    }

    /// <summary>What follows the outcome: the printer's copy is removed, and the relay is told, until it has heard.</summary>
    private async Task<Attempt> FinishAsync(Attempt attempt, CancellationToken cancellationToken)
    {
        if (attempt.Step == Step.Settled)
        {
            await PurgeAsync(attempt, cancellationToken);
            attempt = ledger.Write(attempt with { Step = Step.Purged });
        }

        if (attempt.Step == Step.Purged)
        {
            await reports.FinalAsync(attempt, cancellationToken);
            attempt = ledger.Write(attempt with { Step = Step.Reported });
            logger.AttemptSettled(attempt.Id, attempt.Outcome!.Value, attempt.Reasons);
        }

        return attempt;
    }

    // CUPS keeps documents for a day unless it is told otherwise. If it is away now the log says so, and it is not waited for: the outcome matters more.
    private async Task PurgeAsync(Attempt attempt, CancellationToken cancellationToken)
    {
        if (attempt.Job is not { } job)
            return;
        try
        {
            var printer = printers.Find(attempt.Printer);
            var there = printer is null ? null : await printer.LookAsync(cancellationToken);
            if (there is { IsCups: false } || there is not null && await printer!.Ipp.PurgeAsync(job, attempt.Token, cancellationToken))
                return;
        }
        catch (Exception away) when (away is IOException or JobRefusedException)
        {
            // Said below.
        }

        logger.CopyKept(attempt.Id, job);
    }

    private AttemptRun RunOf(ShopPrinter printer, CancellationToken cancellationToken) => new(
        ledger, printer,
        (attempt, reasons) => reports.TryAsync(attempt, attempt.Job is null ? PrintStates.Sent : PrintStates.Printing, reasons, mustAnswer: attempt.Job is null, cancellationToken),
        clock);

    private Attempt Abort(Attempt attempt, params IReadOnlyList<string> reasons) =>
        ledger.Write(attempt with { Step = Step.Settled, Outcome = Outcome.Aborted, Reasons = string.Join(',', reasons) });

    // A picture or a text is laid out for the paper. A PDF's pages stay as they are: the printer fits them, where it can.
    private static PrintTicket TicketFor(FileDetails file) => new(
        file.PrintOptions.Copies, file.PrintOptions.ColorMode == ColorModes.Color, file.PrintOptions.Sides, file.PrintOptions.Media,
        file.Type == IppPrinter.Pdf && file.PrintOptions.Scaling == Scalings.Fit ? "fit" : "none");
}
