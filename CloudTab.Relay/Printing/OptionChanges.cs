namespace CloudTab.Relay;

/// <summary>A customer changes how a file is to be printed, while nobody has claimed its session.</summary>
public sealed class OptionChanges(Database database, StateChanges changes, Lifetimes lifetimes)
{
    /// <summary>Changes the print options of one file. That is activity: it prolongs the session. The shop is told.</summary>
    /// <returns>Done with the session's internal id, unless something is wrong with the options.</returns>
    public async Task<(Outcome Outcome, Guid Session, InvalidPrintOption? Fault)> ChangeAsync(
        string shop, string sessionId, Guid file, PrintOptionsChange change, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (await FindAsync(shop, sessionId, file, cancellationToken) is not { } found)
                return (Outcome.NotFound, default, null);
            if (found.Reason is not null)
                return (Enum.Parse<Outcome>(found.Reason), default, null);
            var (options, fault) = change.Apply(found.PrintOptions!, found.Offer);
            if (options is null || options == found.PrintOptions)
                return (Outcome.Done, found.Session, fault);
            if (await TryChangeAsync(file, found, options, cancellationToken))
                return (Outcome.Done, found.Session, null);
            // Something has changed since: the session, or the file's options, which the change is made to.
        }
    }

    private Task<FoundFile?> FindAsync(string shop, string sessionId, Guid file, CancellationToken cancellationToken)
    {
        const string sql = """
            SELECT sessions.id AS Session, CASE
                WHEN ended_at IS NOT NULL OR expires_at <= @now THEN 'Closed'
                WHEN files.id IS NULL THEN 'FileNotFound'
                WHEN sessions.status = 'processing' THEN 'ClaimedByAnother'
            END AS Reason, files.type, files.pages, files.print_options AS PrintOptions, shops.offer
            FROM sessions
                JOIN shops ON shops.id = sessions.shop_id
                LEFT JOIN files ON files.session = sessions.id AND files.id = @file AND files.status = 'stored'
            WHERE shop_id = @shop AND session_id = @sessionId
            """;
        return database.QuerySingleOrDefaultAsync<FoundFile>(sql, new { shop, sessionId, file, now = lifetimes.Now }, cancellationToken);
    }

    private async Task<bool> TryChangeAsync(Guid file, FoundFile found, PrintOptions options, CancellationToken cancellationToken)
    {
        const string sql = $"""
            WITH live AS (
                SELECT id, shop_id FROM sessions WHERE id = @session AND status IN ('open', 'pending') AND expires_at > @now FOR UPDATE
            ), chosen AS (
                UPDATE files
                SET print_options = @after::jsonb, printed_pages = @printedPages,
                    page_price = price_of_page(shops.offer, @after::jsonb),
                    currency = CASE WHEN price_of_page(shops.offer, @after::jsonb) IS NOT NULL THEN shops.offer ->> 'currency' END
                FROM live JOIN shops ON shops.id = live.shop_id
                WHERE files.id = @file AND files.session = live.id AND files.status = 'stored' AND files.print_options = @before::jsonb
                RETURNING files.session
            ), prolonged AS (
                UPDATE sessions SET expires_at = @expiresAt FROM chosen WHERE sessions.id = chosen.session
                RETURNING sessions.*, true AS announced
            ), changed AS (
                SELECT * FROM prolonged WHERE status <> 'open' -- of which the shop has not heard
            ), event AS (
                {StateChanges.Event}
            )
            SELECT id AS Session, false AS Moved, NULL AS Origin FROM prolonged
            """;
        var parameters = new
        {
            file,
            found.Session,
            before = found.PrintOptions!.ToJson(),
            after = options.ToJson(),
            printedPages = options.PrintedPages(found.Type!, found.Pages),
            expiresAt = lifetimes.NextExpiry,
        };
        return await changes.MakeAsync(transition: null, sql, parameters, cancellationToken) is [_];
    }

    private sealed record FoundFile(Guid Session, string? Reason, string? Type, int? Pages, PrintOptions? PrintOptions, Offer Offer);
}
