using System.Text.Json.Serialization;
using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>What a customer sees of a session, the same over HTTP and on the page.</summary>
internal sealed class CustomerViews(Database database, Lifetimes lifetimes)
{
    // A session past its time has ended for its customer, even before the Janitor has ended it.
    private const string Columns = $"""
        sessions.id, shop_id AS Shop, session_id AS SessionId, pickup_code AS PickupCode,
        CASE WHEN ended_at IS NULL AND expires_at <= @now THEN 'expired' ELSE status END AS Status,
        file_count AS FileCount, total_size AS TotalSize, created_at AS CreatedAt, expires_at AS ExpiresAt,
        CASE WHEN status = 'completed' THEN ended_at END AS CompletedAt, {SessionViews.IsPrinting}, {JobTotals.Columns}, {FileDetails.Column}, ended_at IS NOT NULL AS HasEnded,
        receipt, ended_at IS NOT NULL AND NOT receipt_due AND NOT EXISTS (SELECT FROM files WHERE files.session = sessions.id AND files.status <> 'deleted') AS IsGone,
        (SELECT min(stored_at) FROM files WHERE files.session = sessions.id AND files.status = 'stored') AS OldestFileAt,
        sessions.token
        """;

    /// <summary>The session with its files and its place in the queue, or null if the shop has no such session.</summary>
    public async Task<FoundSession?> FindAsync(RequestedSession session, CancellationToken cancellationToken)
    {
        const string sql = $"""
            SELECT {Columns}, {QueuePlaces.BeforeOne} AS Before
            FROM sessions {JobTotals.From}
            WHERE shop_id = @shop AND session_id = @sessionId
            """;
        var parameters = new { shop = session.Shop.Id, sessionId = session.Id, now = lifetimes.Now, mostBefore = QueuePlaces.MostBefore, ofShop = false };
        var row = await database.QuerySingleOrDefaultAsync<Row>(sql, parameters, cancellationToken);
        return row is null ? null : Found(row);
    }

    /// <summary>Those of these sessions that there still are, with their files and places.</summary>
    /// <param name="sessions">Internal ids.</param>
    public async Task<List<FoundSession>> FindAsync(Guid[] sessions, CancellationToken cancellationToken)
    {
        const string sql = $"""
            SELECT {Columns}, place.before AS Before
            FROM sessions LEFT JOIN ({QueuePlaces.OfMany}) AS place ON place.session = sessions.id {JobTotals.From}
            WHERE sessions.id = ANY(@sessions)
            """;
        var rows = await database.QueryAsync<Row>(sql, new { sessions, now = lifetimes.Now, mostBefore = QueuePlaces.MostBefore, ofShop = false }, cancellationToken);
        return [.. rows.Select(Found)];
    }

    private FoundSession Found(Row row) => new(row.Id, row.Shop, row.HasEnded, row.IsGone, DeletedAt(row), CustomerSession.Of(row));

    // However active its customer is, a file lives no longer than it may.
    private DateTime DeletedAt(Row row) => row.OldestFileAt + lifetimes.OfFile is { } end && end < row.ExpiresAt ? end : row.ExpiresAt;

    /// <summary>A session as it is read.</summary>
    internal sealed record Row(
        Guid Id,
        string Shop,
        string SessionId,
        string PickupCode,
        string Status,
        int FileCount,
        long TotalSize,
        DateTime CreatedAt,
        DateTime ExpiresAt,
        DateTime? CompletedAt,
        bool Printing,
        long Pages,
        int UncountedFiles,
        long? Amount,
        string Currency,
        bool IsPriceComplete,
        DateTime? PaidAt,
        long? PaidAmount,
        IReadOnlyList<FileDetails> Files,
        bool HasEnded,
        string? Receipt,
        bool IsGone,
        DateTime? OldestFileAt,
        int? Token,
        int? Before)
    {
        public QueuePlace? Queue => Before is { } before ? new(Token!.Value, before) : null;
    }
}

/// <summary>A session as it was found.</summary>
/// <param name="Id">Internal id.</param>
/// <param name="Shop">Id of its shop.</param>
/// <param name="HasEnded">Whether it has ended; one that is past its time ends within seconds.</param>
/// <param name="IsGone">Whether it has ended, none of its files is left, and its receipt is there, if it gets one.</param>
/// <param name="DeletedAt">When its first file is deleted, if nothing happens before.</param>
/// <param name="View">What its customer sees.</param>
internal sealed record FoundSession(Guid Id, string Shop, bool HasEnded, bool IsGone, DateTime DeletedAt, CustomerSession View);

/// <summary>A session as its customer sees it.</summary>
/// <param name="PickupCode">What the customer says at the counter.</param>
/// <param name="Status">`open` (no file submitted yet), `pending`, `processing` (claimed), `completed`, `expired` or `cancelled`.</param>
/// <param name="FileCount">Files that are stored.</param>
/// <param name="TotalSize">Bytes of the files that are stored.</param>
/// <param name="Printing">Whether a file of it is at the printer.</param>
/// <param name="Queue">Where it stands in the shop's queue; there while it is `pending` or `processing` and holds a file.</param>
/// <param name="Receipt">Address of the receipt for the deletion of its files; there once they are gone.</param>
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
    bool Printing,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] QueuePlace? Queue,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Receipt,
    IReadOnlyList<CustomerFile> Files,
    long Pages,
    int UncountedFiles,
    JobPrice Price,
    DateTime? PaidAt,
    long? PaidAmount)
{
    internal static CustomerSession Of(CustomerViews.Row row) => new(
        row.SessionId, row.PickupCode, row.Status, row.FileCount, row.TotalSize, row.CreatedAt, row.ExpiresAt, row.CompletedAt, row.Printing, row.Queue, ReceiptEndpoints.AddressOf(row.Receipt),
        [.. row.Files.Select(CustomerFile.Of)], row.Pages, row.UncountedFiles, new(row.Amount, row.Currency, row.IsPriceComplete), row.PaidAt, row.PaidAmount);
}

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
/// <param name="Print">The newest attempt to print it, if there is one.</param>
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
    long? Price,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] FilePrint? Print = null)
{
    /// <summary>What of a file its customer sees.</summary>
    public static CustomerFile Of(FileDetails file) => new(
        file.Id, file.Name, file.Type, file.Size, file.Status, file.Pages, file.Locked, file.Scan, file.PrintOptions, file.PrintedPages, file.Price, file.Print);
}
