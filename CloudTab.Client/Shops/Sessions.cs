namespace CloudTab.Client;

/// <summary>A session in the pending list.</summary>
/// <param name="SessionId">26 characters; names the session in every call, as the pickup code does.</param>
/// <param name="PickupCode">What the customer says at the counter: 6 characters.</param>
/// <param name="CustomerName">Up to 200 characters; null if the customer gave none.</param>
/// <param name="FileCount">Files that are stored.</param>
/// <param name="TotalSize">Their bytes.</param>
/// <param name="ExpiresAt">When it ends if nobody claims it.</param>
/// <param name="Token">The customer's number in the queue, 1 to 999.</param>
/// <param name="Pages">Pages that come out of the printer, as far as they are known.</param>
/// <param name="UncountedFiles">Files whose pages are not known.</param>
/// <param name="PaidAt">When the shop marked it as paid; null if it did not.</param>
/// <param name="PaidAmount">What it cost then, in the smallest unit of the currency; null if that was not known.</param>
/// <param name="PrintOptions">How its files are to be printed: each way once.</param>
/// <param name="Printing">Whether a file of it is at a printer: its claim does not lapse, and nobody else gets it.</param>
/// <param name="SubmittedAt">When the shop was told of it first, the order of the queue; null if the relay is too old to say.</param>
public sealed record PendingSession(
    string SessionId,
    string PickupCode,
    string? CustomerName,
    int FileCount,
    long TotalSize,
    DateTimeOffset CreatedAt,
    DateTimeOffset ExpiresAt,
    int? Token,
    long Pages,
    int UncountedFiles,
    JobPrice Price,
    DateTimeOffset? PaidAt,
    long? PaidAmount,
    IReadOnlyList<PrintOptions> PrintOptions,
    bool Printing = false,
    DateTimeOffset? SubmittedAt = null);

/// <summary>A page of the pending list, newest first.</summary>
/// <param name="Count">Sessions on this page.</param>
/// <param name="Next">The `after` of the next page; null if this is the last.</param>
public sealed record PendingPage(int Count, IReadOnlyList<PendingSession> Sessions, string? Next);

/// <summary>A session that a counter works on.</summary>
/// <param name="ClaimedBy">Name of the key that has claimed it.</param>
/// <param name="ClaimedByYou">Whether that is the client's own.</param>
/// <param name="Token">The customer's number in the queue, 1 to 999.</param>
/// <param name="Pages">Pages that come out of the printer, as far as they are known.</param>
/// <param name="UncountedFiles">Files whose pages are not known.</param>
/// <param name="PaidAt">When the shop marked it as paid; null if it did not.</param>
/// <param name="PaidAmount">What it cost then, in the smallest unit of the currency; null if that was not known.</param>
/// <param name="PrintOptions">How its files are to be printed: each way once.</param>
/// <param name="Printing">Whether a file of it is at a printer: its claim does not lapse, and nobody else gets it.</param>
/// <param name="SubmittedAt">When the shop was told of it first, the order of the queue; null if the relay is too old to say.</param>
public sealed record ProcessingSession(
    string SessionId,
    string PickupCode,
    string? CustomerName,
    int FileCount,
    long TotalSize,
    DateTimeOffset CreatedAt,
    DateTimeOffset ExpiresAt,
    int? Token,
    string ClaimedBy,
    bool ClaimedByYou,
    long Pages,
    int UncountedFiles,
    JobPrice Price,
    DateTimeOffset? PaidAt,
    long? PaidAmount,
    IReadOnlyList<PrintOptions> PrintOptions,
    bool Printing = false,
    DateTimeOffset? SubmittedAt = null);

/// <summary>One session with its files. Of one that its customer has not submitted the shop sees none.</summary>
/// <param name="Status">One of <see cref="SessionStatuses"/>.</param>
/// <param name="ClaimedBy">Name of the key that has claimed it; null if none has.</param>
/// <param name="Token">The customer's number in the queue, 1 to 999.</param>
/// <param name="Pages">Pages that come out of the printer, as far as they are known.</param>
/// <param name="UncountedFiles">Files whose pages are not known.</param>
/// <param name="PaidAt">When the shop marked it as paid; null if it did not.</param>
/// <param name="PaidAmount">What it cost then, in the smallest unit of the currency; null if that was not known.</param>
/// <param name="Files">In the order in which they came, also those that are deleted.</param>
/// <param name="Printing">Whether a file of it is at a printer: its claim does not lapse, and nobody else gets it.</param>
/// <param name="SubmittedAt">When the shop was told of it first; null if it was not submitted, or the relay is too old to say.</param>
public sealed record SessionDetails(
    string SessionId,
    string PickupCode,
    string? CustomerName,
    int FileCount,
    long TotalSize,
    string Status,
    DateTimeOffset CreatedAt,
    DateTimeOffset ExpiresAt,
    string? ClaimedBy,
    int? Token,
    long Pages,
    int UncountedFiles,
    JobPrice Price,
    DateTimeOffset? PaidAt,
    long? PaidAmount,
    IReadOnlyList<FileDetails> Files,
    bool Printing = false,
    DateTimeOffset? SubmittedAt = null);

/// <summary>A file as its shop sees it.</summary>
/// <param name="Name">For display: without path or control characters, with the ending of its type.</param>
/// <param name="Type">The media type that its content shows.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Sha256">64 hexadecimal digits.</param>
/// <param name="Status">`stored` or `deleted`.</param>
/// <param name="Pages">Pages of a PDF that could be read.</param>
/// <param name="Locked">Whether a PDF needs a password.</param>
/// <param name="Scan">One of <see cref="ScanResults"/>.</param>
/// <param name="PrintedPages">Pages that come out of the printer, those of all copies; null if the document's are not known.</param>
/// <param name="Price">In the smallest unit of the shop's currency; null: told at the counter.</param>
/// <param name="Print">The newest attempt to print it; null if there is none.</param>
public sealed record FileDetails(
    Guid Id,
    string Name,
    string Type,
    long Size,
    string Sha256,
    string Status,
    int? Pages,
    bool? Locked,
    string Scan,
    PrintOptions PrintOptions,
    long? PrintedPages,
    long? Price,
    FilePrint? Print = null)
{
    /// <summary>Whether its bytes are there to be downloaded.</summary>
    public bool IsStored => Status == "stored";
}
