namespace CloudTab.Relay;

/// <summary>
/// The rows of resumable uploads: what has come so far, and which process may add to it. A process locks an upload to add to it,
/// until its lease lapses. Each of its statements names the generation that it acquired, so that one that was away for too long changes
/// nothing any more. Statements that lock a session, its files and its uploads lock them in this order.
/// </summary>
public sealed class Uploads(Database database, Lifetimes lifetimes)
{
    /// <summary>
    /// The channel on which processes tell each other that an upload is wanted by another, or free: `wanted` or `free`, a space, and the
    /// internal id. A message that gets lost costs latency only: the row says the same.
    /// </summary>
    public const string Channel = "cloudtab_uploads";

    /// <summary>
    /// How long a process that died or hangs keeps an upload locked: a customer whose replica died waits that long. Renewed every second.
    /// </summary>
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(5);

    internal const string Columns = $"""
        uploads.id, uploads.created_at AS CreatedAt, uploads.upload_id AS UploadId, uploads.session, sessions.session_id AS SessionId,
        uploads.file, files.object_key AS ObjectKey, files.name, files.print_options AS PrintOptions,
        uploads.length, uploads.declared_type AS DeclaredType, uploads.declared_sha256 AS DeclaredSha256, uploads.metadata, uploads.concat,
        uploads.part_sha256 AS PartSha256, uploads.completed_at IS NOT NULL AS IsComplete, uploads.received, uploads.part_size AS PartSize,
        uploads.multipart_id AS MultipartId, uploads.part_etags AS PartETags, uploads.tail_keys AS TailKeys, uploads.tail_size AS TailSize,
        uploads.generation, uploads.holder IS NOT NULL AND uploads.held_until > @now AS IsHeld,
        least(sessions.expires_at, uploads.created_at + @lifetime) AS ExpiresAt, {IsGone} AS IsGone,
        uploads.used_up AND sessions.ended_at IS NULL AND sessions.expires_at > @now AS IsUsedUp, {ShopLimits.Columns}
        """;

    private const string IsGone = """
        (sessions.ended_at IS NOT NULL OR sessions.expires_at <= @now OR uploads.created_at + @lifetime <= @now
            OR files.status IS NULL OR files.status IN ('deleting', 'deleted'))
        """;

    /// <summary>An upload of the shop's, also one that is gone; null if there never was one.</summary>
    public Task<Upload?> FindAsync(string shop, string uploadId, CancellationToken cancellationToken)
    {
        const string sql = $"""
            SELECT {Columns}
            FROM uploads JOIN sessions ON sessions.id = uploads.session JOIN shops ON shops.id = sessions.shop_id
                LEFT JOIN files ON files.id = uploads.file
            WHERE uploads.upload_id = @uploadId AND sessions.shop_id = @shop
            """;
        return database.QuerySingleOrDefaultAsync<Upload>(
            sql, new { shop, uploadId, now = lifetimes.Now, lifetime = lifetimes.OfFile }, cancellationToken);
    }

    /// <summary>The uploads of a session that one is to be made of, and those that were to be made of the same before.</summary>
    /// <param name="parts">Upload ids.</param>
    public Task<List<Upload>> FindConcatenationAsync(
        string shop, string sessionId, IReadOnlyList<string> parts, string concat, CancellationToken cancellationToken)
    {
        const string sql = $"""
            SELECT {Columns}
            FROM uploads JOIN sessions ON sessions.id = uploads.session JOIN shops ON shops.id = sessions.shop_id
                LEFT JOIN files ON files.id = uploads.file
            WHERE sessions.session_id = @sessionId AND sessions.shop_id = @shop AND (uploads.upload_id = ANY(@parts) OR uploads.concat = @concat)
            """;
        var parameters = new { shop, sessionId, parts = parts.ToArray(), concat, now = lifetimes.Now, lifetime = lifetimes.OfFile };
        return database.QueryAsync<Upload>(sql, parameters, cancellationToken);
    }

