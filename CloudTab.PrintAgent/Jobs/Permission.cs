using CloudTab.Client;

namespace CloudTab.PrintAgent;

/// <summary>Whether this PC may still print a file of which no printer has anything: asked while the file waits, and when its turn has come.</summary>
/// <param name="session">The file's, which this agent has claimed.</param>
/// <param name="isAskedFor">Whether a person wants it printed by this PC: whether it is paid or not, and whatever other PCs could do.</param>
internal sealed class Permission(
    string session, FileDetails file, PrintTicket ticket, bool isAskedFor, PrintReports reports, ShopPrinters printers, OtherAgents others, AgentOptions options, TimeProvider clock)
{
    /// <summary>For so long a printer may be away, and keeps its jobs: it may only have been started again.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private long? _awaySince;

    /// <summary>Whether the session is to be given back with the file like new: it is not released any more, or another printer can have it. Otherwise the session is lost.</summary>
    public bool IsLeft { get; private set; }

    /// <summary>Renews the claim.</summary>
    /// <returns>Whether the session is this agent's, and released; true also if the relay need not answer, and does not.</returns>
    public async Task<bool> RenewAsync(bool mustAnswer, CancellationToken cancellationToken)
    {
        var (isOurs, now) = await reports.RenewAsync(session, mustAnswer, cancellationToken);
        IsLeft = now is not null && !isAskedFor && !options.IsReleased(now.PaidAt, now.PaidAmount, now.Price);
        return isOurs != false && !IsLeft;
    }

    /// <summary>Whether the session is released.</summary>
    /// <remarks>If all are there is nothing to ask: whether the session is still this agent's, the relay's answer to the report says, which follows.</remarks>
    public async Task<bool> IsReleasedAsync(CancellationToken cancellationToken) =>
        isAskedFor || options.AutoPrint == AutoPrint.True || await RenewAsync(mustAnswer: true, cancellationToken);

    /// <summary>Notes whether its printer answers.</summary>
    public void See(bool isAway) => _awaySince = isAway ? _awaySince ?? clock.GetTimestamp() : null;

    /// <summary>
    /// Whether its printer was away for longer than <see cref="Patience"/>, and another one works that can print it: one of this PC, or one of another PC that
    /// prints it by itself, and has not failed to. The session must not be held until somebody switches the printer on.
    /// </summary>
    public async Task<bool> IsForAnotherAsync(CancellationToken cancellationToken)
    {
        IsLeft = !isAskedFor && _awaySince is { } since && clock.GetElapsedTime(since) >= Patience
            && (printers.CanPrint(ticket) || await others.WillPrintAsync(session, ticket, cancellationToken) == true && !await HaveFailedAsync(cancellationToken));
        return IsLeft;
    }

    private async Task<bool> HaveFailedAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await others.HaveFailedAsync(file, cancellationToken);
        }
        catch (Exception away) when (PrintReports.IsAway(away, cancellationToken))
        {
            return true; // not known; it is asked again
        }
    }
}
