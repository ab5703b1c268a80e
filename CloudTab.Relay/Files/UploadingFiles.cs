namespace CloudTab.Relay;

/// <summary>
/// The rows of files on their way in. A file's row exists before its first byte goes to S3, as `uploading` with a lease that the
/// process renews: whatever happens to the process, the Janitor knows which objects are owned by nobody. Statements that lock a session
/// and its files lock the session first: in different orders two of them would wait for each other.
/// </summary>
public sealed class UploadingFiles(Database database, Lifetimes lifetimes)
{
    /// <summary>Finds the session that a customer uploads to; one of a shop that takes no uploads now counts as closed.</summary>
    /// <returns>The session, or null if the shop has no such session.</returns>
    public async Task<UploadSession?> FindSessionAsync(string shop, string sessionId, CancellationToken cancellationToken)
    {
        const string sql = $"""
            SELECT sessions.id, ended_at IS NOT NULL OR expires_at <= @now OR NOT shops.accepts_uploads AS Closed, file_count AS FileCount, total_size AS TotalSize,
                   (SELECT count(*) FROM files WHERE files.session = sessions.id)::int AS Begun,
                   held.stored + held.reserved AS Outstanding, held.reserved AS Unfinished,
                   {ShopLimits.Columns}, sessions.print_options AS PrintOptions, shops.offer
            FROM sessions JOIN shops ON shops.id = sessions.shop_id, outstanding_of(shops.id) AS held
            WHERE shop_id = @shop AND session_id = @sessionId
            """;
        var found = await database.QuerySingleOrDefaultAsync<UploadSession>(sql, new { shop, sessionId, now = lifetimes.Now }, cancellationToken);
        if (found is not null)
            RelayTelemetry.TagSession(found.Id);
        return found;
    }

    /// <summary>Registers a file whose bytes are about to come. That is activity: it prolongs the session.</summary>
    /// <param name="session">Internal id of the session.</param>
    /// <param name="name">The name to display; it is kept in NFC, which only the database can make (.NET cannot without ICU).</param>
    /// <param name="printOptions">How it is to be printed; null: like the session's files.</param>
    /// <returns>The file, or null if the session has ended.</returns>
    public async Task<UploadingFile?> BeginAsync(Guid session, string name, PrintOptions? printOptions, CancellationToken cancellationToken)
    {
        const string sql = """
            WITH live AS (
                UPDATE sessions SET expires_at = @expiresAt
                WHERE id = @session AND status IN ('open', 'pending', 'processing') AND expires_at > @now
                RETURNING id, print_options
            )
            INSERT INTO files (id, session, name, object_key, status, created_at, lease_until, print_options)
            SELECT @id, id, left(normalize(@name, NFC), 255), @objectKey, 'uploading', @now, @leaseEnd, coalesce(@printOptions::jsonb, print_options)
            FROM live
            RETURNING id, name, object_key AS ObjectKey, print_options AS PrintOptions
            """;
        var (id, objectKey) = UploadingFile.Create(lifetimes.Now);
        var parameters = new
        {
            session,
            id,
            name,
            objectKey,
            now = lifetimes.Now,
            leaseEnd = lifetimes.NextLeaseEnd,
            expiresAt = lifetimes.NextExpiry,
            printOptions = printOptions?.ToJson(),
        };
        return await database.ChangeSingleOrDefaultAsync<UploadingFile>(sql, parameters, cancellationToken);
    }