    /// <summary>Locks an unfinished upload that is free. That is activity: it prolongs the session.</summary>
    /// <returns>The upload, or null if it is locked, finished, gone, or never was.</returns>
    public Task<Upload?> AcquireAsync(string shop, string uploadId, Guid holder, CancellationToken cancellationToken)
    {
        const string sql = $"""
            WITH sessions AS (
                UPDATE sessions SET expires_at = @expiresAt
                FROM uploads
                WHERE uploads.upload_id = @uploadId AND sessions.id = uploads.session AND sessions.shop_id = @shop
                    AND sessions.status IN ('open', 'pending', 'processing') AND sessions.expires_at > @now
                RETURNING sessions.*
            )
            UPDATE uploads
            SET holder = @holder, held_until = @heldUntil, generation = uploads.generation + 1, wanted = false
            FROM sessions JOIN shops ON shops.id = sessions.shop_id, files
            WHERE uploads.upload_id = @uploadId AND uploads.session = sessions.id AND files.id = uploads.file
                AND files.status = 'uploading' AND uploads.completed_at IS NULL
                AND uploads.created_at + @lifetime > @now
                AND (uploads.holder IS NULL OR uploads.held_until <= @now)
            RETURNING {Columns}, sessions.total_size + (
                SELECT coalesce(sum(others.reserved), 0) FROM uploads AS others WHERE others.session = uploads.session AND others.id <> uploads.id
            )::bigint AS Claimed, (SELECT stored + reserved FROM outstanding_of(sessions.shop_id)) AS Outstanding
            """;
        var parameters = new { shop, uploadId, holder, heldUntil = lifetimes.Now + Lease, now = lifetimes.Now, lifetime = lifetimes.OfFile, expiresAt = lifetimes.NextExpiry };
        return database.ChangeSingleOrDefaultAsync<Upload>(sql, parameters, cancellationToken);
    }

    /// <summary>Asks the process that has locked an upload to store what it has and release it.</summary>
    public Task RequestReleaseAsync(Guid upload, CancellationToken cancellationToken)
    {
        const string sql = $"""
            WITH asked AS (
                UPDATE uploads SET wanted = true WHERE id = @upload AND holder IS NOT NULL RETURNING id
            )
            SELECT pg_notify('{Channel}', 'wanted ' || id) FROM asked
            """;
        return database.ExecuteAsync(sql, new { upload }, cancellationToken);
    }

    /// <summary>Renews the locks of uploads, except those whose rows another statement has locked: it would be waited for by all of them.</summary>
    /// <returns>Those that are still locked by this process and can still be finished, renewed or not.</returns>
    public Task<List<HeldUpload>> RenewAsync(Guid[] uploads, Guid holder, CancellationToken cancellationToken)
    {
        const string sql = """
            WITH free AS (
                SELECT id FROM uploads WHERE id = ANY(@uploads) AND holder = @holder FOR NO KEY UPDATE SKIP LOCKED
            ), renewed AS (
                UPDATE uploads SET held_until = @heldUntil FROM free WHERE uploads.id = free.id RETURNING uploads.id
            )
            SELECT uploads.id, uploads.generation, uploads.wanted, renewed.id IS NOT NULL AS Renewed
            FROM uploads JOIN files ON files.id = uploads.file LEFT JOIN renewed ON renewed.id = uploads.id
            WHERE uploads.id = ANY(@uploads) AND uploads.holder = @holder AND files.status = 'uploading'
            """;
        return database.ChangeAsync<HeldUpload>(sql, new { uploads, holder, heldUntil = lifetimes.Now + Lease }, cancellationToken);
    }

    /// <summary>Records what has become durable.</summary>
    /// <param name="release">Whether to release the lock.</param>
    /// <returns>Whether the lock was still ours.</returns>
    public async Task<bool> RecordAsync(Upload upload, ObjectProgress progress, bool release, CancellationToken cancellationToken)
    {
        const string sql = $"""
            WITH recorded AS (
                UPDATE uploads
                SET received = @received, multipart_id = @multipartId, part_etags = @partETags, tail_keys = @tailKeys, tail_size = @tailSize,
                    holder = CASE WHEN @release THEN NULL ELSE holder END,
                    held_until = CASE WHEN @release THEN NULL ELSE held_until END
                WHERE id = @Id AND generation = @Generation AND completed_at IS NULL
                    AND EXISTS (SELECT FROM files WHERE files.id = uploads.file AND files.status = 'uploading')
                RETURNING id, wanted
            )
            SELECT id FROM recorded LEFT JOIN LATERAL (SELECT pg_notify('{Channel}', 'free ' || id) WHERE @release AND wanted) AS told ON true
            """;
        var parameters = new
        {
            upload.Id,
            upload.Generation,
            received = progress.Received,
            multipartId = progress.MultipartId,
            partETags = progress.PartETags.ToArray(),
            tailKeys = progress.TailKeys.ToArray(),
            tailSize = progress.TailSize,
            release,
        };
        return await database.ChangeSingleOrDefaultAsync<Guid?>(sql, parameters, cancellationToken) is not null;
    }

    /// <summary>Releases an upload as it was.</summary>
    /// <returns>Whether the lock was ours and the upload is gone: see <see cref="Removal"/>.</returns>
    public Task<bool> ReleaseAsync(Guid upload, long generation, CancellationToken cancellationToken)
    {
        const string sql = $"""
            WITH freed AS (
                UPDATE uploads SET holder = NULL, held_until = NULL WHERE id = @upload AND generation = @generation RETURNING id, file, wanted
            )
            SELECT EXISTS (SELECT FROM files WHERE files.id = freed.file AND files.status = 'deleting')
            FROM freed LEFT JOIN LATERAL (SELECT pg_notify('{Channel}', 'free ' || freed.id) WHERE wanted) AS told ON true
            """;
        return database.ChangeSingleOrDefaultAsync<bool>(sql, new { upload, generation }, cancellationToken);
    }

