using System.Globalization;
using System.Text;

namespace CloudTab.PrintAgent;

/// <summary>A page for the shop to see that a printer prints. It takes the road of every job, but for the relay and the ledger's file.</summary>
internal static class TestPage
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    /// <returns>Whether it came out, or what to say of it otherwise.</returns>
    public static async Task<(bool IsPrinted, string Words)> PrintAsync(ShopPrinter printer, TimeProvider clock, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(Limit, clock);
        using var limitOrCancellation = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        var said = "";
        try
        {
            if (await printer.LookAsync(limitOrCancellation.Token) is not { } there)
                return (false, $"offline: {printer.Fault}");
            var tickets = from media in (string[])["a4", "letter"] from color in (bool[])[false, true] select new PrintTicket(Media: media, Color: color);
            if (tickets.FirstOrDefault(one => one.UnsupportedBy(there) is []) is not { } ticket)
                return (false, $"cannot print the test page: {string.Join(' ', new PrintTicket(Color: there.Color).UnsupportedBy(there))}");
            var page = Draw(printer, ticket.MediaAt(there)!, clock);

            using var ledger = new Ledger(":memory:");
            var attempt = ledger.Add(new(Guid.NewGuid(), Guid.Empty, AttemptRun.NewToken(), printer.Address, there.HasCreateJob, ticket.Copies, clock.GetUtcNow()));
            var run = new AttemptRun(ledger, printer, (_, reasons, _) =>
            {
                said = string.Join(' ', reasons);
                return Task.FromResult<bool?>(true);
            }, clock);
            attempt = await run.PrintAsync(attempt, ticket, () => new MemoryStream(page), limitOrCancellation.Token);
            if (there.IsCups && attempt.Job is { } job)
                await printer.Ipp.PurgeAsync(job, attempt.Token, limitOrCancellation.Token);
            return (attempt.Outcome == Outcome.Done, attempt.Outcome == Outcome.Done ? "has printed the test page" : $"{attempt.Outcome}: {attempt.Reasons}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (false, $"has not printed the test page yet. {said}".TrimEnd());
        }
        catch (Exception refused) when (refused is IOException or JobRefusedException or NotPrintableException)
        {
            return (false, refused.Message);
        }
    }

    private static byte[] Draw(ShopPrinter printer, string media, TimeProvider clock)
    {
        using var text = new MemoryStream(Encoding.UTF8.GetBytes(string.Create(
            CultureInfo.InvariantCulture, $"CloudTab's print agent on {Environment.MachineName}\n\n{printer.Name}\n{printer.Address}\n{media}\n{clock.GetLocalNow():yyyy-MM-dd HH:mm}\n")));
        using var page = new MemoryStream();
        TextSheets.Draw(text, PaperSize.Of(media), page);
        return page.ToArray();
    }
}
