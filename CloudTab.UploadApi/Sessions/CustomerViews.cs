using System.Text.Json.Serialization;
using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>What a customer sees of a session, the same over HTTP and on the page.</summary>
internal sealed class CustomerViews(Database database, SessionViews views, QueuePlaces places, TimeProvider clock)
{
    /// <summary>The session with its files, or null if the shop has no such session.</summary>
    public async Task<CustomerSession?> FindAsync(RequestedSession session, CancellationToken cancellationToken)
    {
        // A session past its time has ended for its customer, even before the Janitor has ended it.
        const string sql = $"""
            SELECT id, session_id AS SessionId, pickup_code AS PickupCode,
                   CASE WHEN ended_at IS NULL AND expires_at <= @now THEN 'expired' ELSE status END AS Status,
                   file_count AS FileCount, total_size AS TotalSize, created_at AS CreatedAt, expires_at AS ExpiresAt,
                   CASE WHEN status = 'completed' THEN ended_at END AS CompletedAt,
                   {JobTotals.Columns}
            FROM sessions {JobTotals.From}
            WHERE shop_id = @shop AND session_id = @sessionId
            """;
        var row = await database.QuerySingleOrDefaultAsync<Row>(
            sql, new { shop = session.Shop.Id, sessionId = session.Id, now = clock.Now().UtcDateTime, ofShop = false }, cancellationToken);
        if (row is null)
            return null;
        var files = await views.FilesAsync(row.Id, cancellationToken);
        var queue = row.Status is "pending" or "processing" ? await places.FindAsync([session.Shop.Id], [row.Id], cancellationToken) : [];
        return new(
            row.SessionId, row.PickupCode, row.Status, row.FileCount, row.TotalSize, row.CreatedAt, row.ExpiresAt, row.CompletedAt, queue.GetValueOrDefault(row.Id),
            [.. files.Select(CustomerFile.Of)], row.Pages, row.UncountedFiles, new(row.Amount, row.Currency, row.IsPriceComplete), row.PaidAt, row.PaidAmount);
    }

    private sealed record Row(
        Guid Id,
        string SessionId,
        string PickupCode,
        string Status,
        int FileCount,
        long TotalSize,
        DateTime CreatedAt,
        DateTime ExpiresAt,
        DateTime? CompletedAt,
        long Pages,
        int UncountedFiles,
        long? Amount,
        string Currency,
        bool IsPriceComplete,
        DateTime? PaidAt,
        long? PaidAmount);
}

/// <summary>A session as its customer sees it.</summary>
/// <param name="PickupCode">What the customer says at the counter.</param>
/// <param name="Status">`open` (no file submitted yet), `pending`, `processing` (claimed), `completed`, `expired` or `cancelled`.</param>
/// <param name="FileCount">Files that are stored.</param>
/// <param name="TotalSize">Bytes of the files that are stored.</param>
/// <param name="Queue">Where it stands in the shop's queue; there while it is `pending` or `processing` and holds a file.</param>
/// <param name="Files">Every file that was stored, also those that are deleted by now.</param>
/// <param name="Pages">Pages that come out of the printer, as far as they are known.</param>
/// <param name="UncountedFiles">Files whose pages are not known.</param>
/// <param name="Price">What it costs.</param>
/// <param name="PaidAt">When the shop marked it as paid.</param>
/// <param name="PaidAmount">What it cost then; null if that was not known, or it is not paid.</param>
public sealed record CustomerSession(
    string SessionId,
    string PickupCode,
    string Status,
    int FileCount,
    long TotalSize,
    DateTime CreatedAt,
    DateTime ExpiresAt,
    DateTime? CompletedAt,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] QueuePlace? Queue,
    IReadOnlyList<CustomerFile> Files,
    long Pages,
    int UncountedFiles,
    JobPrice Price,
    DateTime? PaidAt,
    long? PaidAmount);

/// <summary>A file as its customer sees it.</summary>
/// <param name="Type">The media type that its content shows.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Status">`stored` or `deleted`.</param>
/// <param name="Pages">Pages of a PDF that could be read.</param>
/// <param name="Locked">Whether a PDF needs a password.</param>
/// <param name="Scan">What the virus scanner said: `clean`, `infected` (the shop cannot download it), or `unscanned`.</param>
/// <param name="PrintOptions">How it is to be printed.</param>
/// <param name="PrintedPages">Pages that come out of the printer, those of all copies; null if the document's are not known.</param>
/// <param name="Price">In the smallest unit of the shop's currency; null: told at the counter.</param>
public sealed record CustomerFile(
    Guid Id,
    string Name,
    string Type,
    long Size,
    string Status,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Pages,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] bool? Locked,
    string Scan,
    PrintOptions PrintOptions,
    long? PrintedPages,
    long? Price)
{
    /// <summary>What of a file its customer sees.</summary>
    public static CustomerFile Of(FileDetails file) => new(
        file.Id, file.Name, file.Type, file.Size, file.Status, file.Pages, file.Locked, file.Scan, file.PrintOptions, file.PrintedPages, file.Price);
}
