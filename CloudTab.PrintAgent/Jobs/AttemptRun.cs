using System.Security.Cryptography;

namespace CloudTab.PrintAgent;

/// <summary>
/// Takes one attempt, step by step, from where the ledger has it to its outcome. Each step is in the ledger before the printer is asked for what
/// follows, so that whatever is cut off can be settled afterwards: by the printer's own list of jobs, or by a person.
/// </summary>
/// <param name="report">
/// Told what the printer says, if it is something new or was told a while ago, and whether the relay must answer, because a job is about to be created; returns
/// whether the session is still this agent's, and to be printed, or null if the relay did not answer.
/// </param>
internal sealed class AttemptRun(Ledger ledger, ShopPrinter printer, Func<Attempt, IReadOnlyList<string>, bool, Task<bool?>> report, TimeProvider clock)
{
    public const string Offline = "offline";

    private const string Refused = "refused-by-printer";
    private const string WithErrors = "job-completed-with-errors";
    private const int MostRestarts = 3;

    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan FirstPoll = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan SlowestPoll = TimeSpan.FromSeconds(1);

    // A report that is not answered takes long, and the printer is not looked at meanwhile.
    private static readonly TimeSpan TellAgain = TimeSpan.FromSeconds(2);

    // The relay's answer to the same report says whether the session was withdrawn, has expired, or was given back.
    private static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(5);

    // Whether somebody may have taken the session away, because the printer or one of its jobs was waited for.
    private bool _waited;

    // What the relay knows, and whether it knows that there is a job; null: it did not answer.
    private (bool HasJob, IReadOnlyList<string> Reasons)? _told;
    private long? _unansweredAt;
    private long _toldAt;
    private bool _isLost;
    private bool _isCancelled;

    /// <summary>A job's name that no other job has: 128 random bits, in the 40 characters that every printer keeps.</summary>
    public static string NewToken() => "ct-" + RandomNumberGenerator.GetHexString(32, lowercase: true);

    /// <summary>Asks the printer what became of an attempt that was cut off.</summary>
    /// <returns>The attempt: followed to its outcome, or back at <see cref="Step.Intent"/> under a new token if the printer has nothing of it.</returns>
    public async Task<Attempt> SettleAsync(Attempt attempt, CancellationToken cancellationToken)
    {
        if (attempt.Step >= Step.Settled)
            return attempt;
        if (attempt.Step == Step.Intent)
        {
            PrintJobState? job;
            try
            {
                // What has that name and a second step has no document yet, and gets none: if the session is lost it need not be found.
                job = attempt.TwoSteps
                    ? await UnlessLostAsync(attempt, () => printer.Ipp.FindJobAsync(attempt.Token, cancellationToken), cancellationToken)
                    : await WithAnswerAsync(Begun(attempt), () => printer.Ipp.FindJobAsync(attempt.Token, cancellationToken), cancellationToken);
            }
            catch (JobRefusedException)
            {
                return Settle(attempt, Outcome.Unknown, Refused);
            }

            // Print-Job is one step: the document may have arrived, and the printer may have forgotten it.
            if (job is null)
                return attempt.TwoSteps ? Restart(attempt) : Settle(attempt, Outcome.Unknown, "interrupted");
            attempt = ledger.Write(attempt with { Step = Step.Created, Job = job.Id });
        }

        return await FollowAsync(attempt, cancellationToken);
    }

