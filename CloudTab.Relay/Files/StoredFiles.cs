namespace CloudTab.Relay;

/// <summary>
/// How files become their session's, and are taken back. Storing the files of a request, submitting the session and writing the event
/// are one statement.
/// </summary>
public sealed class StoredFiles(Database database, StateChanges changes, Lifetimes lifetimes)
{
    /// <summary>
    /// Stores all files of one request, whose objects are durable, or none: their rows become `stored`, the session is pending (or
    /// stays what it was beyond open), and the shop gets its event.
    /// </summary>
    /// <param name="session">Internal id of the session.</param>
    /// <param name="files">The files in the order in which they came.</param>
    /// <param name="limits">What a session may hold.</param>
    public Task<Outcome> StoreAsync(
        Guid session, IReadOnlyList<UploadedFile> files, SessionLimits limits, CancellationToken cancellationToken) =>
        StoreFilesAsync(session, files, limits, resumed: null, consumed: [], cancellationToken);

    /// <summary>
    /// Stores the file of a resumable upload, and completes the upload. The session stays open until its customer submits it: more files
    /// may follow. A shop that knows of the session already is told.
    /// </summary>
    /// <param name="upload">The upload as it was locked, with the key of its object.</param>
    /// <param name="consumed">Files of the partial uploads that it was made of, which are removed.</param>
    public Task<Outcome> StoreResumedAsync(
        Upload upload, UploadedFile file, IReadOnlyList<Guid> consumed, SessionLimits limits, CancellationToken cancellationToken) =>
        StoreFilesAsync(upload.Session, [file], limits, upload, consumed, cancellationToken);

    /// <summary>The customer takes one file back, while nobody has claimed the session: it is marked for removal, the shop is told.</summary>
    /// <returns>Done with the session's internal id; taking the file back again is Done too.</returns>
    public async Task<(Outcome Outcome, Guid Session)> TakeBackAsync(
        string shop, string sessionId, Guid file, CancellationToken cancellationToken)
    {
        const string sql = $"""
            WITH live AS (
                SELECT id FROM sessions
                WHERE shop_id = @shop AND session_id = @sessionId AND status IN ('open', 'pending') AND expires_at > @now
                FOR UPDATE
            ), marked AS (
                UPDATE files SET status = 'deleting', left_at = @now FROM live
                WHERE files.id = @file AND files.session = live.id AND files.status = 'stored'
                RETURNING files.session, files.size
            ), left_over AS (
                UPDATE sessions
                SET file_count = file_count - 1, total_size = total_size - marked.size, expires_at = @expiresAt
                FROM marked
                WHERE sessions.id = marked.session
                RETURNING sessions.*, true AS announced
            ), changed AS (
                SELECT * FROM left_over WHERE status <> 'open' -- of which the shop has not heard
            ), event AS (
                {StateChanges.Event}
            )
            SELECT id AS Session, false AS Moved, NULL AS Origin FROM left_over
            """;
        var parameters = new { shop, sessionId, file, expiresAt = lifetimes.NextExpiry };
        return await changes.MakeAsync(transition: null, sql, parameters, cancellationToken) is [var changed]
            ? (Outcome.Done, changed.Session)
            : await TakeBackRefusalAsync(shop, sessionId, file, cancellationToken);
    }

