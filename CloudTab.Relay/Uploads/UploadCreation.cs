namespace CloudTab.Relay;

/// <summary>How resumable uploads begin, within the limits of their session.</summary>
public sealed class UploadCreation(Database database, Lifetimes lifetimes)
{
    // A client may send each of its files in several partial uploads, and begin again. All that a session has begun count, also those that
    // were ended: each has a row until its session is purged.
    private const int UploadsPerFile = 10;
    private const int UploadsBesides = 100;

    // What a session's uploads have reserved. Partial uploads become files only together.
    private const string BegunInSession = $"""
        SELECT (SELECT count(*) FROM uploads WHERE uploads.session IN (SELECT id FROM live)) AS uploads,
               count(*) FILTER (WHERE used AND concat IS DISTINCT FROM 'partial') AS files,
               coalesce(sum(coalesce(length, received)) FILTER (WHERE used), 0) AS bytes
        FROM (
            SELECT concat, length, received, uploads.reserved IS NOT NULL OR uploads.created_at > @usedSince AS used
            FROM uploads JOIN files ON files.id = uploads.file
            WHERE uploads.session IN (SELECT id FROM live) AND files.status = 'uploading'
        ) AS begun
        """;

    // An upload without a byte counts only this long: its client may never have learnt that it was created.
    private static readonly TimeSpan Unused = TimeSpan.FromMinutes(1);

    /// <summary>How many files a session may begin, if it may hold so many.</summary>
    public static int MostOf(int files) => files * UploadsPerFile + UploadsBesides;

    /// <summary>
    /// Begins an upload. Uploads that have begun count towards the session's limits with all that they announced; two that begin at
    /// the same moment may both find room, and then one of them finds none at its end.
    /// </summary>
    /// <param name="printOptions">How its file is to be printed; null: like the session's files.</param>
    /// <param name="holder">The process that locks it at once, because the first bytes come along, or null.</param>
    public async Task<(Outcome Outcome, Upload? Upload)> CreateAsync(
        string shop, string sessionId, NewUpload wanted, PrintOptions? printOptions, SessionLimits limits, Guid? holder, CancellationToken cancellationToken)
    {
        // What is inserted takes the name of its table, so that it is read back like any upload.
        const string sql = $"""
            WITH live AS (
                UPDATE sessions SET expires_at = @expiresAt
                WHERE shop_id = @shop AND session_id = @sessionId AND status IN ('open', 'pending', 'processing') AND expires_at > @now
                RETURNING id, session_id, shop_id, file_count, total_size, expires_at, ended_at, print_options
            ), begun AS (
                {BegunInSession}
            ), sessions AS (
                SELECT live.* FROM live, begun
                WHERE (@isPartial OR file_count + begun.files < @maxFiles)
                    AND begun.uploads < @maxUploads
                    AND total_size + begun.bytes + coalesce(@length, 1) <= @maxBytes
            ), files AS (
                INSERT INTO files (id, session, name, object_key, status, created_at, lease_until, print_options)
                SELECT @file, id, left(normalize(@name, NFC), 255), @objectKey, 'uploading', @now, 'infinity', coalesce(@printOptions::jsonb, print_options)
                FROM sessions
                RETURNING *
            ), uploads AS (
                INSERT INTO uploads (
                    id, upload_id, session, file, created_at, length, declared_type, declared_sha256, metadata, concat, part_size,
                    part_sha256, holder, held_until, generation)
                SELECT @id, @uploadId, session, files.id, @now, @length, @declaredType, @declaredSha256, @metadata, @concat, @partSize,
                    @partSha256::bytea[], @holder, CASE WHEN @holder::uuid IS NOT NULL THEN @heldUntil::timestamptz END, num_nonnulls(@holder::uuid)
                FROM files
                RETURNING *
            )
            SELECT {Uploads.Columns} FROM uploads, files, sessions JOIN shops ON shops.id = sessions.shop_id
            """;
        var now = lifetimes.Now;
        var (file, objectKey) = UploadingFile.Create(now);
        var parameters = new
        {
            shop,
            sessionId,
            id = Guid.CreateVersion7(new(now)),
            uploadId = UploadId.Create(),
            file,
            name = wanted.Name,
            objectKey,
            printOptions = printOptions?.ToJson(),
            wanted.Length,
            wanted.DeclaredType,
            wanted.DeclaredSha256,
            wanted.Metadata,
            wanted.Concat,
            partSize = ObjectUpload.PartSize,
            partSha256 = wanted.PartSha256?.ToArray(),
            isPartial = wanted.IsPartial,
            usedSince = lifetimes.Now - Unused,
            maxFiles = limits.Files,
            maxUploads = MostOf(limits.Files),
            maxBytes = limits.Bytes,
            holder,
            heldUntil = now + Uploads.Lease,
            now,
            lifetime = lifetimes.OfFile,
            expiresAt = lifetimes.NextExpiry,
        };
        return await database.ChangeSingleOrDefaultAsync<Upload>(sql, parameters, cancellationToken) is { } created
            ? (Outcome.Done, created)
            : (await RefusalForAsync(shop, sessionId, wanted, limits, cancellationToken), null);
    }

    private async Task<Outcome> RefusalForAsync(
        string shop, string sessionId, NewUpload wanted, SessionLimits limits, CancellationToken cancellationToken)
    {
        const string sql = $"""
            WITH live AS (
                SELECT id, ended_at, expires_at, file_count FROM sessions WHERE shop_id = @shop AND session_id = @sessionId
            ), begun AS (
                {BegunInSession}
            )
            SELECT CASE
                WHEN ended_at IS NOT NULL OR expires_at <= @now THEN 'Closed'
                WHEN NOT @isPartial AND file_count + begun.files >= @maxFiles OR begun.uploads >= @maxUploads THEN 'TooManyFiles'
                ELSE 'TooLarge'
            END
            FROM live, begun
            """;
        var parameters = new
        {
            shop,
            sessionId,
            now = lifetimes.Now,
            isPartial = wanted.IsPartial,
            usedSince = lifetimes.Now - Unused,
            maxFiles = limits.Files,
            maxUploads = MostOf(limits.Files),
        };
        var reason = await database.QuerySingleOrDefaultAsync<string>(sql, parameters, cancellationToken);
        return reason is null ? Outcome.NotFound : Enum.Parse<Outcome>(reason);
    }
}
