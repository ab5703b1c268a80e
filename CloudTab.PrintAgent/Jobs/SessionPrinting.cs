using System.Collections.Concurrent;
using CloudTab.Client;
using Microsoft.Extensions.Options;

namespace CloudTab.PrintAgent;

/// <summary>Prints the files of one session in their order, then completes it, or gives it back to the counter.</summary>
internal sealed class SessionPrinting(
    CloudTabClient relay, Ledger ledger, FilePrinting printing, OtherAgents others, IOptions<AgentOptions> options, TimeProvider clock, ILogger<SessionPrinting> logger) : IDisposable
{
    // A long queue must not ask the relay for all of its sessions at once.
    private const int MostCalls = 8;

    private static readonly TimeSpan Renewal = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    private readonly SemaphoreSlim _calls = new(MostCalls);

    // Sessions that wait for a printer, and that nobody has claimed.
    private readonly ConcurrentDictionary<string, Wait> _waits = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public void Dispose() => _calls.Dispose();

    /// <summary>Claims the session and prints it, unless a person has to look at one of its files.</summary>
    /// <param name="isOwn">Whether this agent, or an earlier run of it, has claimed it, and left it.</param>
    /// <param name="again">Which files are printed again that failed or whose outcome is unknown; null: none.</param>
    /// <param name="isAskedFor">Whether a person wants it printed by this PC.</param>
    /// <param name="claimed">Called when the session is claimed.</param>
    /// <exception cref="CloudTabException">The session is not available: it has ended, or another counter has it.</exception>
    public async Task PrintAsync(string session, bool isOwn, Again? again, bool isAskedFor, Action<SessionDetails> claimed, CancellationToken cancellationToken)
    {
        Place? place = null;
        if (!isOwn)
        {
            var wait = _waits.GetOrAdd(session, _ => new());
            try
            {
                var waiting = await CallAsync(() => relay.Shop.GetSessionAsync(session, cancellationToken), cancellationToken);
                if (!HasFiles(waiting) || !isAskedFor && !IsReleased(waiting))
                    return;
                if (again is null)
                {
                    (var needsPerson, again) = await LookAsync(waiting, cancellationToken);
                    if (needsPerson)
                        return;
                }

                // Until there is a place for it another PC of the shop can have the session.
                if (waiting.Status == SessionStatuses.Pending && ToPrint(waiting).FirstOrDefault() is { } first)
                {
                    var mayLeave = !isAskedFor && !await CallAsync(() => others.HaveFailedAsync(first, cancellationToken), cancellationToken);
                    place = await printing.TakePlaceAsync(first, again, (ticket, isThere) => WaitsOnAsync(session, wait, ticket, isThere, mayLeave, cancellationToken), cancellationToken);
                }
            }
            finally
            {
                _waits.TryRemove(session, out _);
            }

            if (place is null && wait.IsOver && !isAskedFor)
                return;
        }

        using (place)
            await ClaimAndPrintAsync(session, again, isAskedFor, place, claimed, cancellationToken);
    }

    /// <summary>The session is not pending any more: it waits for no printer.</summary>
    public void StopWaiting(string session)
    {
        if (_waits.TryGetValue(session, out var wait))
            wait.IsOver = true;
    }

    /// <summary>Nor is any but these.</summary>
    public void StopWaitingExcept(IEnumerable<string> pending)
    {
        foreach (var session in _waits.Keys.Except(pending, StringComparer.Ordinal))
            StopWaiting(session);
    }

    /// <summary>Completes a session that waits for a counter, if all of its files are printed.</summary>
    /// <inheritdoc cref="PrintAsync(string, bool, Again?, bool, Action{SessionDetails}, CancellationToken)"/>
    public async Task CompleteAsync(string session, Action<SessionDetails> claimed, CancellationToken cancellationToken)
    {
        var waiting = await CallAsync(() => relay.Shop.GetSessionAsync(session, cancellationToken), cancellationToken);
        if (waiting.Status == SessionStatuses.Pending && HasFiles(waiting) && ToPrint(waiting).All(file => ledger.LatestOf(file.Id) is { Outcome: Outcome.Done }))
            await ClaimAndPrintAsync(session, again: null, isAskedFor: false, place: null, claimed, cancellationToken);
    }

    // If its printers are off it is claimed all the same, so that its customer is told; unless another PC of the shop will print it, or may, because the relay does not answer.
    private async Task<bool> WaitsOnAsync(string session, Wait wait, PrintTicket ticket, bool isThere, bool mayLeave, CancellationToken cancellationToken)
    {
        if (wait.IsOver)
            return false;
        if (isThere)
            return true;
        if (!mayLeave)
            return false;
        var willPrint = await CallAsync(() => others.WillPrintAsync(session, ticket, cancellationToken), cancellationToken);
        if (willPrint == true && !wait.IsLeft)
        {
            logger.SessionLeftToAnother();
            wait.IsLeft = true;
        }

        return willPrint != false;
    }

    private async Task ClaimAndPrintAsync(string session, Again? again, bool isAskedFor, Place? place, Action<SessionDetails> claimed, CancellationToken cancellationToken)
    {
        var details = await CallAsync(() => relay.Shop.ClaimAsync(session, cancellationToken), cancellationToken);
        claimed(details);
        using var left = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var renewing = RenewAsync(session, left.Token);
        try
        {
            await PrintAsync(details, again, isAskedFor, place, cancellationToken);
        }
        catch (CloudTabException refused) when (PrintReports.IsRefusal(refused))
        {
            await TryReleaseAsync(session, cancellationToken);
            throw;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested && IsLeftOver(details))
        {
            // The agent is stopped, and another PC may print what no printer of this one was asked for.
            using var grace = new CancellationTokenSource(Grace, clock);
            await TryGiveBackAsync(details, grace.Token);
            throw;
        }
        finally
        {
            await left.CancelAsync();
            await renewing;
        }
    }

    // While it was waited for, the customer may have added to it, or changed how it is printed, and the counter may have taken back that it is paid. They
    // may do so while earlier files are printed, too: each file is looked at again when its turn comes.
    private async Task PrintAsync(SessionDetails session, Again? again, bool isAskedFor, Place? place, CancellationToken cancellationToken)
    {
        var (printed, isReleased) = (HasFiles(session), isAskedFor || IsReleased(session));
        var files = ToPrint(session).ToList();
        foreach (var file in files)
        {
            if (!isReleased && ledger.LatestOf(file.Id) is null)
            {
                printed = false;
                continue;
            }

            var attempt = await printing.PrintAsync(session.SessionId, file, again, isAskedFor, place, cancellationToken);
            (printed, isReleased, place) = (printed && attempt is { Outcome: Outcome.Done }, isReleased && attempt is not null, null);
        }

        // What was deleted meanwhile, or came out elsewhere, is not printed, but an earlier run may have begun to: the relay holds the session until it hears how that ended.
        foreach (var file in session.Files.Except(files))
        {
            if (ledger.LatestOf(file.Id) is { Step: < Step.Reported } open)
                await printing.SettleAsync(open, cancellationToken);
        }

        if (printed)
            await relay.Shop.CompleteAsync(session.SessionId, cancellationToken);
        else
            await relay.Shop.ReleaseAsync(session.SessionId, cancellationToken);
        logger.SessionLeft(printed ? "completed" : "given back");
    }

    private bool IsReleased(SessionDetails session) => options.Value.IsReleased(session.PaidAt, session.PaidAmount, session.Price);

    // Whether some of it is not printed, and no printer was asked for a file whose outcome is not told yet.
    private bool IsLeftOver(SessionDetails session)
    {
        var latest = ToPrint(session).Select(file => ledger.LatestOf(file.Id)).ToList();
        return latest.TrueForAll(attempt => attempt is null or { Step: Step.Waiting or Step.Reported }) && latest.Exists(attempt => attempt is not { Outcome: Outcome.Done });
    }

    // A customer may take back the last file to send another one: then there is nothing to print, and nothing is done.
    private static bool HasFiles(SessionDetails session) => session.Files.Any(file => file.IsStored);

    private IEnumerable<FileDetails> ToPrint(SessionDetails session) => session.Files.Where(file => file.IsStored && !IsPrintedElsewhere(file));

    private async Task<T> CallAsync<T>(Func<Task<T>> call, CancellationToken cancellationToken)
    {
        await _calls.WaitAsync(cancellationToken);
        try
        {
            return await call();
        }
        finally
        {
            _calls.Release();
        }
    }

    // Jobs before it may take longer than a claim holds. If it is lost all the same, the relay refuses the next attempt's first report.
    private async Task RenewAsync(string session, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(Renewal, clock);
        while (true)
        {
            try
            {
                if (!await timer.WaitForNextTickAsync(cancellationToken))
                    return;
                await relay.Shop.RenewAsync(session, cancellationToken);
            }
            catch (Exception over) when (cancellationToken.IsCancellationRequested || over is CloudTabException refused && PrintReports.IsRefusal(refused))
            {
                return; // It has ended, or is lost.
            }
            catch (Exception away) when (PrintReports.IsAway(away, cancellationToken) || away is IOException)
            {
                // The relay may be there again at the next tick.
            }
        }
    }

    // Otherwise nobody would get at it until the claim lapses.
    private async Task TryReleaseAsync(string session, CancellationToken cancellationToken)
    {
        try
        {
            await relay.Shop.ReleaseAsync(session, cancellationToken);
        }
        catch (Exception failed) when (failed is CloudTabException || PrintReports.IsAway(failed, CancellationToken.None))
        {
            // It has ended, or is somebody else's; or the relay is away, and the claim lapses.
        }
    }

    private async Task TryGiveBackAsync(SessionDetails session, CancellationToken cancellationToken)
    {
        try
        {
            foreach (var file in session.Files)
            {
                if (!await printing.GiveUpWaitingAsync(file.Id, cancellationToken))
                    return;
            }
        }
        catch (OperationCanceledException)
        {
            return; // The next start goes on with what waits.
        }

        await TryReleaseAsync(session.SessionId, cancellationToken);
    }

    /// <summary>Whether the agent leaves the session alone unless it is asked to print it again: a file of it has failed, or may be on paper.</summary>
    /// <remarks>It was given back for this reason before, and comes along again. What the relay has not heard yet has to be told first.</remarks>
    public async Task<bool> NeedsPersonAsync(SessionDetails session, CancellationToken cancellationToken) => (await LookAsync(session, cancellationToken)).NeedsPerson;

    /// <returns>Whether it needs a person; if it does not, the files that no printer could print, and that their customer wants in another way since, or null.</returns>
    private async Task<(bool NeedsPerson, Again? Changed)> LookAsync(SessionDetails session, CancellationToken cancellationToken)
    {
        var changed = new HashSet<Guid>();
        foreach (var file in ToPrint(session))
        {
            var latest = ledger.LatestOf(file.Id);
            if (latest is null ? file.Print is null : latest is not { Step: Step.Reported, Outcome: Outcome.Aborted or Outcome.Unknown })
                continue;
            if (latest is not null && !(latest.Outcome == Outcome.Aborted && latest.Reasons.Split(',').All(IsWant)))
                return (true, null);
            var prints = await CallAsync(() => relay.Shop.GetPrintsAsync(file.Id, cancellationToken), cancellationToken);
            if (prints.Any(NeedsPerson) || latest is not null && !IsChanged(file, latest, prints))
                return (true, null);
            if (latest is not null)
                changed.Add(latest.Id);
        }

        return (false, changed.Count > 0 ? new(Reason: null, changed) : null);
    }

    // The relay knows how it was to be printed then.
    private static bool IsChanged(FileDetails file, Attempt failed, IReadOnlyList<Print> prints) =>
        prints.FirstOrDefault(print => print.Attempt == failed.Id) is { } known && known.Options != file.PrintOptions;

    // What another PC could not print for want of something this one may be able to. What was taken from it before anything was printed is like new. All attempts
    // count: of one that is repeated, because a person has said so, nothing may have come before it was given back.
    private static bool NeedsPerson(Print print) =>
        print.State is PrintStates.Unknown or PrintStates.Printed
        || print is { State: PrintStates.Failed, Reasons: not [FilePrinting.GivenBack] } && !print.Reasons.All(IsWant);

    private static bool IsWant(string reason) => reason.StartsWith("no-", StringComparison.Ordinal);

    // By another PC, or a person has seen it on paper, whatever became of it here.
    private bool IsPrintedElsewhere(FileDetails file) =>
        file.Print is { State: PrintStates.Printed } && ledger.LatestOf(file.Id) is null or { Step: >= Step.Settled, Outcome: not Outcome.Done };

    private sealed class Wait
    {
        private volatile bool _isOver;

        /// <summary>Whether somebody has claimed the session, or it has ended.</summary>
        public bool IsOver
        {
            get => _isOver;
            set => _isOver = value;
        }

        /// <summary>Whether it was left to another PC.</summary>
        public bool IsLeft { get; set; }
    }
}
