using Microsoft.Extensions.Options;

namespace CloudTab.Relay;

/// <summary>
/// The rows of files on their way in. A file's row exists before its first byte goes to S3, as `uploading` with a lease that the
/// process renews: whatever happens to the process, the Janitor knows which objects are owned by nobody. Storing the files of a
/// request, submitting the session and writing the event are one statement. Whatever locks a session and its files locks the session
/// first: two that did it in different order would wait for each other.
/// </summary>
public sealed class Uploads(Database database, Wakeups wakeups, TimeProvider clock, IOptions<SessionOptions> options)
{
    private DateTime Now => clock.GetUtcNow().UtcDateTime;

    private DateTime LeaseEnd => Now.AddMilliseconds(options.Value.UploadLease);

    private DateTime NextExpiry => Now.AddMilliseconds(options.Value.SessionTimeout);

    /// <summary>Finds the session that a customer uploads to.</summary>
    /// <returns>Done with the session's internal id, NotFound, or Closed.</returns>
    public async Task<(Outcome Outcome, Guid Session)> FindSessionAsync(string shop, string sessionId, CancellationToken cancellationToken)
    {
        const string sql = """
            SELECT id AS Session, ended_at IS NOT NULL OR expires_at <= @now AS Closed
            FROM sessions
            WHERE shop_id = @shop AND session_id = @sessionId
            """;
        var found = await database.QuerySingleOrDefaultAsync<FoundSession>(sql, new { shop, sessionId, now = Now }, cancellationToken);
        if (found is null)
            return (Outcome.NotFound, default);
        return (found.Closed ? Outcome.Closed : Outcome.Done, found.Session);
    }

    /// <summary>Registers a file whose bytes are about to come. That is activity: it prolongs the session.</summary>
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
            SELECT @id, id, @name, @objectKey, 'uploading', @now, @leaseEnd FROM live
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
        return await database.ExecuteAsync(sql, parameters, cancellationToken) == 1 ? file : null;
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
            UPDATE files SET lease_until = @leaseEnd
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
    public async Task<Outcome> StoreAsync(
        Guid session, IReadOnlyList<UploadedFile> files, SessionLimits limits, CancellationToken cancellationToken)
    {
        const string sql = $"""
            WITH before AS (
                SELECT id, status FROM sessions WHERE id = @session FOR UPDATE
            ), mine AS (
                SELECT files.id
                FROM before JOIN files ON files.session = before.id
                WHERE files.id = ANY(@ids) AND files.status = 'uploading'
                FOR UPDATE OF files
            ), changed AS (
                UPDATE sessions
                SET status = CASE WHEN sessions.status = 'open' THEN 'pending' ELSE sessions.status END,
                    submitted_at = coalesce(submitted_at, @now),
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
                RETURNING sessions.*, before.status <> 'open' AS announced
            ), stored AS (
                UPDATE files
                SET status = 'stored', lease_until = NULL, stored_at = @now, type = incoming.type, size = incoming.size,
                    sha256 = incoming.sha256,
                    position = incoming.place + coalesce((SELECT max(position) FROM files AS older WHERE older.session = @session), 0)
                FROM changed, unnest(@ids, @types, @sizes, @hashes) WITH ORDINALITY AS incoming (id, type, size, sha256, place)
                WHERE files.id = incoming.id
            ), event AS (
                {Events.Insert}
            )
            SELECT id FROM changed
            """;
        var parameters = new
        {
            session,
            ids = files.Select(file => file.Id).ToArray(),
            types = files.Select(file => file.Type).ToArray(),
            sizes = files.Select(file => file.Size).ToArray(),
            hashes = files.Select(file => file.Sha256).ToArray(),
            count = files.Count,
            bytes = files.Sum(file => file.Size),
            maxFiles = limits.Files,
            maxBytes = limits.Bytes,
            now = Now,
            expiresAt = NextExpiry,
            traceParent = Events.TraceParent,
            traceState = Events.TraceState,
        };
        if (await database.ChangeSingleOrDefaultAsync<Guid?>(sql, parameters, cancellationToken) is null)
            return await WhyNotStoredAsync(session, files, limits, cancellationToken);
        wakeups.Signal();
        return Outcome.Done;
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

    private async Task<Outcome> WhyNotStoredAsync(
        Guid session, IReadOnlyList<UploadedFile> files, SessionLimits limits, CancellationToken cancellationToken)
    {
        const string sql = """
            SELECT CASE
                WHEN ended_at IS NOT NULL OR expires_at <= @now THEN 'Closed'
                WHEN file_count + @count > @maxFiles THEN 'TooManyFiles'
                WHEN total_size + @bytes > @maxBytes THEN 'TooLarge'
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
            now = Now,
        };
        var reason = await database.QuerySingleOrDefaultAsync<string>(sql, parameters, cancellationToken);
        return reason is null ? Outcome.NotFound : Enum.Parse<Outcome>(reason);
    }

    private sealed record FoundSession(Guid Session, bool Closed);
}

/// <summary>What a session may hold, both inclusive: files, and bytes in all of them.</summary>
public readonly record struct SessionLimits(int Files, long Bytes);

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
public sealed record UploadedFile(Guid Id, string Name, string Type, long Size, byte[] Sha256);