    /// <summary>Sets the length of an upload that was begun without.</summary>
    public Task SetLengthAsync(Upload upload, long length, CancellationToken cancellationToken)
    {
        const string sql = "UPDATE uploads SET length = @length WHERE id = @Id AND generation = @Generation AND length IS NULL";
        return database.ExecuteAsync(sql, new { upload.Id, upload.Generation, length }, cancellationToken);
    }

    /// <summary>Completes a partial upload: its bytes are there, and wait for the final one.</summary>
    /// <param name="upload">The upload as it was locked, with the key of its object.</param>
    /// <returns>Whether the lock was still ours.</returns>
    public async Task<bool> CompletePartialAsync(Upload upload, CancellationToken cancellationToken)
    {
        const string sql = """
            WITH mine AS (
                UPDATE files SET object_key = @ObjectKey FROM uploads
                WHERE files.id = uploads.file AND files.status = 'uploading'
                    AND uploads.id = @Id AND uploads.generation = @Generation AND uploads.completed_at IS NULL
                RETURNING files.id
            )
            UPDATE uploads SET completed_at = @now, received = length, holder = NULL, held_until = NULL
            FROM mine
            WHERE uploads.file = mine.id AND generation = @Generation AND completed_at IS NULL
            """;
        return await database.ExecuteAsync(sql, new { upload.Id, upload.Generation, upload.ObjectKey, now = lifetimes.Now }, cancellationToken) == 1;
    }

    /// <summary>
    /// Locks uploads whose holder neither renewed nor released them: its process died, and may have left pieces in S3 that nobody recorded.
    /// </summary>
    public Task<List<LapsedUpload>> AcquireLapsedAsync(Guid holder, int limit, CancellationToken cancellationToken)
    {
        const string sql = """
            WITH due AS (
                SELECT uploads.id, files.object_key
                FROM uploads JOIN files ON files.id = uploads.file
                WHERE uploads.holder IS NOT NULL AND uploads.held_until <= @lapsed AND uploads.completed_at IS NULL AND files.status = 'uploading'
                ORDER BY uploads.held_until
                LIMIT @limit
                FOR NO KEY UPDATE OF uploads SKIP LOCKED
            )
            UPDATE uploads SET holder = @holder, held_until = @heldUntil, generation = generation + 1, wanted = false
            FROM due
            WHERE uploads.id = due.id
            RETURNING uploads.id, uploads.generation, due.object_key AS ObjectKey, multipart_id AS MultipartId, tail_keys AS TailKeys
            """;
        var now = lifetimes.Now;
        return database.ChangeAsync<LapsedUpload>(sql, new { holder, limit, lapsed = now - Removal.Arrival, heldUntil = now + Lease }, cancellationToken);
    }

    /// <summary>Marks files of uploads for removal that were begun a file's lifetime ago and never stored, at most one batch.</summary>
    /// <returns>How many there were.</returns>
    public Task<int> ExpireAsync(int limit, CancellationToken cancellationToken)
    {
        const string sql = """
            WITH due AS (
                SELECT files.id
                FROM uploads JOIN files ON files.id = uploads.file
                WHERE uploads.created_at <= @before AND files.status = 'uploading'
                ORDER BY uploads.created_at
                LIMIT @limit
                FOR UPDATE OF files SKIP LOCKED
            )
            UPDATE files SET status = 'deleting', lease_until = NULL FROM due WHERE files.id = due.id
            """;
        return database.ExecuteAsync(sql, new { before = lifetimes.Now - lifetimes.OfFile, limit }, cancellationToken);
    }
}

/// <summary>An upload that this process has locked.</summary>
/// <param name="Wanted">Whether another process asks for it.</param>
/// <param name="Renewed">Whether its lease was renewed.</param>
public sealed record HeldUpload(Guid Id, long Generation, bool Wanted, bool Renewed);

/// <summary>An upload whose process died, locked to be tidied.</summary>
public sealed record LapsedUpload
{
    public Guid Id { get; init; }

    public long Generation { get; init; }

    /// <summary>Key of the object that becomes the file.</summary>
    public string ObjectKey { get; init; } = "";

    /// <summary>The multipart upload that was recorded.</summary>
    public string? MultipartId { get; init; }

    /// <summary>The tails that were recorded.</summary>
    public string[] TailKeys { get; init; } = [];
}
