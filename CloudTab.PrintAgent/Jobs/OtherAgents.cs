using CloudTab.Client;
using Microsoft.Extensions.Options;

namespace CloudTab.PrintAgent;

/// <summary>The shop's other print agents, as they tell the relay of themselves.</summary>
internal sealed class OtherAgents(CloudTabClient relay, ShopPrinters printers, IOptions<AgentOptions> options, TimeProvider clock)
{
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private Task<IReadOnlyList<Client.Agent>?> _look = Task.FromResult<IReadOnlyList<Client.Agent>?>(null);
    private long _lookedAt;

    /// <summary>Whether one of them is there that prints such a session by itself, with a printer that works, and that can do what is asked for.</summary>
    /// <returns>Null if the relay does not answer.</returns>
    public async Task<bool?> WillPrintAsync(string session, PrintTicket ticket, CancellationToken cancellationToken)
    {
        if (await SeeAsync().WaitAsync(cancellationToken) is not { } all)
            return null;
        var able = all.Where(agent => agent.Online && agent.AutoPrint != AutoPrints.None && !IsThisOne(agent) && agent.Printers.Any(ticket.IsPossibleAt)).ToList();
        if (able is [])
            return false;
        // What this agent prints when it is paid is paid. Many sessions may wait, and the relay is asked of each only in a shop that has both kinds of agents.
        return options.Value.AutoPrint == AutoPrint.Paid || able.Exists(agent => agent.AutoPrint != AutoPrints.Paid) ? true : await IsPaidAsync(session, cancellationToken);
    }

    /// <summary>Whether one of them, or this one, has failed to print the file.</summary>
    /// <remarks>
    /// A PC says of itself what its printers can do, not which programs it has, nor what the shop wants there: it may have tried already. The newest attempt does
    /// not say so if this PC has waited for its printer since, and was stopped.
    /// </remarks>
    /// <exception cref="CloudTabException">The relay refuses to say.</exception>
    public async Task<bool> HaveFailedAsync(FileDetails file, CancellationToken cancellationToken) =>
        file.Print is not null && (await relay.Shop.GetPrintsAsync(file.Id, cancellationToken)).Any(print => print is { State: PrintStates.Failed, Reasons: not [FilePrinting.GivenBack] });

    private async Task<bool?> IsPaidAsync(string session, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(PrintReports.Limit);
        try
        {
            var now = await relay.Shop.GetSessionAsync(session, limit.Token);
            return AgentOptions.IsPaid(now.PaidAt, now.PaidAmount, now.Price);
        }
        catch (CloudTabException refused) when (PrintReports.IsRefusal(refused))
        {
            return false;
        }
        catch (Exception away) when (PrintReports.IsAway(away, cancellationToken))
        {
            return null;
        }
    }

    // Many sessions may wait, and the relay is asked once.
    private Task<IReadOnlyList<Client.Agent>?> SeeAsync()
    {
        lock (_lock)
        {
            if (_look.IsCompleted && (_lookedAt == 0 || clock.GetElapsedTime(_lookedAt) >= Fresh))
                (_lookedAt, _look) = (clock.GetTimestamp(), LookAsync());
            return _look;
        }
    }

    private async Task<IReadOnlyList<Client.Agent>?> LookAsync()
    {
        using var limit = new CancellationTokenSource(PrintReports.Limit, clock);
        try
        {
            return await relay.Shop.GetAgentsAsync(limit.Token);
        }
        catch (CloudTabException refused) when (PrintReports.IsRefusal(refused))
        {
            return [];
        }
        catch (Exception away) when (PrintReports.IsAway(away, CancellationToken.None))
        {
            return null;
        }
    }

    // The relay does not say which one asks. Two PCs of one name with the same printers see the same of them.
    private bool IsThisOne(Client.Agent agent) =>
        agent.Name == Environment.MachineName && agent.Printers.Select(printer => printer.Uri).SequenceEqual(printers.All.Select(printer => printer.Address), StringComparer.Ordinal);
}