    /// <summary>Prints.</summary>
    /// <param name="attempt">At <see cref="Step.Intent"/>; the printer was asked for nothing yet.</param>
    /// <param name="open">Opens the document, each time from its beginning.</param>
    /// <param name="sent">Called when the printer has all of it: it is not opened again.</param>
    /// <returns>The attempt with its outcome.</returns>
    public async Task<Attempt> PrintAsync(Attempt attempt, PrintTicket ticket, Func<Stream> open, CancellationToken cancellationToken, Action? sent = null)
    {
        for (var restarts = 0; attempt.Step == Step.Intent; restarts++)
        {
            if (restarts > MostRestarts)
                return Settle(attempt, Outcome.Aborted, "not-taken");
            try
            {
                attempt = await SendAsync(attempt, ticket, open, cancellationToken);
            }
            catch (JobRefusedException refused)
            {
                if (refused.IsTemporary)
                {
                    restarts--;
                    attempt = await WaitAsync(attempt, ["busy"], cancellationToken);
                    continue;
                }

                return Settle(attempt, Outcome.Aborted, refused.Unsupported is [] ? [Refused] : [.. refused.Unsupported.Select(name => $"no-{name}")]);
            }
            catch (PrinterOfflineException away) when (away.NothingSent)
            {
                restarts--;
                attempt = await WaitAsync(attempt, [Offline], cancellationToken);
                continue;
            }
            catch (IOException)
            {
                // Whether the request arrived is not known.
                attempt = await SettleAsync(attempt, cancellationToken);
                continue;
            }

            if (attempt.Step == Step.Sent)
                sent?.Invoke();
            if (attempt.Step < Step.Settled)
                attempt = await FollowAsync(attempt, cancellationToken);
        }

        return attempt;
    }

    /// <summary>Waits until the printer answers.</summary>
    /// <returns>What it says of itself.</returns>
    private Task<PrinterDescription> LookAsync(Attempt attempt, CancellationToken cancellationToken) => WithAnswerAsync(
        attempt, async () => await printer.LookAsync(cancellationToken) ?? throw new PrinterOfflineException("The printer does not answer."), cancellationToken);

    private async Task<Attempt> SendAsync(Attempt attempt, PrintTicket ticket, Func<Stream> open, CancellationToken cancellationToken)
    {
        if (await UnlessLostAsync(attempt, async () => await printer.Ipp.DescribeAsync(cancellationToken), cancellationToken) is not { } description || _isLost)
            return Settle(attempt, Outcome.Aborted, FilePrinting.GivenBack);
        // What was told last, so that the customer does not read something else each second while the printer is busy.
        if (_waited && await report(attempt, _told?.Reasons ?? description.Reasons, true) == false)
            return Settle(attempt, Outcome.Aborted, FilePrinting.GivenBack);
        _waited = false;
        var job = ticket.AttributesFor(description);
        await using var document = open();
        if (!attempt.TwoSteps)
        {
            var id = 0;
            await WatchAsync(Begun(attempt), document, async (moving, token) => id = await printer.Ipp.PrintJobAsync(attempt.Token, job, moving, token), cancellationToken);
            return ledger.Write(attempt with { Step = Step.Sent, Job = id });
        }

        attempt = ledger.Write(attempt with { Step = Step.Created, Job = await printer.Ipp.CreateJobAsync(attempt.Token, job, cancellationToken) });
        try
        {
            await WatchAsync(attempt, document, (moving, token) => printer.Ipp.SendDocumentAsync(attempt.Job!.Value, moving, token), cancellationToken);
        }
        catch (Exception cut) when (cut is IOException or JobRefusedException)
        {
            return attempt; // the printer's own word on the job decides
        }

        return ledger.Write(attempt with { Step = Step.Sent });
    }

    /// <summary>
    /// Sends a document for as long as it moves, or the printer answers for its state, which is told meanwhile: one without paper may stop reading, and
    /// one that has a single connection says nothing while it reads. It is broken off if the session is lost.
    /// </summary>
    private async Task WatchAsync(Attempt attempt, Stream document, Func<Stream, CancellationToken, Task> send, CancellationToken cancellationToken)
    {
        await using var moving = new MovingDocument(document, clock);
        using var silent = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var sending = send(moving, silent.Token);
        var heard = clock.GetTimestamp();
        while (await Task.WhenAny(sending, Task.Delay(SlowestPoll, clock, silent.Token)) != sending && !silent.IsCancellationRequested)
        {
            if (await printer.SeeAsync(TimeSpan.Zero, cancellationToken) is { Reasons: var reasons })
            {
                await TellAsync(attempt, reasons);
                heard = clock.GetTimestamp();
            }
            else if (clock.GetElapsedTime(Math.Max(heard, moving.MovedAt)) is var silence && silence > printer.Ipp.Limit)
            {
                await silent.CancelAsync();
            }
            else if (silence >= ShopPrinter.Silence)
            {
                await TellAsync(attempt, [Offline]);
            }

            if (_isLost)
                await silent.CancelAsync();
        }

        try
        {
            await sending;
        }
        catch (OperationCanceledException late) when (!cancellationToken.IsCancellationRequested)
        {
            throw new PrinterOfflineException($"The printer was silent, and took nothing, for {printer.Ipp.Limit}, or the session is lost.", late);
        }
    }

