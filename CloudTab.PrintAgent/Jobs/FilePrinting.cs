using System.Collections.Concurrent;
using System.Diagnostics;
using CloudTab.Client;
using Microsoft.Extensions.Options;

namespace CloudTab.PrintAgent;

/// <summary>Prints one file of a session that this agent has claimed: from the relay, over the ledger, to the printer, and back with the outcome.</summary>
internal sealed class FilePrinting(
    CloudTabClient relay, Ledger ledger, ShopPrinters printers, OtherAgents others, PrintReady documents, PrintReports reports, Telemetry telemetry, IOptions<AgentOptions> options,
    TimeProvider clock, ILogger<FilePrinting> logger)
{
    /// <summary>The one reason of an attempt of which nothing was printed, because somebody took the session away before, or another printer can have it.</summary>
    public const string GivenBack = "given-back";

    private const int Enospc = 28;
    private const int ErrorDiskFull = 112;

    // Somebody may give the session back while the printer is waited for: the relay's answer to the same report says so.
    private static readonly TimeSpan TellAgain = TimeSpan.FromSeconds(5);

    // The outcome is reported after the purge.
    private static readonly TimeSpan PurgeLimit = TimeSpan.FromSeconds(3);

    // Files at work. A session may come back to this agent while an attempt of an earlier run is settled: only one of them may go on with the attempt.
    private readonly ConcurrentDictionary<Guid, Task> _atWork = new();

    /// <summary>Whether the file is being printed, or an attempt to print it settled.</summary>
    public bool IsAtWork(Guid file) => _atWork.ContainsKey(file);

    /// <summary>Waits for a place at the printer for a file of a session that is not claimed yet.</summary>
    /// <param name="goOn">Asked about each second whether to wait on; told whether a printer for it answers.</param>
    /// <returns>Null if it needs none, or is not to wait on.</returns>
    public async Task<Place?> TakePlaceAsync(FileDetails file, Again? again, Func<PrintTicket, bool, Task<bool>> goOn, CancellationToken cancellationToken)
    {
        if (await RefusalOfAsync(file, cancellationToken) is not null || !IsToBegin(ledger.LatestOf(file.Id), again))
            return null;
        var ticket = TicketFor(file);
        try
        {
            return await printers.TakePlaceAsync(ticket, absent => goOn(ticket, absent is null), cancellationToken);
        }
        catch (NotPrintableException)
        {
            return null; // which is said when the session is claimed
        }
    }

    /// <summary>Prints the file, unless it was tried already; goes on with an attempt that was cut off.</summary>
    /// <param name="session">The file's, which this agent has claimed.</param>
    /// <param name="again">Which failed attempts, and which with no known outcome, are made again; null: none.</param>
    /// <param name="isAskedFor">Whether a person wants it printed by this PC: also if the session is not released.</param>
    /// <param name="place">A place at a printer that there is for it already, or null. It is left at the end.</param>
    /// <returns>
    /// The latest attempt, with its outcome, which was reported to the relay; null if the session is to be given back with the file like new: it is not released any
    /// more, or another printer can print it.
    /// </returns>
    public Task<Attempt?> PrintAsync(string session, FileDetails file, Again? again, bool isAskedFor, Place? place, CancellationToken cancellationToken) => AloneAsync<Attempt?>(file.Id, async () =>
    {
        using var given = place;
        using var span = Telemetry.Source.StartActivity("print file");
        var started = clock.GetTimestamp();
        var attempt = ledger.LatestOf(file.Id);
        var permission = PermissionFor(session, file, isAskedFor || attempt is { Step: < Step.Settled, Again: not null });
        if (IsToBegin(attempt, again))
            attempt = await BeginAsync(attempt is { Step: Step.Waiting } ? attempt : NewAttempt(file, again?.Reason), file, permission, place, cancellationToken);
        else if (attempt is { Step: Step.Reported })
            return attempt;
        else if (attempt is { Step: < Step.Settled })
            attempt = await ResumeAsync(attempt, file, permission, cancellationToken);
        if (attempt is null)
        {
            await ForgetWaitingAsync(file.Id, mustAnswer: true, cancellationToken);
            return null;
        }

        telemetry.Settled(attempt.Outcome!.Value, clock.GetElapsedTime(started));
        return await FinishAsync(attempt, cancellationToken);
    }, cancellationToken);

    /// <summary>Settles an attempt whose session is not this agent's any more, without printing anything.</summary>
    public Task SettleAsync(Attempt attempt, CancellationToken cancellationToken) => AloneAsync(attempt.File, async () =>
    {
        attempt = ledger.Find(attempt.Id) ?? attempt;
        if (attempt.Step == Step.Waiting)
        {
            attempt = Abort(attempt, GivenBack);
        }
        else if (attempt.Step < Step.Settled)
        {
            attempt = await AtPrinterAsync(attempt, run => run.SettleAsync(attempt, cancellationToken), cancellationToken);
            if (attempt.Step == Step.Intent)
                attempt = Abort(attempt, GivenBack);
        }

        return await FinishAsync(attempt, cancellationToken);
    }, cancellationToken);

    /// <summary>
    /// Gives up an attempt that waits for a printer, which was not asked for anything: to the next start of this agent, and to other PCs, the file is like
    /// new once its session is given back.
    /// </summary>
    /// <returns>False if the relay did not answer: then the attempt is left as it is.</returns>
    public Task<bool> GiveUpWaitingAsync(Guid file, CancellationToken cancellationToken) =>
        AloneAsync(file, () => ForgetWaitingAsync(file, mustAnswer: false, cancellationToken), cancellationToken);

    /// <summary>Settles an attempt with its printer, and has the printer's copy removed. The relay hears of it from a later run.</summary>
    public Task LeavePrinterAsync(Attempt attempt, CancellationToken cancellationToken) => AloneAsync(attempt.File, async () =>
    {
        attempt = ledger.Find(attempt.Id) ?? attempt;
        if (attempt.Step is >= Step.Intent and < Step.Settled)
            attempt = await AtPrinterAsync(attempt, run => run.SettleAsync(attempt, cancellationToken), cancellationToken);
        return await LeaveAsync(attempt, cancellationToken);
    }, cancellationToken);

    private async Task<bool> ForgetWaitingAsync(Guid file, bool mustAnswer, CancellationToken cancellationToken)
    {
        if (ledger.LatestOf(file) is not { Step: Step.Waiting } waiting)
            return true;
        if (await reports.TryAsync(waiting, PrintStates.Failed, [GivenBack], mustAnswer, cancellationToken) is null)
            return false;
        ledger.Remove(waiting.Id);
        return true;
    }

    // Waits until nothing else works on the file.
    private async Task<T> AloneAsync<T>(Guid file, Func<Task<T>> act, CancellationToken cancellationToken)
    {
        var end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        while (_atWork.GetOrAdd(file, end.Task) is var other && other != end.Task)
            await other.WaitAsync(cancellationToken);
        try
        {
            return await act();
        }
        finally
        {
            _atWork.TryRemove(file, out _);
            end.SetResult();
        }
    }

    /// <param name="attempt">In the ledger already if it has a printer, which is waited for.</param>
    /// <returns>Null if the file is left, like new: if its attempt is in the ledger, as one that waits.</returns>
    private async Task<Attempt?> BeginAsync(Attempt attempt, FileDetails file, Permission permission, Place? given, CancellationToken cancellationToken)
    {
        // What the relay has heard of whether a printer is there; null: it did not answer. Of a new attempt it need not hear at once.
        bool? isToldAway = IsKept() ? null : false;
        var toldAt = IsKept() ? 0 : clock.GetTimestamp();
        try
        {
            if (await RefusalOfAsync(file, cancellationToken) is { } refusal)
                throw new NotPrintableException(refusal);
            var ticket = TicketFor(file);
            // The customer may have changed the options. A job that kept one place while it waits for another could wait for itself.
            if (given?.Ticket != ticket)
                given?.Dispose();
            using var place = given?.Ticket == ticket ? given : await printers.TakePlaceAsync(ticket, absent => TellAsync(absent), cancellationToken);
            if (place is null)
                return Left();
            if (IsKept() && attempt.Printer != place.Printer.Address)
            {
                if (!await permission.RenewAsync(mustAnswer: true, cancellationToken))
                    return Left();
                await ForgetWaitingAsync(file.Id, mustAnswer: true, cancellationToken);
                (attempt, isToldAway) = (NewAttempt(file, attempt.Again), false);
            }

            if (!await TellAsync(absent: null))
                return Left();
            using var document = await PrepareAsync(file, ticket.MediaAt(place.Description)!, cancellationToken);
            using var turn = await place.Printer.TakeTurnAsync(
                async () => await TellAsync(await place.Printer.SeeAsync(cancellationToken) is null ? place.Printer : null), cancellationToken);
            if (turn is null || !await permission.IsReleasedAsync(cancellationToken))
                return Left();

            var isKept = IsKept();
            attempt = attempt with { Printer = place.Printer.Address, TwoSteps = place.Description.HasCreateJob, At = clock.GetUtcNow() };
            attempt = isKept ? ledger.Write(attempt) : ledger.Add(attempt);
            if (await reports.TryAsync(attempt, PrintStates.Sent, [], mustAnswer: true, cancellationToken) == false)
                return Abort(attempt, GivenBack);
            attempt = ledger.Write(attempt with { Step = Step.Intent });
            permission.See(isAway: false);
            attempt = await RunOf(place.Printer, cancellationToken, permission)
                .PrintAsync(attempt, ticket with { Scaling = document.Scaling }, document.Open, cancellationToken, sent: document.Dispose);
            if (!permission.IsLeft || attempt is not { Outcome: Outcome.Aborted, Reasons: GivenBack })
                return attempt;
            // It was busy, or off, until then, and has nothing of it.
            ledger.Write(attempt with { Step = Step.Waiting, Outcome = null, Reasons = "" }, isBack: true);
            return null;
        }
        catch (NotPrintableException reason)
        {
            var isKept = IsKept();
            attempt = attempt with { Step = Step.Settled, Outcome = Outcome.Aborted, Reasons = string.Join(',', reason.Reasons) };
            return isKept ? ledger.Write(attempt) : ledger.Add(attempt);
        }

        bool IsKept() => attempt.Printer.Length > 0;

        Attempt? Left() => permission.IsLeft ? null : Abort(attempt, GivenBack);

        // Whether to go on: the session is still this agent's, because the document of what waits is on this PC, and released. An absent printer is told
        // under the attempt's id, which is therefore in the ledger before. While one is there nothing is: if this PC dies then, the claim has to lapse, and
        // the relay must know of no attempt, because no printer was asked for anything.
        async Task<bool> TellAsync(ShopPrinter? absent)
        {
            var isAway = absent is not null;
            permission.See(isAway);
            var isNews = (isToldAway ?? isAway) != isAway;
            if (!isNews && toldAt != 0 && clock.GetElapsedTime(toldAt) < TellAgain)
                return true;
            if (await permission.IsForAnotherAsync(cancellationToken))
                return false;
            if (isToldAway == isAway)
            {
                var mayPrint = await permission.RenewAsync(mustAnswer: false, cancellationToken);
                toldAt = clock.GetTimestamp();
                return mayPrint;
            }

            if (absent is not null && !IsKept())
                attempt = ledger.Add(attempt with { Printer = absent.Address });
            var isOurs = await reports.TryAsync(attempt, PrintStates.Sent, isAway ? [AttemptRun.Offline] : [], mustAnswer: false, cancellationToken);
            (isToldAway, toldAt) = (isOurs is null ? null : isAway, clock.GetTimestamp());
            return isOurs ?? true;
        }
    }

    // If its printer has no document of it, it waits again: what holds for any file that waits holds for it too.
    private async Task<Attempt?> ResumeAsync(Attempt attempt, FileDetails file, Permission permission, CancellationToken cancellationToken)
    {
        attempt = await AtPrinterAsync(attempt, run => run.SettleAsync(attempt, cancellationToken), cancellationToken, permission);
        return attempt.Step == Step.Intent
            ? await BeginAsync(ledger.Write(attempt with { Step = Step.Waiting, Token = AttemptRun.NewToken() }, isBack: true), file, permission, given: null, cancellationToken)
            : attempt;
    }

    // A printer that the shop has removed from the settings may be gone for good: if it does not answer at once, nobody waits for it.
    private async Task<Attempt> AtPrinterAsync(Attempt attempt, Func<AttemptRun, Task<Attempt>> act, CancellationToken cancellationToken, Permission? permission = null)
    {
        if (printers.FindOrOpen(attempt.Printer) is not { } printer || printers.Find(attempt.Printer) is null && await printer.LookAsync(cancellationToken) is null)
            return ledger.Write(attempt with { Step = Step.Settled, Outcome = Outcome.Unknown, Reasons = "printer-gone" });
        using var entry = printer.Enter();
        using var turn = await printer.TakeTurnAsync(MayWaitAsync, cancellationToken);
        return turn is null ? attempt : await act(RunOf(printer, cancellationToken, permission));

        // Other jobs may be there that have to be followed, and the printer is off. What it can have no document of need not wait for it.
        async Task<bool> MayWaitAsync()
        {
            if (permission is null || attempt is not { Step: Step.Intent, TwoSteps: true })
                return true;
            permission.See(await printer.SeeAsync(cancellationToken) is null);
            return !await permission.IsForAnotherAsync(cancellationToken);
        }
    }

    private async Task<PrintDocument> PrepareAsync(FileDetails file, string media, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            using var content = await SealedFile.CreateAsync(options.Value.Files, output => relay.Shop.DownloadAsync(file, output, cancellationToken: cancellationToken));
            var document = await MakeAsync(content, file, media, cancellationToken);
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
        catch (IOException full) when (IsDiskFull(full))
        {
            throw new NotPrintableException("disk-full");
        }
        catch (Exception unwritable) when (unwritable is UnauthorizedAccessException || unwritable is IOException && !CanWrite())
        {
            logger.DocumentNotMade(unwritable, file.Id, file.Type);
            throw new NotPrintableException("disk-error");
        }
    }

    // Otherwise it is the relay's connection that broke.
    private bool CanWrite()
    {
        try
        {
            Directory.CreateDirectory(options.Value.Files);
            using var file = new FileStream(Path.Combine(options.Value.Files, "try"), FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose);
            file.WriteByte(0);
            return true;
        }
        catch (Exception broken) when (broken is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static bool IsDiskFull(IOException failed) => (failed.HResult & 0xFFFF) is Enospc or ErrorDiskFull;

    // What fails in a way that nobody foresaw fails so each time: a person at the counter can print it.
    private async Task<PrintDocument> MakeAsync(SealedFile content, FileDetails file, string media, CancellationToken cancellationToken)
    {
        try
        {
            return await documents.MakeAsync(content, file, media, cancellationToken);
        }
        catch (Exception unforeseen) when (unforeseen is not NotPrintableException && !cancellationToken.IsCancellationRequested)
        {
            logger.DocumentNotMade(unforeseen, file.Id, file.Type);
            throw new NotPrintableException(unforeseen switch
            {
                IOException full when IsDiskFull(full) => "disk-full",
                IOException or UnauthorizedAccessException => "disk-error",
                _ => "damaged-file",
            });
        }
    }

    /// <summary>What follows the outcome: the printer's copy is removed, and the relay is told, until it has heard.</summary>
    private async Task<Attempt> FinishAsync(Attempt attempt, CancellationToken cancellationToken)
    {
        attempt = await LeaveAsync(attempt, cancellationToken);
        if (attempt.Step == Step.Purged)
        {
            var isKnown = await reports.FinalAsync(attempt, cancellationToken);
            logger.AttemptSettled(attempt.Id, attempt.Outcome!.Value, attempt.Reasons);
            // The claim lapsed before the relay heard of the attempt, and nothing was printed: nobody else knows of it, so it must not keep the file from being printed.
            if (!isKnown && attempt.Outcome == Outcome.Aborted)
            {
                ledger.Remove(attempt.Id);
                return attempt;
            }

            attempt = ledger.Write(attempt with { Step = Step.Reported });
        }

        return attempt;
    }

    private async Task<Attempt> LeaveAsync(Attempt attempt, CancellationToken cancellationToken)
    {
        if (attempt.Step != Step.Settled)
            return attempt;
        await PurgeAsync(attempt, cancellationToken);
        return ledger.Write(attempt with { Step = Step.Purged });
    }

    /// <summary>Removes what CUPS or a printer still keeps of jobs that are over, and could not be removed then.</summary>
    public async Task PurgeAsync(CancellationToken cancellationToken)
    {
        foreach (var leftovers in ledger.Leftovers().GroupBy(leftover => leftover.Printer, StringComparer.Ordinal))
        {
            if (printers.FindOrOpen(leftovers.Key) is not { } printer || await printer.SeeAsync(cancellationToken) is not { } there)
                continue;
            foreach (var leftover in leftovers)
            {
                if (await TryPurgeAsync(printer, there, leftover, Timeout.InfiniteTimeSpan, cancellationToken))
                    ledger.Remove(leftover);
            }
        }
    }

    // If CUPS is away or silent now the log says so, and it is tried again later, but not waited for: the outcome matters more.
    private async Task PurgeAsync(Attempt attempt, CancellationToken cancellationToken)
    {
        if (attempt.Job is not { } job)
            return;
        var printer = printers.FindOrOpen(attempt.Printer);
        var there = printer is null ? null : await printer.SeeAsync(cancellationToken);
        if (there is not null && await TryPurgeAsync(printer!, there, new(attempt.Printer, job, attempt.Token), PurgeLimit, cancellationToken))
            return;
        ledger.Leave(attempt);
        logger.CopyKept(attempt.Id, job);
    }

    // CUPS keeps documents for a day unless it is told otherwise. Of a printer nobody knows whether it keeps any: it is asked once, whatever it answers.
    private async Task<bool> TryPurgeAsync(ShopPrinter printer, PrinterDescription there, Leftover leftover, TimeSpan time, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(time, clock);
        using var limitOrCancellation = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            return await printer.Ipp.PurgeAsync(leftover.Job, leftover.Token, limitOrCancellation.Token) || !there.IsCups;
        }
        catch (Exception failed) when (failed is IOException or JobRefusedException || failed is OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return !there.IsCups;
        }
    }

    /// <param name="permission">Asked while the printer has nothing of it; null: nothing is printed.</param>
    private AttemptRun RunOf(ShopPrinter printer, CancellationToken cancellationToken, Permission? permission = null)
    {
        return new(
            ledger, printer,
            async (attempt, reasons, mustAnswer) => attempt.Job is null && permission is not null && !await MayPrintAsync(permission, reasons, mustAnswer, attempt.Step == Step.Created)
                ? false
                : await reports.TryAsync(attempt, attempt.Job is null ? PrintStates.Sent : PrintStates.Printing, reasons, mustAnswer, cancellationToken),
            clock);

        // A printer that takes the job next is there, whatever was told of it last. One that knows only Print-Job may have some of the document already.
        async Task<bool> MayPrintAsync(Permission permission, IReadOnlyList<string> reasons, bool isNext, bool mayHaveDocument)
        {
            permission.See(!isNext && reasons is [AttemptRun.Offline]);
            return isNext ? await permission.IsReleasedAsync(cancellationToken) : mayHaveDocument || !await permission.IsForAnotherAsync(cancellationToken);
        }
    }

    private Permission PermissionFor(string session, FileDetails file, bool isAskedFor) =>
        new(session, file, TicketFor(file), isAskedFor, reports, printers, others, options.Value, clock);

    private Attempt NewAttempt(FileDetails file, string? again) =>
        new(Guid.NewGuid(), file.Id, AttemptRun.NewToken(), Printer: "", TwoSteps: true, file.PrintOptions.Copies, clock.GetUtcNow(), Step.Waiting, Again: again);

    private static bool IsToBegin(Attempt? latest, Again? again) =>
        latest is null or { Step: Step.Waiting } || again is not null && again.Attempts.Contains(latest.Id) && latest.Outcome != Outcome.Done;

    // Why no printer is asked for it; null: one is.
    private async Task<string?> RefusalOfAsync(FileDetails file, CancellationToken cancellationToken)
    {
        if (file.Scan == ScanResults.Infected)
            return "infected-file";
        return await documents.CanPrintAsync(file.Type, cancellationToken) ? null : "no-converter";
    }

    private Attempt Abort(Attempt attempt, params IReadOnlyList<string> reasons) =>
        ledger.Write(attempt with { Step = Step.Settled, Outcome = Outcome.Aborted, Reasons = string.Join(',', reasons) });

    private static PrintTicket TicketFor(FileDetails file) =>
        new(file.PrintOptions.Copies, file.PrintOptions.ColorMode == ColorModes.Color, file.PrintOptions.Sides, file.PrintOptions.Media);
}
