using Microsoft.Extensions.Options;

namespace CloudTab.Relay;

/// <summary>
/// The rows of files on their way in. A file's row exists before its first byte goes to S3, as `uploading` with a lease that the
/// process renews: whatever happens to the process, the Janitor knows which objects are owned by nobody. Storing the files of a
/// request, submitting the session and writing the event are one statement. Whatever locks a session and its files locks the session
/// first: two that did it in different order would wait for each other.
/// </summary>
public sealed class Uploads(
    Database database, Wakeups wakeups, RelayTelemetry telemetry, TimeProvider clock, IOptions<SessionOptions> options)
{
    private DateTime Now => clock.GetUtcNow().UtcDateTime;

    private DateTime LeaseEnd => Now.AddMilliseconds(options.Value.UploadLease);

    private DateTime NextExpiry => Now.AddMilliseconds(options.Value.SessionTimeout);

    /// <summary>Finds the session that a customer uploads to.</summary>
    /// <returns>The session, or null where the shop has no such session.</returns>
    public async Task<UploadSession?> FindSessionAsync(string shop, string sessionId, CancellationToken cancellationToken)
    {
        const string sql = $"""
            SELECT sessions.id, ended_at IS NOT NULL OR expires_at <= @now AS Closed, file_count AS FileCount, total_size AS TotalSize,
                   (
                       (SELECT coalesce(sum(total_size), 0) FROM sessions AS held
                        WHERE held.shop_id = shops.id AND held.ended_at IS NULL AND held.total_size > 0)
                       + (SELECT coalesce(sum(coalesce(length, received)), 0)
                          FROM uploads JOIN files ON files.id = uploads.file JOIN sessions AS held ON held.id = uploads.session
                          WHERE held.shop_id = shops.id AND held.ended_at IS NULL AND files.status = 'uploading' AND {ResumableUploads.LaysClaim})
                   )::bigint AS Outstanding,
                   {ShopLimits.Columns}
            FROM sessions JOIN shops ON shops.id = sessions.shop_id
            WHERE shop_id = @shop AND session_id = @sessionId
            """;
        var found = await database.QuerySingleOrDefaultAsync<UploadSession>(sql, new { shop, sessionId, now = Now }, cancellationToken);
        if (found is not null)
            RelayTelemetry.Concerns(found.Id);
        return found;
    }

    /// <summary>Registers a file whose bytes are about to come. That is activity: it prolongs the session.</summary>
    /// <param name="session">Internal id of the session.</param>
    /// <param name="name">The name to display; it is kept in NFC, which only the database can make (.NET cannot without ICU).</param>
    /// <returns>The file, or null where the session has ended.</returns>
    public async Task<UploadingFile?> BeginAsync(Guid session, string name, CancellationToken cancellationToken)
    {
        const string sql = """
            WITH live AS (
                UPDATE sessions SET expires_at = @expiresAt
                WHERE id = @session AND status IN ('open', 'pending', 'processing') AND expires_at > @now
                RETURNING id
            )
            INSERT INTO files (id, session, name, object_key, status, created_at, lease_until)
            SELECT @id, id, left(normalize(@name, NFC), 255), @objectKey, 'uploading', @now, @leaseEnd FROM live
            RETURNING name
            """;
        var file = UploadingFile.Create(name, clock.GetUtcNow());
        var parameters = new
        {
            session,
            id = file.Id,
            name,
            objectKey = file.ObjectKey,
            now = Now,
            leaseEnd = LeaseEnd,
            expiresAt = NextExpiry,
        };
        var kept = await database.ChangeSingleOrDefaultAsync<string>(sql, parameters, cancellationToken);
        return kept is null ? null : file with { Name = kept };
    }

    /// <summary>Tells that these files are still coming in; prolongs their sessions too.</summary>
    public Task RenewAsync(Guid[] files, CancellationToken cancellationToken)
    {
        const string sql = """
            WITH theirs AS (
                SELECT id FROM sessions
                WHERE id IN (SELECT session FROM files WHERE id = ANY(@files))
                ORDER BY id
                FOR UPDATE
            ), prolonged AS (
                UPDATE sessions SET expires_at = @expiresAt
                FROM theirs
                WHERE sessions.id = theirs.id AND status IN ('open', 'pending', 'processing') AND expires_at > @now
            )
            UPDATE files SET lease_until = greatest(lease_until, @leaseEnd) -- that of a resumable upload never ends
            FROM theirs
            WHERE files.session = theirs.id AND files.id = ANY(@files) AND status = 'uploading'
            """;
        return database.ExecuteAsync(sql, new { files, now = Now, leaseEnd = LeaseEnd, expiresAt = NextExpiry }, cancellationToken);
    }

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
    /// Stores the file of a resumable upload, and completes that. The session stays open until its customer submits it: more files may
    /// follow. A shop that knows of it already is told.
    /// </summary>
    /// <param name="upload">The upload as its holder took it.</param>
    /// <param name="consumed">Files of the partial uploads that it was made of, which are removed.</param>
    public Task<Outcome> StoreResumedAsync(
        ResumableUpload upload, UploadedFile file, IReadOnlyList<Guid> consumed, SessionLimits limits, CancellationToken cancellationToken) =>
        StoreFilesAsync(upload.Session, [file], limits, upload, consumed, cancellationToken);

    /// <summary>
    /// Marks files for removal that are not stored. Where the outcome of <see cref="StoreAsync"/> is unknown this decides it: either
    /// the files have been stored, and none is returned, or they can no longer be.
    /// </summary>
    /// <returns>Those that are to be removed: first their objects, then their rows (<see cref="DiscardAsync"/>).</returns>
    public Task<List<Guid>> GiveUpAsync(Guid[] files, CancellationToken cancellationToken)
    {
        const string sql = """
            WITH marked AS (
                UPDATE files SET status = 'deleting', lease_until = NULL WHERE id = ANY(@files) AND status = 'uploading' RETURNING id
            )
            SELECT id FROM marked
            UNION ALL
            SELECT id FROM files WHERE id = ANY(@files) AND status = 'deleting' AND stored_at IS NULL
            """;
        return database.ChangeAsync<Guid>(sql, new { files }, cancellationToken);
    }

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
                UPDATE files SET status = 'deleting' FROM live
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
                {Events.Insert}
            )
            SELECT id FROM left_over
            """;
        var parameters = new
        {
            shop,
            sessionId,
            file,
            now = Now,
            expiresAt = NextExpiry,
            traceParent = Events.TraceParent,
            traceState = Events.TraceState,
        };
        if (await database.ChangeSingleOrDefaultAsync<Guid?>(sql, parameters, cancellationToken) is not { } session)
            return await WhyNotTakenBackAsync(shop, sessionId, file, cancellationToken);
        RelayTelemetry.Concerns(session);
        wakeups.Signal();
        return (Outcome.Done, session);
    }

    /// <summary>Gives up files that were not stored. Their objects must be gone before; files that did get stored stay.</summary>
    public Task DiscardAsync(Guid[] files, CancellationToken cancellationToken)
    {
        const string sql = "DELETE FROM files WHERE id = ANY(@files) AND stored_at IS NULL";
        return database.ExecuteAsync(sql, new { files }, cancellationToken);
    }

    /// <summary>Marks uploads for removal whose process no longer renews them, at most one batch.</summary>
    /// <returns>How many there were.</returns>
    public Task<int> AbandonAsync(int limit, CancellationToken cancellationToken)
    {
        const string sql = """
            WITH due AS (
                SELECT id FROM files
                WHERE status = 'uploading' AND lease_until <= @now
                ORDER BY lease_until
                LIMIT @limit
                FOR UPDATE SKIP LOCKED
            )
            UPDATE files SET status = 'deleting', lease_until = NULL FROM due WHERE files.id = due.id
            """;
        return database.ExecuteAsync(sql, new { limit, now = Now }, cancellationToken);
    }

    private async Task<Outcome> StoreFilesAsync(
        Guid session,
        IReadOnlyList<UploadedFile> files,
        SessionLimits limits,
        ResumableUpload? resumed,
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
                    AND (@submit OR EXISTS (SELECT FROM still_held))
                    AND (SELECT is_left FROM room)
                RETURNING sessions.*, before.status <> 'open' AS announced
            ), stored AS (
                UPDATE files
                SET status = 'stored', lease_until = NULL, stored_at = @storedAt, type = incoming.type, size = incoming.size,
                    sha256 = incoming.sha256, pages = incoming.pages, locked = incoming.locked,
                    position = incoming.place + coalesce((SELECT max(position) FROM files AS older WHERE older.session = @session), 0)
                FROM filled, unnest(@ids, @types, @sizes, @hashes, @pages, @locked) WITH ORDINALITY
                    AS incoming (id, type, size, sha256, pages, locked, place)
                WHERE files.id = incoming.id
            ), completed AS (
                UPDATE uploads
                SET completed_at = @now, received = incoming.size, length = incoming.size,
                    holder = NULL, held_until = NULL, multipart_id = NULL, part_etags = ARRAY[]::text[], tail_keys = ARRAY[]::text[], tail_size = 0
                FROM filled, unnest(@ids, @sizes) AS incoming (id, size)
                WHERE uploads.file = incoming.id
            ), used AS (
                UPDATE files SET status = 'deleting', lease_until = NULL
                FROM filled
                WHERE files.id = ANY(@consumed) AND files.status = 'uploading'
            ), changed AS (
                SELECT * FROM filled WHERE status <> 'open'
            ), event AS (
                {Events.Insert}
            )
            SELECT status <> 'open' AND NOT announced FROM filled
            """;
        var parameters = new
        {
            session,
            submit = resumed is null,
            resumed = resumed?.Id,
            generation = resumed?.Generation,
            consumed = consumed.ToArray(),
            ids = files.Select(file => file.Id).ToArray(),
            types = files.Select(file => file.Type).ToArray(),
            sizes = files.Select(file => file.Size).ToArray(),
            hashes = files.Select(file => file.Sha256).ToArray(),
            pages = files.Select(file => file.Pages).ToArray(),
            locked = files.Select(file => file.Locked).ToArray(),
            count = files.Count,
            bytes = files.Sum(file => file.Size),
            maxFiles = limits.Files,
            maxBytes = limits.Bytes,
            maxOutstanding = limits.Outstanding,
            now = Now,
            // A file's longest life begins with its first byte, also where the last one came much later.
            storedAt = resumed?.CreatedAt ?? Now,
            expiresAt = NextExpiry,
            traceParent = Events.TraceParent,
            traceState = Events.TraceState,
        };
        if (await database.ChangeSingleOrDefaultAsync<bool?>(sql, parameters, cancellationToken) is not { } isSubmitted)
            return await WhyNotStoredAsync(session, files, limits, cancellationToken);
        RelayTelemetry.Concerns(session);
        if (isSubmitted)
            telemetry.Moved(Transition.Submitted);
        wakeups.Signal();
        return Outcome.Done;
    }

    private async Task<Outcome> WhyNotStoredAsync(
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
            now = Now,
        };
        var reason = await database.QuerySingleOrDefaultAsync<string>(sql, parameters, cancellationToken);
        return reason is null ? Outcome.NotFound : Enum.Parse<Outcome>(reason);
    }

    private async Task<(Outcome Outcome, Guid Session)> WhyNotTakenBackAsync(
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
        var found = await database.QuerySingleOrDefaultAsync<Refusal>(sql, new { shop, sessionId, file, now = Now }, cancellationToken);
        return found is null ? (Outcome.NotFound, default) : (Enum.Parse<Outcome>(found.Reason), found.Session);
    }

    private sealed record Refusal(Guid Session, string Reason);
}

