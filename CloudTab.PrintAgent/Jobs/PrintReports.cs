using System.Net;
using System.Text.Json;
using CloudTab.Client;

namespace CloudTab.PrintAgent;

/// <summary>Tells the relay, and through it the counter and the customer, what becomes of attempts.</summary>
internal sealed class PrintReports(CloudTabClient relay, ShopPrinters printers, TimeProvider clock, ILogger<PrintReports> logger)
{
    /// <summary>For one report with its retries: a job at the printer is not looked at meanwhile.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private const int MostReasons = 20;
    private const int MostWords = 500;
    private const int LongestWord = 200;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    /// <summary>Reports an attempt that goes on.</summary>
    /// <param name="mustAnswer">Whether to wait for a relay that cannot be reached; otherwise the report is left out.</param>
    /// <returns>Whether the session is still this agent's; null if the relay did not answer, or does not know this agent's key.</returns>
    /// <exception cref="CloudTabException">The relay, which must answer, does not know the key: it was revoked, or the shop is suspended.</exception>
    public async Task<bool?> TryAsync(Attempt attempt, string state, IReadOnlyList<string> reasons, bool mustAnswer, CancellationToken cancellationToken) =>
        (await SendAsync(attempt, ReportOf(attempt, state, reasons), mustAnswer, cancellationToken)).IsOurs;

    /// <summary>Reports the outcome, until the relay has answered.</summary>
    /// <returns>Whether it knows of the attempt: of a session that is not this agent's it hears only what it has heard of before.</returns>
    /// <exception cref="CloudTabException">The relay does not know the key, and has not taken the report.</exception>
    public async Task<bool> FinalAsync(Attempt attempt, CancellationToken cancellationToken)
    {
        var state = attempt.Outcome switch { Outcome.Done => PrintStates.Printed, Outcome.Aborted => PrintStates.Failed, _ => PrintStates.Unknown };
        var report = ReportOf(attempt, state, attempt.Reasons.Split(',', StringSplitOptions.RemoveEmptyEntries));
        return (await SendAsync(attempt, report, mustAnswer: true, cancellationToken)).Refusal is not ("not_claimed" or "already_claimed");
    }

    /// <summary>Renews the claim on a session of which no printer was asked for anything, so that nothing is to be told.</summary>
    /// <param name="mustAnswer">As of <see cref="TryAsync"/>.</param>
    /// <returns>Whether the session is still this agent's, or null if the relay did not answer, or does not know this agent's key; the session, if it is.</returns>
    /// <exception cref="CloudTabException">As of <see cref="TryAsync"/>.</exception>
    public async Task<(bool? IsOurs, SessionDetails? Session)> RenewAsync(string session, bool mustAnswer, CancellationToken cancellationToken)
    {
        SessionDetails? renewed = null;
        var (isOurs, refusal) = await AskAsync(
            async token =>
            {
                renewed = await relay.Shop.RenewAsync(session, token);
                return true;
            },
            mustAnswer, cancellationToken);
        if (refusal is not null)
            logger.SessionRefused(refusal);
        return (isOurs, renewed);
    }

    private PrintReport ReportOf(Attempt attempt, string state, IReadOnlyList<string> reasons) => new(
        attempt.Id,
        printers.FindOrOpen(attempt.Printer)?.Name ?? (attempt.Printer is { Length: > 0 } address ? address : "none"),
        state,
        Grade: attempt.Outcome == Outcome.Done ? attempt.Grade : null,
        Pages: attempt.Pages,
        Copies: attempt.Outcome == Outcome.Done ? attempt.Copies : null,
        Reasons: ReasonsOf(reasons),
        Again: attempt.Again);

    private async Task<(bool? IsOurs, string? Refusal)> SendAsync(Attempt attempt, PrintReport report, bool mustAnswer, CancellationToken cancellationToken)
    {
        var answer = await AskAsync(
            async token =>
            {
                // Of an attempt that was given back the relay says that it is unknown, whatever its agent says of it later.
                var print = await relay.Shop.ReportPrintAsync(attempt.File, report, token);
                return report.State is not (PrintStates.Sent or PrintStates.Printing) || print.State is PrintStates.Sent or PrintStates.Printing;
            },
            mustAnswer, cancellationToken);
        if (answer.Refusal is { } code)
            logger.ReportRefused(attempt.Id, code);
        return answer;
    }

    private async Task<(bool? IsOurs, string? Refusal)> AskAsync(Func<CancellationToken, Task<bool>> ask, bool mustAnswer, CancellationToken cancellationToken)
    {
        while (true)
        {
            var answer = await AskOnceAsync(ask, mustAnswer, cancellationToken);
            if (answer.IsOurs is not null || !mustAnswer)
                return answer;
            await Task.Delay(Pause, clock, cancellationToken);
        }
    }

    /// <returns>Whether the session is still this agent's, or null if the relay did not answer; the code with which it refused.</returns>
    private static async Task<(bool? IsOurs, string? Refusal)> AskOnceAsync(Func<CancellationToken, Task<bool>> ask, bool mustAnswer, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        try
        {
            return (await ask(limit.Token), null);
        }
        catch (CloudTabException refusal) when (IsRefusal(refusal) && !IsOfKey(refusal))
        {
            return (false, refusal.Code);
        }
        catch (Exception away) when (IsAway(away, cancellationToken) && !(mustAnswer && away is CloudTabException refusal && IsRefusal(refusal)))
        {
            return (null, null);
        }
    }

    /// <summary>
    /// Whether the relay does not know the key, or no more: then it has not looked at anything else that it was told. A proxy's or a firewall's 401 or 403, which
    /// has no code, says nothing of the key.
    /// </summary>
    public static bool IsOfKey(CloudTabException refusal) =>
        refusal.Code is not null and not "file_infected" && refusal.Status is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden;

    /// <summary>Whether this is the relay's word, which stays the same if it is asked again: not that of a proxy, and no "later".</summary>
    public static bool IsRefusal(CloudTabException refusal) => refusal.Code is not null && !IsForLater(refusal);

    /// <summary>Whether a call failed because the relay cannot be reached, or cannot answer now: the page of a network's portal is no JSON.</summary>
    public static bool IsAway(Exception failure, CancellationToken cancellationToken) =>
        failure is CloudTabException or HttpRequestException or TimeoutException or JsonException || failure is OperationCanceledException && !cancellationToken.IsCancellationRequested;

    /// <summary>What a printer says of its state, as far as the relay takes it: it refuses a report with words that are none of IPP's keywords.</summary>
    public static IReadOnlyList<string> ReasonsOf(IEnumerable<string> reasons) => [.. reasons.Where(IsKeyword).Take(MostReasons)];

    /// <summary>Types and papers that a printer knows, as far as the relay takes them.</summary>
    public static IReadOnlyList<string> WordsOf(IEnumerable<string> words) =>
        [.. words.Where(word => word.Length is > 0 and <= LongestWord && word.All(letter => letter is > ' ' and <= '~')).Take(MostWords)];

    // The answer may be another one if it is asked again.
    private static bool IsForLater(CloudTabException refusal) =>
        refusal.Status is >= HttpStatusCode.InternalServerError or HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests;

    private static bool IsKeyword(string reason) =>
        reason.Length is > 0 and <= 80 && reason.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.');
}