    private async Task<Outcome> StoreFilesAsync(
        Guid session,
        IReadOnlyList<UploadedFile> files,
        SessionLimits limits,
        Upload? resumed,
        IReadOnlyList<Guid> consumed,
        CancellationToken cancellationToken)
    {
        const string sql = $"""
            WITH before AS (
                SELECT id, shop_id, status FROM sessions WHERE id = @session FOR UPDATE
            ), room AS (
                SELECT shop_has_room(shop_id, @bytes, @maxOutstanding) AS is_left FROM before
            ), mine AS (
                SELECT files.id
                FROM before JOIN files ON files.session = before.id
                WHERE files.id = ANY(@ids) AND files.status = 'uploading'
                FOR UPDATE OF files
            ), partials AS (
                SELECT files.id
                FROM before JOIN files ON files.session = before.id
                WHERE files.id = ANY(@consumed) AND files.status = 'uploading'
                FOR UPDATE OF files
            ), still_held AS (
                SELECT id FROM uploads WHERE id = @resumed AND generation = @generation FOR UPDATE
            ), filled AS (
                UPDATE sessions
                SET status = CASE WHEN sessions.status = 'open' AND @submit THEN 'pending' ELSE sessions.status END,
                    submitted_at = CASE WHEN @submit THEN coalesce(submitted_at, @now) ELSE submitted_at END,
                    expires_at = @expiresAt,
                    file_count = file_count + @count,
                    total_size = total_size + @bytes
                FROM before
                WHERE sessions.id = before.id
                    AND sessions.status IN ('open', 'pending', 'processing')
                    AND sessions.expires_at > @now
                    AND sessions.file_count + @count <= @maxFiles
                    AND sessions.total_size + @bytes <= @maxBytes
                    AND (SELECT count(*) FROM mine) = @count
                    AND (SELECT count(*) FROM partials) = cardinality(@consumed) -- else another file was made of them
                    AND (@submit OR EXISTS (SELECT FROM still_held))
                    AND (SELECT is_left FROM room)
                RETURNING sessions.*, before.status <> 'open' AS announced, last_position(sessions.id) AS last_position
            ), stored AS (
                UPDATE files
                SET status = 'stored', lease_until = NULL, stored_at = @storedAt, name = incoming.name, type = incoming.type, size = incoming.size,
                    sha256 = incoming.sha256, pages = incoming.pages, locked = incoming.locked, scan = incoming.scan, object_key = coalesce(@objectKey, object_key),
                    added_in_claim = CASE WHEN filled.status = 'processing' THEN filled.claims END,
                    position = incoming.place + filled.last_position, printed_pages = incoming.printed_pages,
                    page_price = price_of_page(shops.offer, files.print_options),
                    currency = CASE WHEN price_of_page(shops.offer, files.print_options) IS NOT NULL THEN shops.offer ->> 'currency' END
                FROM filled JOIN shops ON shops.id = filled.shop_id, unnest(@ids, @names, @types, @sizes, @hashes, @pages, @locked, @scans, @printedPages) WITH ORDINALITY
                    AS incoming (id, name, type, size, sha256, pages, locked, scan, printed_pages, place)
                WHERE files.id = incoming.id
            ), completed AS (
                UPDATE uploads
                SET completed_at = @now, received = incoming.size, length = incoming.size,
                    holder = NULL, held_until = NULL, multipart_id = NULL, part_etags = ARRAY[]::text[], tail_keys = ARRAY[]::text[], tail_size = 0
                FROM filled, unnest(@ids, @sizes) AS incoming (id, size)
                WHERE uploads.file = incoming.id
            ), used AS (
                UPDATE files SET status = 'deleting', lease_until = NULL FROM filled, partials WHERE files.id = partials.id
            ), used_up AS (
                UPDATE uploads SET used_up = true FROM filled, partials WHERE uploads.file = partials.id
            ), changed AS (
                SELECT * FROM filled WHERE status <> 'open'
            ), event AS (
                {StateChanges.Event}
            )
            SELECT id AS Session, status <> 'open' AND NOT announced AS Moved, NULL AS Origin FROM filled
            """;
        var parameters = new
        {
            session,
            submit = resumed is null,
            resumed = resumed?.Id,
            generation = resumed?.Generation,
            objectKey = resumed?.ObjectKey,
            consumed = consumed.ToArray(),
            ids = files.Select(file => file.Id).ToArray(),
            names = files.Select(file => file.Name).ToArray(),
            types = files.Select(file => file.Type).ToArray(),
            sizes = files.Select(file => file.Size).ToArray(),
            hashes = files.Select(file => file.Sha256).ToArray(),
            pages = files.Select(file => file.Pages).ToArray(),
            locked = files.Select(file => file.Locked).ToArray(),
            scans = files.Select(file => file.Scan).ToArray(),
            printedPages = files.Select(file => file.PrintOptions.PrintedPages(file.Type, file.Pages)).ToArray(),
            count = files.Count,
            bytes = files.Sum(file => file.Size),
            maxFiles = limits.Files,
            maxBytes = limits.Bytes,
            maxOutstanding = limits.Outstanding,
            // A file's longest life begins with its first byte, even if the last one comes much later.
            storedAt = resumed?.CreatedAt ?? lifetimes.Now,
            expiresAt = lifetimes.NextExpiry,
        };
        return await changes.MakeAsync(Transition.Submitted, sql, parameters, cancellationToken) is []
            ? await StoreRefusalAsync(session, files, limits, cancellationToken)
            : Outcome.Done;
    }