/// <summary>A session as an upload finds it.</summary>
/// <param name="Id">Internal id.</param>
/// <param name="Closed">Whether it has ended and takes no file any more.</param>
/// <param name="FileCount">Files that it holds.</param>
/// <param name="TotalSize">Their bytes.</param>
/// <param name="Outstanding">Bytes of all live files of its shop, and of those that are on their way resumably.</param>
public sealed record UploadSession(
    Guid Id,
    bool Closed,
    int FileCount,
    long TotalSize,
    long Outstanding,
    int? MaxFiles,
    long? MaxFileSize,
    long? MaxSessionSize,
    long? MaxOutstanding)
{
    /// <summary>What the operator has set for its shop.</summary>
    public ShopLimits ShopLimits => new(MaxFiles, MaxFileSize, MaxSessionSize, MaxOutstanding);
}

/// <summary>What a session may hold, all inclusive: files, bytes in all of them, and bytes in all live files of its shop.</summary>
public readonly record struct SessionLimits(int Files, long Bytes, long? Outstanding = null);

/// <summary>A file whose bytes are on their way to an object.</summary>
/// <param name="Id">Internal id, also the end of the object's key.</param>
/// <param name="Name">The name to display.</param>
/// <param name="ObjectKey">`yyyy-MM-dd/id`: no user data, and a day's leftovers can be listed.</param>
public sealed record UploadingFile(Guid Id, string Name, string ObjectKey)
{
    internal static UploadingFile Create(string name, DateTimeOffset now)
    {
        var id = Guid.CreateVersion7(now);
        return new(id, name, FormattableString.Invariant($"{now.UtcDateTime:yyyy-MM-dd}/{id}"));
    }
}

/// <summary>A file whose object is durable.</summary>
/// <param name="Id">Internal id.</param>
/// <param name="Name">The name to display.</param>
/// <param name="Type">Media type, as detected from the content.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Sha256">SHA-256 of the content, 32 bytes.</param>
/// <param name="Pages">Pages of a PDF that could be counted.</param>
/// <param name="Locked">Whether a PDF needs a password to be opened; null where that is not known.</param>
public sealed record UploadedFile(Guid Id, string Name, string Type, long Size, byte[] Sha256, int? Pages = null, bool? Locked = null);