    private async Task<Attempt> FollowAsync(Attempt attempt, CancellationToken cancellationToken)
    {
        try
        {
            return await FollowJobAsync(attempt, cancellationToken);
        }
        catch (JobRefusedException)
        {
            return Settle(attempt, Outcome.Unknown, Refused); // The printer has the job, and does not say what becomes of it.
        }
    }

    // Until the job has ended, or the printer does not know it.
    private async Task<Attempt> FollowJobAsync(Attempt attempt, CancellationToken cancellationToken)
    {
        var isCancelling = false; // since the last look
        for (var pause = FirstPoll; ; pause = pause * 2 < SlowestPoll ? pause * 2 : SlowestPoll)
        {
            var job = await WithAnswerAsync(attempt, () => printer.Ipp.FindJobAsync(attempt.Job!.Value, attempt.Token, cancellationToken), cancellationToken);
            switch (job)
            {
                case null:
                    return Settle(attempt, Outcome.Unknown, "forgotten-by-printer");
                // Some printers print what they have when a connection breaks: only their answer to the document says that it was all of it.
                case { Stage: JobStage.Completed } when attempt.Step == Step.Created:
                    return Settle(attempt with { Pages = job.Pages }, Outcome.Unknown, "interrupted");
                // Some of its pages may be missing (RFC 8011, section 5.3.8).
                case { Stage: JobStage.Completed } when job.Reasons.Contains(WithErrors, StringComparer.Ordinal):
                    return Settle(attempt with { Pages = job.Pages }, Outcome.Unknown, WithErrors);
                case { Stage: JobStage.Completed }:
                    var finished = (await printer.SeeAsync(cancellationToken))?.SaysWhenFinished ?? false;
                    return Settle(attempt with { Pages = job.Pages, Grade = finished ? "printer_finished" : "handed_over" }, Outcome.Done);
                case { Stage: JobStage.Cancelled or JobStage.Aborted, Pages: 0 } when (await LookAsync(attempt, cancellationToken)).CountsPages:
                    // Of a document that did not arrive as a whole, and of which no page came out, nothing can be printed twice.
                    return isCancelling || attempt.Step == Step.Created && job.Stage == JobStage.Aborted
                        ? Restart(attempt)
                        : Settle(attempt with { Pages = job.Pages }, Outcome.Aborted, job.Reasons is [] ? ["aborted"] : [.. job.Reasons]);
                case { Stage: JobStage.Cancelled or JobStage.Aborted }:
                    // Pages came out, or the printer does not count them.
                    return Settle(attempt with { Pages = job.Pages }, Outcome.Unknown, attempt.Step == Step.Created || job.Reasons is [] ? ["interrupted"] : [.. job.Reasons]);
                // The last bytes of the document may arrive while the job is being cancelled: only what the job is at the next look counts.
                case { IsIncoming: true } when attempt.Step == Step.Created:
                    if (isCancelling)
                        attempt = await WaitAsync(attempt, [], cancellationToken);
                    else
                        await TryCancelAsync(attempt, cancellationToken);
                    isCancelling = !isCancelling;
                    continue;
            }

            isCancelling = false;

            await TellAsync(attempt with { Pages = job.Pages }, (await printer.SeeAsync(TimeSpan.Zero, cancellationToken))?.Reasons ?? [Offline]);
            await CancelIfLostAsync(attempt, cancellationToken);
            await Task.Delay(pause, clock, cancellationToken);
        }
    }

    // Its customer has withdrawn it, or somebody at the counter has taken it away and may have printed it by now: it must not come out when the jam is cleared.
    // What the job is afterwards counts: a printer may be done with it, or stop in the middle.
    private async Task CancelIfLostAsync(Attempt attempt, CancellationToken cancellationToken)
    {
        if (!_isLost || _isCancelled)
            return;
        _isCancelled = await TryCancelAsync(attempt, cancellationToken);
    }

