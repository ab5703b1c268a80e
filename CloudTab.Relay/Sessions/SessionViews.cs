using System.Globalization;
using System.Text.Json.Serialization;

namespace CloudTab.Relay;

/// <summary>
/// What a shop sees of its sessions, the same over HTTP and over the socket. Of a session that its customer has not submitted it sees no
/// files.
/// </summary>
public sealed class SessionViews(Database database, Lifetimes lifetimes)
{
    // More than the counters of a shop could work on. Those of a program that claims without end would be the ones that are left out.
    private const int MostProcessing = 500;

    /// <summary>Whether a file of the session is at the printer, as the column `Printing`.</summary>
    public const string IsPrinting = "sessions.status = 'processing' AND sessions.printing AS Printing";

    // A list tells of the files only what its rows show.
    private const string InRows = $"""
        coalesce((SELECT jsonb_agg(DISTINCT print_options) FROM files WHERE session = sessions.id AND status = 'stored'), '[]') AS PrintOptions,
        {Print.OfSession} AS Prints
        """;

    private const string SelectDetails = $"""
        SELECT sessions.id, sessions.session_id AS SessionId, sessions.pickup_code AS PickupCode,
               sessions.customer_name AS CustomerName,
               CASE WHEN sessions.submitted_at IS NULL THEN 0 ELSE sessions.file_count END AS FileCount,
               CASE WHEN sessions.submitted_at IS NULL THEN 0 ELSE sessions.total_size END AS TotalSize,
               CASE WHEN sessions.ended_at IS NULL AND sessions.expires_at <= @now THEN 'expired' ELSE sessions.status END AS Status,
               sessions.created_at AS CreatedAt, sessions.submitted_at AS SubmittedAt, sessions.expires_at AS ExpiresAt,
               CASE WHEN sessions.status = 'processing' THEN api_keys.name END AS ClaimedBy, sessions.token, {IsPrinting},
               {JobTotals.Columns}, {FileDetails.Column}
        FROM sessions LEFT JOIN api_keys ON api_keys.id = sessions.claimed_by {JobTotals.From}
        """;

    private const string SelectPending = $"""
        SELECT id, shop_id AS Shop, session_id AS SessionId, pickup_code AS PickupCode, customer_name AS CustomerName, file_count AS FileCount,
               total_size AS TotalSize, created_at AS CreatedAt, submitted_at AS SubmittedAt, expires_at AS ExpiresAt, token, {IsPrinting},
               {JobTotals.Columns},
               {InRows}
        FROM sessions {JobTotals.From}
        WHERE status = 'pending' AND file_count > 0 AND expires_at > @now
        """;

    private const string OfKey = "AND shop_id = @shop AND (SELECT key_is_valid(@key))";

    /// <summary>A page of the pending sessions of a key's shop that hold a file, the one that was opened last first; null if the key was revoked.</summary>
    /// <param name="limit">Most sessions on the page.</param>
    /// <param name="after">Where the page before ended, or null for the first.</param>
    public async Task<PendingPage?> PendingAsync(ShopKey key, int limit, PendingCursor? after, CancellationToken cancellationToken)
    {
        const string sql = $"""
            {SelectPending} {OfKey} AND (created_at, id) < (@createdAt, @id)
            ORDER BY created_at DESC, id DESC
            LIMIT @limit + 1
            """;
        var from = after ?? PendingCursor.Newest;
        var rows = await database.QueryAsync<PendingSession>(
            sql, new { shop = key.Shop, key = key.Id, now = lifetimes.Now, createdAt = from.CreatedAt, id = from.Id, limit, ofShop = true }, cancellationToken);
        if (rows.Count == 0 && !await IsValidAsync(key, cancellationToken))
            return null;
        return PendingPage.Of(rows, limit);
    }

