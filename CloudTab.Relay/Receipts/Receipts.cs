using System.Text.Json;
using System.Text.Json.Serialization;

namespace CloudTab.Relay;

/// <summary>
/// Receipts for what was deleted. One is made when a session has ended and all its objects are gone, by whichever process comes first, and
/// once: the statement that keeps it also marks the session. What a killed process leaves is found by the session's row.
/// </summary>
public sealed class Receipts(Database database, SigningKeys keys, Wakeups wakeups, Lifetimes lifetimes)
{
    /// <summary>Most receipts that one call makes.</summary>
    public const int BatchSize = 100;

    /// <summary>What a receipt calls itself: `typ` in its header.</summary>
    public const string Type = "cloudtab-receipt+jwt";

    /// <summary>Makes receipts that are due, at most one batch.</summary>
    /// <param name="session">Internal id of the only session that is looked at; null: all are.</param>
    /// <returns>How many there were.</returns>
    public async Task<int> IssueAsync(Guid? session, CancellationToken cancellationToken)
    {
        var due = await DueAsync(session, cancellationToken);
        if (due.Count == 0 || await keys.NewestAsync(cancellationToken) is not { } key)
            return 0;
        RelayTelemetry.FoundWork();
        var now = lifetimes.Now;
        var made = due.GroupBy(file => file.Session).Select(files => (Session: files.Key, Claims: ReceiptClaims.Of([.. files], now))).ToList();

        const string sql = """
            WITH marked AS (
                UPDATE sessions SET receipt_due = false, receipt = made.id
                FROM unnest(@sessions, @ids, @texts) AS made (session, id, jws)
                WHERE sessions.id = made.session AND receipt_due
                RETURNING made.id, sessions.shop_id, made.jws
            )
            INSERT INTO receipts (id, shop_id, jws, created_at) SELECT id, shop_id, jws, @now FROM marked
            """;
        var issued = await database.ExecuteAsync(
            sql,
            new
            {
                sessions = made.Select(one => one.Session).ToArray(),
                ids = made.Select(one => one.Claims.Jti).ToArray(),
                texts = made.Select(one => Jws.Sign(JsonSerializer.SerializeToUtf8Bytes(one.Claims, ReceiptContext.Default.ReceiptClaims), Type, key)).ToArray(),
                now,
            },
            cancellationToken);
        if (issued > 0)
            wakeups.Signal();
        return issued;
    }

    /// <summary>A receipt in its compact serialization, or null if there is none of that id.</summary>
    public Task<string?> FindAsync(string id, CancellationToken cancellationToken) => SessionId.IsWellFormed(id)
        ? database.QuerySingleOrDefaultAsync<string>("SELECT jws FROM receipts WHERE id = @id", new { id }, cancellationToken)
        : Task.FromResult<string?>(null);

    /// <summary>What a receipt says, if its signature is right by one of the published keys; else null.</summary>
    public async Task<ReceiptClaims?> VerifyAsync(string jws, CancellationToken cancellationToken) =>
        Jws.Verify(jws, Type, await keys.AllAsync(cancellationToken)) is { } payload ? JsonSerializer.Deserialize(payload, ReceiptContext.Default.ReceiptClaims) : null;

    private Task<List<DeletedFile>> DueAsync(Guid? session, CancellationToken cancellationToken)
    {
        const string sql = """
            WITH due AS (
                SELECT id, shop_id, status, ended_at FROM sessions
                WHERE receipt_due AND (@session::uuid IS NULL OR id = @session)
                    AND NOT EXISTS (SELECT FROM files WHERE files.session = sessions.id AND files.status <> 'deleted')
                ORDER BY ended_at
                LIMIT @limit
            )
            SELECT due.id AS Session, due.shop_id AS Shop, due.status AS Outcome, due.ended_at AS EndedAt,
                   encode(files.sha256, 'hex') AS Sha256, files.size, files.stored_at AS StoredAt, coalesce(files.deleted_at, @now) AS DeletedAt
            FROM due JOIN files ON files.session = due.id
            ORDER BY due.id, files.position
            """;
        return database.QueryAsync<DeletedFile>(sql, new { session, limit = BatchSize, now = lifetimes.Now }, cancellationToken);
    }
}

/// <summary>A file whose object is gone, and the session that held it.</summary>
internal sealed record DeletedFile(
    Guid Session, string Shop, string Outcome, DateTime EndedAt, string Sha256, long Size, DateTime StoredAt, DateTime DeletedAt);

/// <summary>What a receipt says. It names no file, no customer and no session.</summary>
/// <param name="Jti">Its id (RFC 7519, section 4.1.7).</param>
/// <param name="Iat">When it was made, in seconds since 1970 (RFC 7519, section 4.1.6).</param>
/// <param name="Shop">Id of the shop.</param>
/// <param name="Outcome">How the session ended: `completed`, `cancelled` or `expired`.</param>
/// <param name="EndedAt">When it ended.</param>
/// <param name="FileCount">Files that were deleted.</param>
/// <param name="TotalSize">Their bytes.</param>
/// <param name="Files">Each of them.</param>
public sealed record ReceiptClaims(
    string Jti, long Iat, string Shop, string Outcome, DateTime EndedAt, int FileCount, long TotalSize, IReadOnlyList<ReceiptFile> Files)
{
    internal static ReceiptClaims Of(IReadOnlyList<DeletedFile> files, DateTime now) => new(
        SessionId.Create(),
        new DateTimeOffset(now).ToUnixTimeSeconds(),
        files[0].Shop,
        files[0].Outcome,
        files[0].EndedAt,
        files.Count,
        files.Sum(file => file.Size),
        [.. files.Select(file => new ReceiptFile(file.Sha256, file.Size, file.StoredAt, file.DeletedAt))]);
}

/// <summary>A file that was deleted.</summary>
/// <param name="Sha256">Of its content, in lower-case hexadecimal.</param>
/// <param name="Size">Bytes.</param>
/// <param name="StoredAt">When it was stored, or when its upload began if that was resumable.</param>
/// <param name="DeletedAt">When nothing of it was left.</param>
public sealed record ReceiptFile(string Sha256, long Size, DateTime StoredAt, DateTime DeletedAt);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(ReceiptClaims))]
[JsonSerializable(typeof(JwsHeader))]
internal sealed partial class ReceiptContext : JsonSerializerContext;
