using CloudTab.Client;

namespace CloudTab.PrintAgent;

/// <summary>The shop's other print agents, as they tell the relay of themselves.</summary>
internal sealed class OtherAgents(CloudTabClient relay, ShopPrinters printers, TimeProvider clock)
{
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private Task<IReadOnlyList<Client.Agent>> _look = Task.FromResult<IReadOnlyList<Client.Agent>>([]);
    private long _lookedAt;

    /// <summary>Whether one of them is there with a printer that works, and that can do what is asked for.</summary>
    /// <returns>False also if the relay does not answer.</returns>
    public async Task<bool> CanPrintAsync(PrintTicket ticket, CancellationToken cancellationToken) =>
        (await SeeAsync().WaitAsync(cancellationToken)).Any(agent => agent.Online && !IsThisOne(agent) && agent.Printers.Any(ticket.IsPossibleAt));

    /// <summary>Whether one of them, or this one, has failed to print the file.</summary>
    /// <remarks>
    /// A PC says of itself what its printers can do, not which programs it has, nor what the shop wants there: it may have tried already. The newest attempt does
    /// not say so if this PC has waited for its printer since, and was stopped.
    /// </remarks>
    /// <exception cref="CloudTabException">The relay refuses to say.</exception>
    public async Task<bool> HaveFailedAsync(FileDetails file, CancellationToken cancellationToken) =>
        file.Print is not null && (await relay.Shop.GetPrintsAsync(file.Id, cancellationToken)).Any(print => print is { State: PrintStates.Failed, Reasons: not [FilePrinting.GivenBack] });

    // Many sessions may wait, and the relay is asked once.
    private Task<IReadOnlyList<Client.Agent>> SeeAsync()
    {
        lock (_lock)
        {
            if (_look.IsCompleted && (_lookedAt == 0 || clock.GetElapsedTime(_lookedAt) >= Fresh))
                (_lookedAt, _look) = (clock.GetTimestamp(), LookAsync());
            return _look;
        }
    }

    private async Task<IReadOnlyList<Client.Agent>> LookAsync()
    {
        using var limit = new CancellationTokenSource(PrintReports.Limit, clock);
        try
        {
            return await relay.Shop.GetAgentsAsync(limit.Token);
        }
        catch (Exception away) when (PrintReports.IsAway(away, CancellationToken.None))
        {
            return [];
        }
    }

    // The relay does not say which one asks. Two PCs of one name with the same printers see the same of them.
    private bool IsThisOne(Client.Agent agent) =>
        agent.Name == Environment.MachineName && agent.Printers.Select(printer => printer.Uri).SequenceEqual(printers.All.Select(printer => printer.Address), StringComparer.Ordinal);
}
