using System.Net.WebSockets;

namespace CloudTab.Client;

/// <summary>Something that a shop hears of. More kinds may come: a reader ignores those that it does not know.</summary>
public abstract record ShopEvent;

/// <summary>The socket is open, and authenticated. <see cref="PendingSessions"/> follows.</summary>
/// <param name="ShopId">Id of the shop.</param>
/// <param name="ShopName">Its name.</param>
public sealed record SocketConnected(string ShopId, string ShopName) : ShopEvent;

/// <summary>The socket is not open any more, or could not be opened. It is opened again by itself.</summary>
/// <param name="CloseCode">What the relay closed it with, such as 1001 (going away) or 4409 (this client reads too slowly); null if it broke.</param>
/// <param name="Reason">For a log: the relay's words, or what broke.</param>
/// <param name="RetryIn">When it is opened again.</param>
public sealed record SocketLost(WebSocketCloseStatus? CloseCode, string Reason, TimeSpan RetryIn) : ShopEvent;

/// <summary>
/// All pending sessions, newest first, as they are now: a session that a reader knows as pending and that is not among them is not pending any
/// more. It is the first event of each connection; the relay also sends it when it may have lost an event.
/// </summary>
public sealed record PendingSessions(IReadOnlyList<PendingSession> Sessions) : ShopEvent;

/// <summary>A session that waits for a counter: a new one, or one that came back.</summary>
/// <param name="EventId">The same if the event comes twice.</param>
/// <param name="Token">The customer's number in the queue, 1 to 999.</param>
/// <param name="Timestamp">When it happened.</param>
/// <param name="Pages">Pages that come out of the printer, as far as they are known.</param>
/// <param name="UncountedFiles">Files whose pages are not known.</param>
/// <param name="PaidAt">When the shop marked it as paid; null if it did not.</param>
/// <param name="PaidAmount">What it cost then, in the smallest unit of the currency; null if that was not known.</param>
/// <param name="SubmittedAt">When the shop was told of it first, the order of the queue; null if the relay is too old to say.</param>
public sealed record SessionAnnounced(
    long EventId,
    string SessionId,
    string PickupCode,
    int? Token,
    string? CustomerName,
    int FileCount,
    long TotalSize,
    IReadOnlyList<AnnouncedFile> Files,
    DateTimeOffset Timestamp,
    long Pages,
    int UncountedFiles,
    JobPrice Price,
    DateTimeOffset? PaidAt,
    long? PaidAmount,
    DateTimeOffset? SubmittedAt = null) : ShopEvent;

/// <summary>Something of a session has changed: files, who has claimed it, whether it is paid, or that it has ended.</summary>
/// <param name="EventId">The same if the event comes twice.</param>
/// <param name="Status">One of <see cref="SessionStatuses"/>.</param>
/// <param name="Timestamp">When it happened.</param>
/// <param name="Pages">Pages that come out of the printer, as far as they are known.</param>
/// <param name="UncountedFiles">Files whose pages are not known.</param>
/// <param name="PaidAt">When the shop marked it as paid; null if it did not.</param>
/// <param name="PaidAmount">What it cost then, in the smallest unit of the currency; null if that was not known.</param>
public sealed record SessionUpdated(
    long EventId,
    string SessionId,
    string Status,
    int FileCount,
    long TotalSize,
    IReadOnlyList<AnnouncedFile> Files,
    DateTimeOffset Timestamp,
    long Pages,
    int UncountedFiles,
    JobPrice Price,
    DateTimeOffset? PaidAt,
    long? PaidAmount) : ShopEvent;

/// <summary>Somebody has reported on an attempt to print a file.</summary>
/// <param name="EventId">The same if the event comes twice.</param>
/// <param name="Print">The attempt as it is known now.</param>
/// <param name="Timestamp">When it happened.</param>
public sealed record PrintChanged(long EventId, string SessionId, string PickupCode, Guid FileId, Print Print, DateTimeOffset Timestamp) : ShopEvent;

/// <summary>What an event says of a file.</summary>
/// <param name="Scan">One of <see cref="ScanResults"/>.</param>
/// <param name="Pages">Pages of a PDF that could be read.</param>
public sealed record AnnouncedFile(Guid Id, string Scan, string Name, int? Pages, PrintOptions PrintOptions);