    // It is asked again after the next look at the job: it may be off, busy, or jammed so that it takes no orders. What it never cancels is followed all the same.
    private async Task<bool> TryCancelAsync(Attempt attempt, CancellationToken cancellationToken)
    {
        try
        {
            return await printer.Ipp.CancelAsync(attempt.Job!.Value, attempt.Token, cancellationToken);
        }
        catch (Exception away) when (IsAway(away))
        {
            return false;
        }
    }

    /// <summary>Asks until the printer answers.</summary>
    private async Task<T> WithAnswerAsync<T>(Attempt attempt, Func<Task<T>> ask, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return await ToldAsync(attempt, ask(), cancellationToken);
            }
            catch (Exception away) when (IsAway(away))
            {
                await WaitAsync(attempt, [Offline], cancellationToken);
            }
        }
    }

    // What it means that a printer is silent is decided when its time limit has passed, or it answers; that it is, people hear before.
    private async Task<T> ToldAsync<T>(Attempt attempt, Task<T> answer, CancellationToken cancellationToken)
    {
        if (await Task.WhenAny(answer, Task.Delay(ShopPrinter.Silence, clock, cancellationToken)) != answer && !cancellationToken.IsCancellationRequested)
            await TellAsync(attempt, [Offline]);
        return await answer;
    }

    /// <summary>Asks until the printer answers, or the session is not this agent's any more: its document need not stay on this PC until then.</summary>
    /// <returns>Null also if the session was lost before it could be asked.</returns>
    private async Task<T?> UnlessLostAsync<T>(Attempt attempt, Func<Task<T?>> ask, CancellationToken cancellationToken)
        where T : class
    {
        while (!_isLost)
        {
            try
            {
                return await ToldAsync(attempt, ask(), cancellationToken);
            }
            catch (Exception away) when (IsAway(away))
            {
                await WaitAsync(attempt, [Offline], cancellationToken);
            }
        }

        return null;
    }

    // What is told of an attempt of one step while the printer may have some of its document: no other printer may have it then.
    private static Attempt Begun(Attempt attempt) => attempt.TwoSteps ? attempt : attempt with { Step = Step.Created };

    private static bool IsAway(Exception failed) => failed is IOException or JobRefusedException { IsTemporary: true };

    private async Task<Attempt> WaitAsync(Attempt attempt, IReadOnlyList<string> reasons, CancellationToken cancellationToken)
    {
        _waited = true;
        if (reasons is not [])
            await TellAsync(attempt, reasons);
        await Task.Delay(Retry, clock, cancellationToken);
        return attempt;
    }

    // A relay that does not answer holds up no job.
    private async Task TellAsync(Attempt attempt, IReadOnlyList<string> reasons)
    {
        var hasJob = attempt.Job is not null;
        var isKnown = _told is { } told && told.HasJob == hasJob && told.Reasons.SequenceEqual(reasons, StringComparer.Ordinal);
        var isDue = clock.GetElapsedTime(_toldAt) >= AskAgain;
        if (_isLost || isKnown && !isDue || _unansweredAt is { } at && clock.GetElapsedTime(at) < TellAgain)
            return;
        var isOurs = await report(attempt, reasons, false);
        _isLost |= isOurs == false;
        _toldAt = clock.GetTimestamp();
        var isAnswered = isOurs is not null;
        _told = isAnswered ? (hasJob, reasons) : null;
        _unansweredAt = isAnswered ? null : clock.GetTimestamp();
    }

    // A person may have given the session back while the job was waited for, and somebody else may have printed it since.
    private Attempt Restart(Attempt attempt)
    {
        _waited = true;
        if (attempt.Job is not null)
            ledger.Leave(attempt); // a part of the document may have arrived
        return ledger.Write(attempt with { Step = Step.Intent, Token = NewToken(), Job = null }, isBack: true);
    }

    private Attempt Settle(Attempt attempt, Outcome outcome, params IReadOnlyList<string> reasons) =>
        ledger.Write(attempt with { Step = Step.Settled, Outcome = outcome, Reasons = string.Join(',', reasons) });
}