    /// <summary>
    /// Tells that these files are still coming in, and how much has come; prolongs their sessions too. Rows that another statement has locked are left for the
    /// next time: it would be waited for by all of them.
    /// </summary>
    /// <param name="come">How many bytes have come of each; 0 or none if that is recorded with its upload.</param>
    public Task RenewAsync(Guid[] files, long[] come, CancellationToken cancellationToken)
    {
        const string sql = """
            WITH coming AS (
                SELECT id FROM files WHERE id = ANY(@files) AND status = 'uploading' FOR NO KEY UPDATE SKIP LOCKED
            ), renewed AS (
                UPDATE files
                SET lease_until = greatest(lease_until, @leaseEnd), -- that of a resumable upload never ends
                    size = coalesce(nullif(come.bytes, 0), size)
                FROM coming JOIN unnest(@files, @come) AS come (id, bytes) ON come.id = coming.id
                WHERE files.id = coming.id
            ), theirs AS (
                SELECT id FROM sessions
                WHERE id IN (SELECT session FROM files WHERE id = ANY(@files))
                    AND status IN ('open', 'pending', 'processing') AND expires_at > @now
                FOR NO KEY UPDATE SKIP LOCKED
            )
            UPDATE sessions SET expires_at = @expiresAt FROM theirs WHERE sessions.id = theirs.id
            """;
        return database.ExecuteAsync(sql, new { files, come, now = lifetimes.Now, leaseEnd = lifetimes.NextLeaseEnd, expiresAt = lifetimes.NextExpiry }, cancellationToken);
    }

    /// <summary>
    /// Marks files for removal that are not stored. If the outcome of <see cref="StoredFiles.StoreAsync"/> is unknown this settles it: either
    /// the files were stored, and none is returned, or they can no longer be. Call it once nothing of them is on its way to S3 any more.
    /// </summary>
    /// <returns>Those that are to be removed: see <see cref="Removal"/>.</returns>
    public Task<List<Guid>> GiveUpAsync(Guid[] files, CancellationToken cancellationToken)
    {
        const string sql = """
            WITH marked AS (
                UPDATE files SET status = 'deleting', lease_until = NULL WHERE id = ANY(@files) AND status = 'uploading' RETURNING id
            ), released AS (
                UPDATE uploads SET holder = NULL, held_until = NULL WHERE file = ANY(@files)
            )
            SELECT id FROM marked
            UNION ALL
            SELECT id FROM files WHERE id = ANY(@files) AND status = 'deleting' AND stored_at IS NULL
            """;
        return database.ChangeAsync<Guid>(sql, new { files }, cancellationToken);
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
        return database.ExecuteAsync(sql, new { limit, now = lifetimes.Now }, cancellationToken);
    }
}

/// <summary>A session as an upload finds it.</summary>
/// <param name="Id">Internal id.</param>
/// <param name="Closed">Whether it has ended and takes no file any more.</param>
/// <param name="FileCount">Files that it holds.</param>
/// <param name="TotalSize">Their bytes.</param>
/// <param name="Begun">Files that it has, is getting, or had.</param>
/// <param name="Outstanding">Bytes of all live files of its shop, and what has come of those that are on their way.</param>
/// <param name="Unfinished">Those of them that are on their way.</param>
/// <param name="PrintOptions">How its files are printed, unless the customer says otherwise.</param>
/// <param name="Offer">What its shop prints.</param>
public sealed record UploadSession(
    Guid Id,
    bool Closed,
    int FileCount,
    long TotalSize,
    int Begun,
    long Outstanding,
    long Unfinished,
    int? MaxFiles,
    long? MaxFileSize,
    long? MaxSessionSize,
    long? MaxOutstanding,
    OwnLimits OwnLimits,
    PrintOptions PrintOptions,
    Offer Offer)
{
    /// <summary>What its shop's operator and the shop itself have set.</summary>
    public ShopLimits ShopLimits => new(MaxFiles, MaxFileSize, MaxSessionSize, MaxOutstanding, OwnLimits);
}

/// <summary>A file whose bytes are on their way to an object.</summary>
/// <param name="Id">Internal id, also the end of the object's key.</param>
/// <param name="Name">The name to display.</param>
/// <param name="ObjectKey">`yyyy-MM-dd/id`: no user data, and a day's leftovers can be listed.</param>
/// <param name="PrintOptions">How it is to be printed.</param>
public sealed record UploadingFile(Guid Id, string Name, string ObjectKey, PrintOptions PrintOptions)
{
    internal static (Guid Id, string ObjectKey) Create(DateTime now)
    {
        var id = Guid.CreateVersion7(new(now));
        return (id, FormattableString.Invariant($"{now:yyyy-MM-dd}/{id}"));
    }
}
