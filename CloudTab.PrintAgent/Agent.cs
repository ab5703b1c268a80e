using System.Collections.Concurrent;
using CloudTab.Client;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Options;

namespace CloudTab.PrintAgent;

/// <summary>Hears of sessions and has them printed. First it settles what an earlier run has left.</summary>
internal sealed class Agent(
    CloudTabClient relay, Ledger ledger, SessionPrinting sessions, FilePrinting files, IOptions<AgentOptions> options, TimeProvider clock, ILogger<Agent> logger) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan RequestInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan PurgeInterval = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan ForgetInterval = TimeSpan.FromDays(1);
    private static readonly TimeSpan Memory = TimeSpan.FromDays(30);
    private static readonly TimeSpan LeaveLimit = TimeSpan.FromMinutes(1);

    // What is wished of sessions at work; the first wish is being fulfilled.
    private readonly ConcurrentDictionary<string, Wish[]> _running = new(StringComparer.Ordinal);
    private readonly List<Task> _runs = [];

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        // They give back what nothing was begun of.
        Task[] runs;
        lock (_runs)
            runs = [.. _runs];
        await Task.WhenAll(runs).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        SealedFile.Wipe(options.Value.Files);
        try
        {
            // The first fault stops the host: an agent that hears nothing any more must not look alive.
            await foreach (var ended in Task.WhenEach(ResumeAsync(stoppingToken), ListenAsync(stoppingToken), HearRequestsAsync(stoppingToken), PurgeAsync(stoppingToken)))
                await ended;
        }
        catch (CloudTabException refused) when (PrintReports.IsOfKey(refused))
        {
            await LeavePrintersAsync(stoppingToken);
            throw;
        }
    }

    // An agent whose key was revoked must leave no document in CUPS's spool, and printers need no relay. What lasts too long the next start goes on with, though its key is refused too.
    private async Task LeavePrintersAsync(CancellationToken cancellationToken)
    {
        logger.KeyRefused();
        using var limit = new CancellationTokenSource(LeaveLimit, clock);
        using var limitOrCancellation = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        var leaving = ledger.Open().Where(attempt => attempt.Step is >= Step.Intent and < Step.Purged).Select(attempt => LeavePrinterAsync(attempt, limitOrCancellation.Token));
        await Task.WhenAll(leaving);
        await files.PurgeAsync(limitOrCancellation.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task LeavePrinterAsync(Attempt attempt, CancellationToken cancellationToken)
    {
        try
        {
            await files.LeavePrinterAsync(attempt, cancellationToken);
        }
        catch (Exception failed)
        {
            logger.PrinterNotLeft(failed, attempt.Id);
        }
    }

    // Sessions that an earlier run had claimed, which have a file in the ledger: others were claimed by a person with the same key. Then attempts of sessions that somebody has taken from this agent meanwhile.
    private async Task ResumeAsync(CancellationToken cancellationToken)
    {
        var open = ledger.Open();
        var own = await UntilAnsweredAsync(() => relay.Shop.GetProcessingAsync(cancellationToken), cancellationToken);
        var details = new List<SessionDetails>();
        foreach (var session in own.Where(session => session.ClaimedByYou))
        {
            try
            {
                var found = await UntilAnsweredAsync(() => relay.Shop.GetSessionAsync(session.SessionId, cancellationToken), cancellationToken);
                if (!found.Files.Any(file => ledger.LatestOf(file.Id) is not null))
                    continue;
                details.Add(found);
                Begin(session.SessionId, new(Own: FilesOf(found)), cancellationToken);
            }
            catch (CloudTabException)
            {
                // It has ended in between.
            }
        }

        var known = details.SelectMany(FilesOf).ToHashSet();
        await Task.WhenAll(open.Where(attempt => !known.Contains(attempt.File)).Select(attempt => SettleAsync(attempt, cancellationToken)));
    }

    // Each by itself: a printer that is off holds up no other.
    private async Task SettleAsync(Attempt attempt, CancellationToken cancellationToken)
    {
        for (var pause = Pause; ; pause = Longer(pause))
        {
            try
            {
                await files.SettleAsync(attempt, cancellationToken);
                return;
            }
            catch (Exception failed) when (!cancellationToken.IsCancellationRequested)
            {
                logger.AttemptNotSettled(failed, attempt.Id);
                await Task.Delay(pause, clock, cancellationToken);
            }
        }
    }

    private static TimeSpan Longer(TimeSpan pause) => pause * 2 < LongestPause ? pause * 2 : LongestPause;

    private async Task ListenAsync(CancellationToken cancellationToken)
    {
        await foreach (var happened in relay.Shop.ListenAsync(cancellationToken))
        {
            switch (happened)
            {
                case SocketConnected:
                    logger.RelayConnected();
                    break;
                case SocketLost lost:
                    logger.RelayLost(lost.Reason);
                    break;
                case PendingSessions pending:
                    sessions.StopWaitingExcept(pending.Sessions.Select(session => session.SessionId));
                    foreach (var session in pending.Sessions.Where(session => options.Value.IsReleased(session.PaidAt, session.PaidAmount, session.Price)).OrderBy(session => session.SubmittedAt ?? session.CreatedAt))
                        Begin(session.SessionId, new(), cancellationToken);
                    break;
                case SessionAnnounced session when options.Value.IsReleased(session.PaidAt, session.PaidAmount, session.Price):
                    Begin(session.SessionId, new(), cancellationToken);
                    break;
                // Marked as paid; or it came back: a counter or another PC gave it back, or its claim lapsed. What this agent gave back itself needs a person, and is left alone.
                case SessionUpdated { Status: SessionStatuses.Pending } session when options.Value.IsReleased(session.PaidAt, session.PaidAmount, session.Price):
                    Begin(session.SessionId, new(), cancellationToken);
                    break;
                case SessionUpdated { Status: not SessionStatuses.Pending } session:
                    sessions.StopWaiting(session.SessionId);
                    break;
                // It was taken from another PC, which says that nothing of it was printed.
                case PrintChanged { Print: { State: PrintStates.Failed, Reasons: [FilePrinting.GivenBack] } } freed when ledger.Find(freed.Print.Attempt) is null:
                    await BeginIfReleasedAsync(freed.SessionId, cancellationToken);
                    break;
                // A person has said that it is on paper: nothing is left to do but to complete the session.
                case PrintChanged { Print: { State: PrintStates.Printed, Grade: PrintGrades.Confirmed } } confirmed when ledger.Find(confirmed.Print.Attempt) is not null:
                    Begin(confirmed.SessionId, new(IsPrinted: true), cancellationToken);
                    break;
            }
        }
    }

    // The event says nothing of whether the session is released.
    private async Task BeginIfReleasedAsync(string id, CancellationToken cancellationToken)
    {
        try
        {
            var session = await UntilAnsweredAsync(() => relay.Shop.GetSessionAsync(id, cancellationToken), cancellationToken);
            if (session.Status == SessionStatuses.Pending && options.Value.IsReleased(session.PaidAt, session.PaidAmount, session.Price))
                Begin(id, new(), cancellationToken);
        }
        catch (CloudTabException refused) when (PrintReports.IsRefusal(refused))
        {
            logger.SessionRefused(refused.Code!);
        }
    }

    private async Task HearRequestsAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(RequestInterval, clock);
        var heard = 0L;
        do
        {
            foreach (var request in ledger.Requests(after: heard))
            {
                heard = request.Number;
                await BeginAsync(request, cancellationToken);
            }

            // A person has said what became of it. Of a file at work the outcome is being reported already.
            foreach (var confirmed in ledger.Open().Where(attempt => attempt.Step == Step.Purged && !files.IsAtWork(attempt.File)))
                await files.SettleAsync(confirmed, cancellationToken);
        }
        while (await timer.WaitForNextTickAsync(cancellationToken));
    }

    private async Task PurgeAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(PurgeInterval, clock);
        long? forgotAt = null;
        do
        {
            // The agent runs for months, and the verbs read what it remembers.
            if (forgotAt is not { } at || clock.GetElapsedTime(at) >= ForgetInterval)
            {
                ledger.Forget(clock.GetUtcNow() - Memory);
                forgotAt = clock.GetTimestamp();
            }

            await files.PurgeAsync(cancellationToken);
        }
        while (await timer.WaitForNextTickAsync(cancellationToken));
    }

    private async Task BeginAsync(Request request, CancellationToken cancellationToken)
    {
        try
        {
            var session = await UntilAnsweredAsync(() => relay.Shop.GetSessionAsync(request.Code, cancellationToken), cancellationToken);
            Begin(session.SessionId, new(Again: request.Again, Request: request.Number), cancellationToken);
        }
        catch (CloudTabException refused) when (!PrintReports.IsOfKey(refused))
        {
            logger.SessionRefused(refused.Code!);
            Forget(request.Number);
        }
    }

    // The next start hears of it again then, and finds what it asked for done.
    private void Forget(long request)
    {
        try
        {
            ledger.RemoveRequest(request);
        }
        catch (SqliteException failed)
        {
            logger.RequestNotForgotten(failed);
        }
    }

    private void Begin(string session, Wish wish, CancellationToken cancellationToken)
    {
        // A session that is heard of twice while it is at work is looked at once more.
        var wishes = _running.AddOrUpdate(session, [wish], (_, before) => before.Length > 1 && wish.IsPlain ? before : [.. before, wish]);
        if (wishes.Length == 1)
        {
            lock (_runs)
            {
                _runs.RemoveAll(run => run.IsCompleted);
                _runs.Add(Task.Run(() => RunAsync(session, cancellationToken), cancellationToken));
            }
        }
    }

    private async Task RunAsync(string session, CancellationToken cancellationToken)
    {
        while (_running.TryGetValue(session, out var wishes))
        {
            // What this run has claimed it must finish, or give back.
            var own = wishes[0].Own;
            await UntilDoneAsync(() => PrintAsync(session, wishes[0] with { Own = own }, details => own = FilesOf(details), cancellationToken), cancellationToken);
            await UntilDoneAsync(SettleAsync, cancellationToken);
            if (wishes[0].Request is { } request)
                Forget(request);
            if (wishes.Length > 1 || !_running.TryRemove(new(session, wishes)))
                _running.AddOrUpdate(session, _ => [], (_, all) => all[1..]);

            // It was withdrawn, or taken away, between two tries: what the first one has begun is at the printer.
            async Task SettleAsync()
            {
                foreach (var attempt in ledger.Open().Where(attempt => own?.Contains(attempt.File) == true))
                    await this.SettleAsync(attempt, cancellationToken);
            }
        }
    }

    private Task PrintAsync(string session, Wish wish, Action<SessionDetails> claimed, CancellationToken cancellationToken) => wish.IsPrinted
        ? sessions.CompleteAsync(session, claimed, cancellationToken)
        : sessions.PrintAsync(session, isOwn: wish.Own is not null, wish.Again, isAskedFor: wish.Request is not null, claimed, cancellationToken);

    // Whatever goes wrong with one session must not end the agent.
    private async Task UntilDoneAsync(Func<Task> act, CancellationToken cancellationToken)
    {
        for (var pause = Pause; ; pause = Longer(pause))
        {
            try
            {
                await act();
                return;
            }
            catch (CloudTabException refused) when (PrintReports.IsRefusal(refused))
            {
                logger.SessionRefused(refused.Code!);
                return;
            }
            catch (Exception failed) when (!cancellationToken.IsCancellationRequested)
            {
                logger.SessionFailed(failed);
            }

            await Task.Delay(pause, clock, cancellationToken);
        }
    }

    private async Task<T> UntilAnsweredAsync<T>(Func<Task<T>> ask, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return await ask();
            }
            catch (Exception away) when (PrintReports.IsAway(away, cancellationToken) && (away is not CloudTabException refusal || !PrintReports.IsRefusal(refusal)))
            {
                await Task.Delay(Pause, clock, cancellationToken);
            }
        }
    }

    private static HashSet<Guid> FilesOf(SessionDetails session) => [.. session.Files.Select(file => file.Id)];

    /// <param name="Own">The session's files, if this agent, or an earlier run of it, has claimed it; otherwise null.</param>
    /// <param name="Again">What is printed again, or null.</param>
    /// <param name="Request">The number of the request that it comes from, or null.</param>
    /// <param name="IsPrinted">Whether the session is to be completed only, because a person has seen its files on paper.</param>
    private sealed record Wish(IReadOnlySet<Guid>? Own = null, Again? Again = null, long? Request = null, bool IsPrinted = false)
    {
        /// <summary>Whether any other wish for the session does as well.</summary>
        public bool IsPlain => this is { Again: null, Request: null, IsPrinted: false };
    }
}
