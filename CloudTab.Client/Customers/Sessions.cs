using System.Text.Json.Serialization;

namespace CloudTab.Client;

/// <summary>What a customer may say about a new session.</summary>
/// <param name="CustomerName">Text of up to 200 characters, for the counter.</param>
/// <param name="PrintOptions">How its files are to be printed, unless something else is said of one.</param>
public sealed record NewSession(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? CustomerName = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] PrintOptionsChange? PrintOptions = null);

/// <summary>A session that has been opened.</summary>
/// <param name="SessionId">The customer's secret: it opens this session and nothing else.</param>
/// <param name="PickupCode">What the customer says at the counter: 6 characters.</param>
/// <param name="ExpiresAt">When the session ends if nothing happens.</param>
public sealed record CreatedSession(string SessionId, string PickupCode, DateTimeOffset ExpiresAt);

/// <summary>A session as its customer sees it.</summary>
/// <param name="Status">One of <see cref="SessionStatuses"/>.</param>
/// <param name="FileCount">Files that are stored.</param>
/// <param name="TotalSize">Their bytes.</param>
/// <param name="Queue">Where it stands in the shop's queue, while it is pending or processing and holds a file; otherwise null.</param>
/// <param name="Receipt">Address of the receipt for the deletion of its files, relative to the relay's; null until they are gone.</param>
/// <param name="Files">Every file that was stored, also those that are deleted by now.</param>
/// <param name="Pages">Pages that come out of the printer, as far as they are known.</param>
/// <param name="UncountedFiles">Files whose pages are not known.</param>
/// <param name="PaidAt">When the shop marked it as paid; null if it did not.</param>
/// <param name="PaidAmount">What it cost then, in the smallest unit of the currency; null if that was not known.</param>
/// <param name="Printing">Whether a file of it is at a printer.</param>
public sealed record CustomerSession(
    string SessionId,
    string PickupCode,
    string Status,
    int FileCount,
    long TotalSize,
    DateTimeOffset CreatedAt,
    DateTimeOffset ExpiresAt,
    DateTimeOffset? CompletedAt,
    QueuePlace? Queue,
    string? Receipt,
    IReadOnlyList<CustomerFile> Files,
    long Pages,
    int UncountedFiles,
    JobPrice Price,
    DateTimeOffset? PaidAt,
    long? PaidAmount,
    bool Printing = false);

/// <summary>A place in a shop's queue.</summary>
/// <param name="Token">The customer's number, 1 to 999.</param>
/// <param name="Before">Sessions that were submitted earlier and are not finished.</param>
public sealed record QueuePlace(int Token, int Before);

/// <summary>A file as its customer sees it.</summary>
/// <param name="Type">The media type that its content shows.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Status">`stored` or `deleted`.</param>
/// <param name="Pages">Pages of a PDF that could be read.</param>
/// <param name="Locked">Whether a PDF needs a password.</param>
/// <param name="Scan">One of <see cref="ScanResults"/>.</param>
/// <param name="PrintedPages">Pages that come out of the printer, those of all copies; null if the document's are not known.</param>
/// <param name="Price">In the smallest unit of the shop's currency; null: told at the counter.</param>
/// <param name="Print">The newest attempt to print it; null if there is none.</param>
public sealed record CustomerFile(
    Guid Id,
    string Name,
    string Type,
    long Size,
    string Status,
    int? Pages,
    bool? Locked,
    string Scan,
    PrintOptions PrintOptions,
    long? PrintedPages,
    long? Price,
    FilePrint? Print = null);

/// <summary>Whether a shop can be reached, and what it prints.</summary>
/// <param name="Online">The shop takes uploads now.</param>
/// <param name="Connected">A shopkeeper's socket is open.</param>
/// <param name="Message">The same for a person.</param>
/// <param name="PrintOptions">How it prints, unless the customer says otherwise.</param>
/// <param name="AcceptedTypes">Media types of files that are accepted.</param>
public sealed record ShopStatus(
    bool Online, bool Connected, string Message, ShopName Shop, Offer Offer, PrintOptions PrintOptions, ShopLimits Limits, IReadOnlyList<string> AcceptedTypes);

/// <summary>A shop as customers know it.</summary>
public sealed record ShopName(string Id, string Name);

/// <summary>What a shop accepts at most; the limits themselves are accepted.</summary>
/// <param name="Files">Files in a session.</param>
/// <param name="FileSize">Bytes in a file.</param>
/// <param name="SessionSize">Bytes in a session.</param>
public sealed record ShopLimits(int Files, long FileSize, long SessionSize);

// What the relay wraps around its answers to a customer.
internal sealed record StatusAnswer(CustomerSession Session);

internal sealed record UploadAnswer(IReadOnlyList<UploadedFile> Files);

internal sealed record FileChange(PrintOptionsChange PrintOptions);

internal sealed record FileAnswer(CustomerFile File);
