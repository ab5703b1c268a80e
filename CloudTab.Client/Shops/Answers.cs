using System.Text.Json.Serialization;

namespace CloudTab.Client;

// What the relay wraps around its answers to a shop.
internal sealed record SessionAnswer(SessionDetails Session);

internal sealed record ProcessingAnswer(IReadOnlyList<ProcessingSession> Sessions);

internal sealed record FileLinkAnswer(FileLink File);

internal sealed record TicketAnswer(string Ticket, int ExpiresIn);

internal sealed record KeysAnswer(IReadOnlyList<ShopKey> Keys);

internal sealed record NewKey(string Name, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Device);

internal sealed record ReleaseReason(string Reason);

internal sealed record Payment(long Amount);

internal sealed record OfferAnswer(Offer Offer);