    /// <summary>The first page of each key's shop, in two statements for all of them.</summary>
    /// <param name="limit">Most sessions on a page.</param>
    /// <returns>The pages by the ids of the keys; none for a key that was revoked.</returns>
    public async Task<Dictionary<Guid, PendingPage>> PendingAsync(IReadOnlyCollection<ShopKey> keys, int limit, CancellationToken cancellationToken)
    {
        const string sql = $"""
            SELECT pending.*
            FROM unnest(@shops) AS asked (shop)
                CROSS JOIN LATERAL ({SelectPending} AND shop_id = asked.shop ORDER BY created_at DESC, sessions.id DESC LIMIT @limit + 1) AS pending
            ORDER BY pending.shop, pending.createdAt DESC, pending.id DESC
            """;
        var shops = keys.Select(key => key.Shop).Distinct(StringComparer.Ordinal).ToArray();
        var rows = (await database.QueryAsync<PendingSession>(sql, new { shops, now = lifetimes.Now, limit, ofShop = true }, cancellationToken))
            .ToLookup(row => row.Shop, StringComparer.Ordinal);
        // Behind the lists: what is in them was read while these keys were good.
        var valid = await database.QueryAsync<Guid>(
            "SELECT id FROM unnest(@keys) AS asked (id) WHERE key_is_valid(id)", new { keys = keys.Select(key => key.Id).Distinct().ToArray() }, cancellationToken);
        var pages = shops.ToDictionary(shop => shop, shop => PendingPage.Of([.. rows[shop]], limit), StringComparer.Ordinal);
        return keys.DistinctBy(key => key.Id).IntersectBy(valid, key => key.Id).ToDictionary(key => key.Id, key => pages[key.Shop]);
    }

    /// <summary>The first of them in the order in which they were submitted, which is that of <see cref="QueuePlaces"/>; null if the key was revoked.</summary>
    /// <param name="limit">Most sessions.</param>
    public async Task<List<PendingSession>?> NextAsync(ShopKey key, int limit, CancellationToken cancellationToken)
    {
        const string sql = $"{SelectPending} {OfKey} ORDER BY queue_number LIMIT @limit";
        var rows = await database.QueryAsync<PendingSession>(
            sql, new { shop = key.Shop, key = key.Id, now = lifetimes.Now, limit, ofShop = true }, cancellationToken);
        return rows.Count > 0 || await IsValidAsync(key, cancellationToken) ? rows : null;
    }

    /// <summary>One session of the shop with its files, or null if the shop has no such session.</summary>
    public async Task<SessionDetails?> DetailsAsync(string shop, SessionName name, CancellationToken cancellationToken)
    {
        const string sql = $"{SelectDetails} WHERE sessions.id = ({SessionName.Sql})";
        return await database.QuerySingleOrDefaultAsync<SessionDetails>(
            sql, new { shop, sessionId = name.SessionId, pickupCode = name.PickupCode, now = lifetimes.Now, ofShop = true }, cancellationToken);
    }

    /// <summary>The session that a state change has just found in the caller's shop, by its internal id.</summary>
    public async Task<SessionDetails?> DetailsAsync(Guid session, CancellationToken cancellationToken)
    {
        const string sql = $"{SelectDetails} WHERE sessions.id = @session";
        return await database.QuerySingleOrDefaultAsync<SessionDetails>(sql, new { session, now = lifetimes.Now, ofShop = true }, cancellationToken);
    }

    /// <summary>What the counters of a key's shop have claimed, oldest first.</summary>
    public Task<List<ProcessingSession>> ProcessingAsync(ShopKey key, CancellationToken cancellationToken)
    {
        const string sql = $"""
            SELECT sessions.id, session_id AS SessionId, pickup_code AS PickupCode, customer_name AS CustomerName, file_count AS FileCount,
                   total_size AS TotalSize, sessions.created_at AS CreatedAt, submitted_at AS SubmittedAt, expires_at AS ExpiresAt, token, {IsPrinting},
                   api_keys.name AS ClaimedBy, claimed_by = @key AS ClaimedByYou,
                   {JobTotals.Columns},
                   {InRows}
            FROM sessions JOIN api_keys ON api_keys.id = sessions.claimed_by {JobTotals.From}
            WHERE sessions.shop_id = @shop AND status = 'processing' AND expires_at > @now AND (SELECT key_is_valid(@key))
            ORDER BY sessions.created_at, sessions.id
            LIMIT @limit
            """;
        return database.QueryAsync<ProcessingSession>(
            sql, new { shop = key.Shop, key = key.Id, now = lifetimes.Now, limit = MostProcessing, ofShop = true }, cancellationToken);
    }