    private async Task<Outcome> StoreRefusalAsync(
        Guid session, IReadOnlyList<UploadedFile> files, SessionLimits limits, CancellationToken cancellationToken)
    {
        const string sql = """
            SELECT CASE
                WHEN ended_at IS NOT NULL OR expires_at <= @now THEN 'Closed'
                WHEN file_count + @count > @maxFiles THEN 'TooManyFiles'
                WHEN total_size + @bytes > @maxBytes THEN 'TooLarge'
                WHEN NOT shop_has_room(shop_id, @bytes, @maxOutstanding) THEN 'ShopFull'
                ELSE 'LeaseLost'
            END
            FROM sessions
            WHERE id = @session
            """;
        var parameters = new
        {
            session,
            count = files.Count,
            bytes = files.Sum(file => file.Size),
            maxFiles = limits.Files,
            maxBytes = limits.Bytes,
            maxOutstanding = limits.Outstanding,
            now = lifetimes.Now,
        };
        var reason = await database.QuerySingleOrDefaultAsync<string>(sql, parameters, cancellationToken);
        return reason is null ? Outcome.NotFound : Enum.Parse<Outcome>(reason);
    }

    private async Task<(Outcome Outcome, Guid Session)> TakeBackRefusalAsync(
        string shop, string sessionId, Guid file, CancellationToken cancellationToken)
    {
        const string sql = """
            SELECT sessions.id AS Session, CASE
                WHEN ended_at IS NOT NULL OR expires_at <= @now THEN 'Closed'
                WHEN files.id IS NULL THEN 'FileNotFound'
                WHEN files.status IN ('deleting', 'deleted') THEN 'Done'
                ELSE 'ClaimedByAnother'
            END AS Reason
            FROM sessions LEFT JOIN files ON files.session = sessions.id AND files.id = @file AND files.stored_at IS NOT NULL
            WHERE shop_id = @shop AND session_id = @sessionId
            """;
        var found = await database.QuerySingleOrDefaultAsync<Refusal>(sql, new { shop, sessionId, file, now = lifetimes.Now }, cancellationToken);
        return found is null ? (Outcome.NotFound, default) : (Enum.Parse<Outcome>(found.Reason), found.Session);
    }

    private sealed record Refusal(Guid Session, string Reason);
}

/// <summary>What a session may hold, all inclusive: files, bytes in all of them, and bytes in all live files of its shop.</summary>
public readonly record struct SessionLimits(int Files, long Bytes, long? Outstanding = null);

/// <summary>A file whose object is durable.</summary>
/// <param name="Id">Internal id.</param>
/// <param name="Name">The name to display and to serve, with an ending of the type.</param>
/// <param name="Type">Media type, as detected from the content.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Sha256">SHA-256 of the content, 32 bytes.</param>
/// <param name="Pages">Pages of a PDF that could be counted.</param>
/// <param name="Locked">Whether a PDF needs a password to be opened; null if that is not known.</param>
/// <param name="Scan">What the virus scanner said of it.</param>
public sealed record UploadedFile(
    Guid Id, string Name, string Type, long Size, byte[] Sha256, int? Pages = null, bool? Locked = null, string Scan = Scan.Unscanned)
{
    /// <summary>How it is to be printed, as its row says.</summary>
    public PrintOptions PrintOptions { get; init; } = PrintOptions.Default;
}