    private Task<bool> IsValidAsync(ShopKey key, CancellationToken cancellationToken) =>
        database.QuerySingleOrDefaultAsync<bool>("SELECT key_is_valid(@Id)", new { key.Id }, cancellationToken);
}

/// <summary>A session in the pending list.</summary>
/// <param name="Shop">Id of its shop.</param>
/// <param name="SubmittedAt">When the shop was told of it first: the order of the queue. Files that are added later change nothing of it.</param>
/// <param name="Token">The number, 1 to 999, that the customer was given when it was submitted.</param>
/// <param name="Printing">Whether a file of it is at the printer.</param>
/// <param name="Pages">Pages that come out of the printer, as far as they are known.</param>
/// <param name="UncountedFiles">Files whose pages are not known.</param>
/// <param name="PaidAt">When the shop marked it as paid.</param>
/// <param name="PaidAmount">What it cost then; null if that was not known, or it is not paid.</param>
/// <param name="PrintOptions">How its files are to be printed: each way once.</param>
/// <param name="Prints">The newest attempts to print its files, if there are any.</param>
public sealed record PendingSession(
    [property: JsonIgnore] Guid Id,
    [property: JsonIgnore] string Shop,
    string SessionId,
    string PickupCode,
    string? CustomerName,
    int FileCount,
    long TotalSize,
    DateTime CreatedAt,
    DateTime SubmittedAt,
    DateTime ExpiresAt,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Token,
    bool Printing,
    long Pages,
    int UncountedFiles,
    [property: JsonIgnore] long? Amount,
    [property: JsonIgnore] string Currency,
    [property: JsonIgnore] bool IsPriceComplete,
    DateTime? PaidAt,
    long? PaidAmount,
    List<PrintOptions> PrintOptions,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] List<ListedPrint>? Prints = null)
{
    /// <summary>What it costs.</summary>
    public JobPrice Price => new(Amount, Currency, IsPriceComplete);
}

/// <summary>A session that a counter works on.</summary>
/// <param name="SubmittedAt">When the shop was told of it first.</param>
/// <param name="Printing">Whether a file of it is at the printer.</param>
/// <param name="ClaimedBy">The name of the key that has claimed it.</param>
/// <param name="ClaimedByYou">Whether that is the caller's own key.</param>
/// <param name="Pages">Pages that come out of the printer, as far as they are known.</param>
/// <param name="UncountedFiles">Files whose pages are not known.</param>
/// <param name="PaidAt">When the shop marked it as paid.</param>
/// <param name="PaidAmount">What it cost then; null if that was not known, or it is not paid.</param>
/// <param name="PrintOptions">How its files are to be printed: each way once.</param>
/// <param name="Prints">The newest attempts to print its files, if there are any.</param>
public sealed record ProcessingSession(
    [property: JsonIgnore] Guid Id,
    string SessionId,
    string PickupCode,
    string? CustomerName,
    int FileCount,
    long TotalSize,
    DateTime CreatedAt,
    DateTime SubmittedAt,
    DateTime ExpiresAt,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Token,
    bool Printing,
    string ClaimedBy,
    bool ClaimedByYou,
    long Pages,
    int UncountedFiles,
    [property: JsonIgnore] long? Amount,
    [property: JsonIgnore] string Currency,
    [property: JsonIgnore] bool IsPriceComplete,
    DateTime? PaidAt,
    long? PaidAmount,
    List<PrintOptions> PrintOptions,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] List<ListedPrint>? Prints = null)
{
    /// <summary>What it costs.</summary>
    public JobPrice Price => new(Amount, Currency, IsPriceComplete);
}

/// <summary>A page of the pending list, and where the next one begins, if there is one.</summary>
public sealed record PendingPage(List<PendingSession> Sessions, PendingCursor? Next)
{
    /// <param name="rows">As many as there may be on the page, and one more if there is one.</param>
    internal static PendingPage Of(List<PendingSession> rows, int limit)
    {
        if (rows.Count <= limit)
            return new(rows, null);
        rows.RemoveAt(limit);
        return new(rows, new(rows[^1].CreatedAt, rows[^1].Id));
    }
}

/// <summary>A place in the pending list. On the wire it is opaque text; it holds no session id, since addresses end up in logs.</summary>
public sealed record PendingCursor(DateTime CreatedAt, Guid Id)
{
    internal static readonly PendingCursor Newest = new(new DateTime(9999, 1, 1, 0, 0, 0, DateTimeKind.Utc), Guid.Empty);

    /// <summary>Reads what <see cref="ToString"/> wrote; null if the text is something else.</summary>
    public static PendingCursor? Parse(string text) =>
        text.Split('-') is [var ticks, var id]
        && long.TryParse(ticks, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var createdAt)
        && createdAt >= 0 && createdAt <= Newest.CreatedAt.Ticks
        && Guid.TryParseExact(id, "N", out var session)
            ? new(new DateTime(createdAt, DateTimeKind.Utc), session)
            : null;

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"{CreatedAt.Ticks:x}-{Id:N}");
}

/// <summary>One session as its shop sees it.</summary>
/// <param name="SubmittedAt">When the shop was told of it first; not there if the customer has not submitted it.</param>
/// <param name="Token">The number, 1 to 999, that the customer was given when it was submitted.</param>
/// <param name="Printing">Whether a file of it is at the printer.</param>
/// <param name="Pages">Pages that come out of the printer, as far as they are known.</param>
/// <param name="UncountedFiles">Files whose pages are not known.</param>
/// <param name="PaidAt">When the shop marked it as paid.</param>
/// <param name="PaidAmount">What it cost then; null if that was not known, or it is not paid.</param>
/// <param name="Files">The session's files in the order in which they came.</param>
public sealed record SessionDetails(
    [property: JsonIgnore] Guid Id,
    string SessionId,
    string PickupCode,
    string? CustomerName,
    int FileCount,
    long TotalSize,
    string Status,
    DateTime CreatedAt,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] DateTime? SubmittedAt,
    DateTime ExpiresAt,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? ClaimedBy,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Token,
    bool Printing,
    long Pages,
    int UncountedFiles,
    [property: JsonIgnore] long? Amount,
    [property: JsonIgnore] string Currency,
    [property: JsonIgnore] bool IsPriceComplete,
    DateTime? PaidAt,
    long? PaidAmount,
    IReadOnlyList<FileDetails> Files)
{
    /// <summary>What it costs.</summary>
    public JobPrice Price => new(Amount, Currency, IsPriceComplete);
}

/// <summary>
/// A file as its shop sees it; `status` is `stored` or `deleted`, `sha256` lower-case hexadecimal. `pages` and `locked` (needs a
/// password) are there for PDFs that could be read. `scan` is what the virus scanner said: `clean`, `infected` or `unscanned`.
/// </summary>
/// <param name="PrintOptions">How it is to be printed.</param>
/// <param name="PrintedPages">Pages that come out of the printer, those of all copies; null if the document's are not known.</param>
/// <param name="Price">In the smallest unit of the shop's currency; null: told at the counter.</param>
/// <param name="Print">The newest attempt to print it, if there is one.</param>
public sealed record FileDetails(
    Guid Id,
    string Name,
    string Type,
    long Size,
    string Sha256,
    string Status,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Pages,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] bool? Locked,
    string Scan,
    PrintOptions PrintOptions,
    long? PrintedPages,
    long? Price,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] FilePrint? Print = null)
{
    /// <summary>
    /// The column `Files` of a statement that reads `sessions`: those that were stored, in the order in which they came, also those that are
    /// gone again. In a statement of its own they would be of another moment than their session. Needs the parameter ofShop.
    /// </summary>
    public const string Column = $"""
        (SELECT coalesce(json_agg(json_build_object(
             'id', files.id, 'name', files.name, 'type', files.type, 'size', files.size, 'sha256', encode(files.sha256, 'hex'),
             'status', CASE WHEN files.status = 'stored' THEN 'stored' ELSE 'deleted' END, 'pages', files.pages, 'locked', files.locked,
             'scan', files.scan, 'printOptions', files.print_options, 'printedPages', files.printed_pages,
             'price', CASE WHEN files.currency = shops.offer ->> 'currency' THEN files.price END,
             'print', {Relay.Print.OfFile}) ORDER BY files.position), '[]')
         FROM files JOIN shops ON shops.id = sessions.shop_id
         WHERE files.session = sessions.id AND files.stored_at IS NOT NULL AND (sessions.submitted_at IS NOT NULL OR NOT @ofShop)) AS Files
        """;
}
